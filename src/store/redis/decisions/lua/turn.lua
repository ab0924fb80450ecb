-- turn.lua · take one more turn of the sender, for a message that is sent again
--   KEYS, ARGV those of pace.lua
--   Returns {'turn', '', ms until the message's turn} | {'crowded', '', ms until a message could get a turn in time}

local now, pace = now_us(), pace_read()
local late = pace_late(pace, now)
if late > 0 then
  return {'crowded', '', late}
end
return {'turn', '', pace_take(pace, now)}
