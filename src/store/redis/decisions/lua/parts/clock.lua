-- clock.lua · the time in ms or us since 1970, by Redis's clock, so that the clocks of instances need not agree

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function now_ms()
  return math.floor(now_us() / 1000)
end

-- Sets a key's time to live unless it already lives longer: an instance with a shorter window must not discard what
-- another one needs. A quarter is added, so that a busy key is not extended with each event.
local function keep_for(key, ms)
  if redis.call('PTTL', key) < ms then
    redis.call('PEXPIRE', key, ms + math.ceil(ms / 4))
  end
end
