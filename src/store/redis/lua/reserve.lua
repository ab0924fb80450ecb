-- reserve.lua · check every limit, then charge them and store the new code, in one atomic step
--   KEYS[1] code   KEYS[2] sends of the phone   KEYS[3] failures of the phone   KEYS[4] sends of the address
--   KEYS[5] sends of the sender
--   ARGV[1] id   ARGV[2] digest   ARGV[3] secret id   ARGV[4] max attempts   ARGV[5] lifetime ms   ARGV[6] linger ms
--   ARGV[7..8] per_phone max, window ms   ARGV[9] resend_cooldown ms   ARGV[10..11] per_ip max, window ms
--   ARGV[12..13] failures_per_phone max, window ms   (0: no such limit)
--   ARGV[14..16] messages in a window of the sender, window ms, longest wait ms   (0: no pace)
--   Returns {'reserved', '', ms until the message's turn, moment} | {'limited', name of the limit that holds longest, ms, 0}
--         | {'crowded', '', ms until a turn would come in time, 0}

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
local sent, sent_by_address = window_read(sends), window_read(address)
holds('per_phone', window_wait(sent, per_phone, phone_window, now))
-- A cooldown is a window that holds one send.
holds('resend_cooldown', window_wait(sent, cooldown > 0 and 1 or 0, cooldown, now))
holds('per_ip', window_wait(sent_by_address, per_ip, ip_window, now))
-- A code that nobody could verify is not worth a message.
holds('failures_per_phone', window_wait(window_read(failures), tonumber(ARGV[12]), tonumber(ARGV[13]), now))
if wait > 0 then
  return {'limited', name, wait, 0}
end

-- The sender's turns lie in the future as well: this one comes when the turn so many before it is a window ago.
local per_window, pace_window, longest_wait = tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
local turn, turns = now, ''
if per_window > 0 then
  turns = window_read(KEYS[5])
  local before = nth_newest(turns, per_window)
  if before then
    -- A clock that stepped back must not make anyone wait for more than a window behind the others.
    turn = math.max(now, math.min(before + pace_window, now + longest_wait + pace_window))
  end
  if turn - now > longest_wait then
    return {'crowded', '', turn - now - longest_wait, 0}
  end
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
  window_add(sends, sent, now, math.max(per_phone, 1), keep)
end
if per_ip > 0 then
  window_add(address, sent_by_address, now, per_ip, ip_window)
end
if per_window > 0 then
  window_add(KEYS[5], turns, turn, per_window, pace_window + longest_wait)
end
return {'reserved', '', turn - now, now}
