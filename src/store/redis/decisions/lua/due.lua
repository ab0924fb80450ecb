-- due.lua · take verifications whose timers are due, for a while
--   KEYS[1] timers
--   ARGV[1] maximum number   ARGV[2] ms until they are due again if whoever takes them is lost
--   Returns their ids

local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(due) do
  timer_set(KEYS[1], id, now + ARGV[2], now)
end
return due
