-- clock.lua · the time, by Redis's own clock, so that instances need not agree on theirs: ms or us since 1970

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function now_ms()
  return math.floor(now_us() / 1000)
end

-- Sets a key's time to live unless it already lives longer: an instance with a shorter window must not cut short what
-- another one has to remember. A quarter is added, so that a busy key is not extended with each event.
local function keep_for(key, ms)
  if redis.call('PTTL', key) < ms then
    redis.call('PEXPIRE', key, ms + math.ceil(ms / 4))
  end
end
