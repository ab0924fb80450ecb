-- turn.lua · take one more turn of the sender, for a message that is sent again
--   KEYS[1] pace of the sender
--   ARGV[1..2] us between two messages of the sender, longest wait ms
--   Returns {'turn', '', ms until the message's turn} | {'crowded', '', ms until a turn would come in time}

local now, interval, longest_wait = now_us(), tonumber(ARGV[1]), ARGV[2] * 1000
local next_turn, turn = tonumber(redis.call('GET', KEYS[1])) or 0, now
-- A turn that lies further ahead than anybody waits is another clock's.
if next_turn <= now + longest_wait + interval then
  turn = math.max(now, next_turn)
end
if turn - now > longest_wait then
  return {'crowded', '', math.ceil((turn - now - longest_wait) / 1000)}
end
next_turn = turn + interval
redis.call('SET', KEYS[1], string.format('%.0f', next_turn), 'PX', math.ceil((next_turn - now) / 1000))
return {'turn', '', math.ceil((turn - now) / 1000)}
