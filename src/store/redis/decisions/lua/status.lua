-- status.lua · what is there for one phone; changes nothing of it
--   KEYS[1] code   KEYS[2] sends of the phone   KEYS[3] failures of the phone
--   ARGV[1..2] per_phone max, window ms   ARGV[3] resend_cooldown ms   ARGV[4..5] failures_per_phone max, window ms
--   Returns {now, {digest, attempts, max_attempts, expires_at} or {}, {count, ms until one more fits} for each of
--            per_phone, resend_cooldown, failures_per_phone}

local now = now_ms()
local function limit(key, max, window)
  local events, count = window_read(key, now), 0
  while count < max and (nth_newest(events, count + 1) or 0) > now - window do
    count = count + 1
  end
  return {count, window_wait(events, max, window, now)}
end
local record = redis.call('HMGET', KEYS[1], 'digest', 'attempts', 'max_attempts', 'expires_at')
local cooldown = tonumber(ARGV[3])
return {
  now,
  record[1] and record or {},
  limit(KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])),
  limit(KEYS[2], cooldown > 0 and 1 or 0, cooldown),
  limit(KEYS[3], tonumber(ARGV[4]), tonumber(ARGV[5])),
}
