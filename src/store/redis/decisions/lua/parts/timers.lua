-- timers.lua · verifications to visit at a moment, by id

-- The time in ms that the timers are kept after the latest of them.
local TIMERS_KEPT = 3600 * 1000

local function timer_set(key, id, due, now)
  redis.call('ZADD', key, due, id)
  keep_for(key, math.max(0, due - now) + TIMERS_KEPT)
end
