-- timers.lua · set or drop timers
--   KEYS[1] timers
--   ARGV for each: id · ms from now, or '' to drop it
--   Returns their number

local now = now_ms()
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('ZREM', KEYS[1], ARGV[i])
  else
    timer_set(KEYS[1], ARGV[i], now + ARGV[i + 1], now)
  end
end
return #ARGV / 2
