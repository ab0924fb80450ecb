-- resume.lua · end the suspension of a part of an account
--   KEYS[1] suspensions
--   ARGV[1] scope   ARGV[2] the end that it must have, or ''
--   Returns 1, or 0 if it is not suspended or has another end

local now = now_ms()
local since, ends = suspension_of(redis.call('HGET', KEYS[1], ARGV[1]), now)
if not since or (ARGV[2] ~= '' and tonumber(ARGV[2]) ~= ends) then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
suspensions_tidy(KEYS[1], now)
return 1
