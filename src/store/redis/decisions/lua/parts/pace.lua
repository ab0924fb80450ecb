-- pace.lua · the pace of a sender, as one number: the moment of the next turn in us since 1970
--
-- Each message takes that turn and advances it by the interval (the generic cell rate algorithm).

-- The number outlives its turn by this many ms, so that a busy sender adds to it rather than rewriting it.
local LINGER = 10000

-- Reads the pace: the us between two messages, 0 for no pace, and the maximum wait in ms.
local function pace_read()
  local interval, longest_wait = number(), number()
  if interval > 0 then
    return {key = key(), interval = interval, longest_wait = longest_wait * 1000}
  end
end

-- Finds a message's turn, and returns the ms by which it exceeds the maximum wait, or 0. No message waits longer than
-- that, so a turn further ahead was set by another clock.
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
