-- turn.lua · take one more turn of the sender, for a message that is sent again
--   KEYS[1] pace of the sender
--   ARGV[1..2] us between two messages of the sender, longest wait ms
--   Returns {'turn', '', ms until the message's turn} | {'crowded', '', ms until a turn would come in time}

local now, interval = now_us(), tonumber(ARGV[1])
local turn, late = pace_turn(KEYS[1], interval, ARGV[2] * 1000, now)
if late > 0 then
  return {'crowded', '', late}
end
return {'turn', '', pace_take(KEYS[1], turn, interval, now)}
