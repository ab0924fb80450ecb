-- reserve.lua · check every limit, then charge them and store the new code, in one atomic step
--   KEYS[1] code   KEYS[2] sends of the phone   KEYS[3] failures of the phone   KEYS[4] sends of the address
--   ARGV[1] id   ARGV[2] digest   ARGV[3] secret id   ARGV[4] max attempts   ARGV[5] lifetime ms   ARGV[6] linger ms
--   ARGV[7..8] per_phone max, window ms   ARGV[9] resend_cooldown ms   ARGV[10..11] per_ip max, window ms
--   ARGV[12..13] failures_per_phone max, window ms   (0: no such limit)
--   Returns {'reserved', '', 0} | {'limited', name of the limit that holds longest, ms}

local code, sends, failures, address = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lifetime, linger = tonumber(ARGV[5]), tonumber(ARGV[6])
local per_phone, phone_window, cooldown = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local per_ip, ip_window = tonumber(ARGV[10]), tonumber(ARGV[11])
local now = now_ms()

local name, wait = '', 0
local function holds(limit, ms)
  if ms > wait then
    name, wait = limit, ms
  end
end
holds('per_phone', window_wait(sends, per_phone, phone_window, now))
-- A cooldown is a window that holds one send.
holds('resend_cooldown', window_wait(sends, cooldown > 0 and 1 or 0, cooldown, now))
holds('per_ip', window_wait(address, per_ip, ip_window, now))
-- A code that nobody could verify is not worth a message.
holds('failures_per_phone', window_wait(failures, tonumber(ARGV[12]), tonumber(ARGV[13]), now))
if wait > 0 then
  return {'limited', name, math.ceil(wait)}
end

-- The first write must be one that a full Redis refuses: it then has refused the whole, as from the first write on it
-- lets a script finish. Otherwise codes would be sent that cannot be verified, since counting a guess is refused.
redis.call('SET', code, '')
redis.call('DEL', code)
redis.call('HSET', code, 'id', ARGV[1], 'digest', ARGV[2], 'secret_id', ARGV[3], 'attempts', 0, 'max_attempts', ARGV[4],
  'created_at', now, 'expires_at', now + lifetime)
redis.call('PEXPIRE', code, lifetime + linger)
local keep = math.max(per_phone > 0 and phone_window or 0, cooldown)
if keep > 0 then
  window_add(sends, ARGV[1], keep, now)
end
if per_ip > 0 then
  window_add(address, ARGV[1], ip_window, now)
end
return {'reserved', '', 0}
