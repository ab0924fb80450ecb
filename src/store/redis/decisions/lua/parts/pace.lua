-- pace.lua · the pace of a sender, as one number: the moment of the next turn in us since 1970
--
-- Each message takes that turn and moves it on by the interval (the generic cell rate algorithm).

-- So long the number outlives its turn, in ms: a sender that is in use adds to it instead of writing it anew.
local LINGER = 10000

-- The pace that comes next in the arguments: the us between two messages, 0 for no pace, and the longest wait in us.
local function pace_read()
  local interval, longest_wait = number(), number()
  if interval > 0 then
    return {key = key(), interval = interval, longest_wait = longest_wait * 1000}
  end
end

-- Finds a message's turn, and returns the ms by which it is later than a message may wait, 0 if it is not. No message
-- waits longer than that, so a turn that lies further ahead was set by another clock.
local function pace_late(pace, now)
  local next_turn = tonumber(redis.call('GET', pace.key))
  local counts = next_turn and next_turn <= now + pace.longest_wait + pace.interval
  pace.next_turn, pace.turn = next_turn, counts and math.max(now, next_turn) or now
  return math.ceil(math.max(0, pace.turn - now - pace.longest_wait) / 1000)
end

-- Takes that turn, and returns the ms until it comes.
local function pace_take(pace, now)
  local next_turn = pace.turn + pace.interval
  local keep = math.ceil((next_turn - now) / 1000)
  if pace.next_turn and redis.call('PTTL', pace.key) >= keep then
    redis.call('INCRBY', pace.key, string.format('%.0f', next_turn - pace.next_turn))
  else
    redis.call('SET', pace.key, string.format('%.0f', next_turn), 'PX', keep + LINGER)
  end
  return math.ceil((pace.turn - now) / 1000)
end
