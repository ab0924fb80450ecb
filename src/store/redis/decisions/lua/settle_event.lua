-- settle_event.lua · record the result of an attempt to deliver an event
--   KEYS[1] events   KEYS[2] retries   KEYS[3] endpoint   KEYS[4] undelivered
--   ARGV[1] place   ARGV[2] 'delivered', 'retry', 'given_up' or 'gone'   ARGV[3] time to the next attempt ms
--   ARGV[4] the failure, in words   ARGV[5] lifetime of keys ms   ARGV[6] most undelivered events
--   ARGV[7] events given up in a row that disable the endpoint
--   Returns 1 if the endpoint is disabled now and was not before | 0

local events, retries, endpoint, undelivered = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, place, outcome, keep = now_ms(), ARGV[1], ARGV[2], tonumber(ARGV[5])
local disables = 0
if outcome == 'retry' then
  redis.call('ZADD', retries, 'XX', now + ARGV[3], place)
  redis.call('HSET', endpoint, 'last_error', ARGV[4])
elseif outcome == 'delivered' then
  event_remove(events, retries, endpoint, place)
  redis.call('HDEL', endpoint, 'failed', 'last_error')
else
  local failed, fields = 0, event_remove(events, retries, endpoint, place)
  -- Without it, another instance has recorded a result.
  if fields then
    for _, word in ipairs({'given_up_at', string.format('%.0f', now), 'error', ARGV[4]}) do
      fields[#fields + 1] = word
    end
    redis.call('XADD', undelivered, 'MAXLEN', ARGV[6], '*', unpack(fields))
    redis.call('PEXPIRE', undelivered, keep)
    failed = redis.call('HINCRBY', endpoint, 'failed', 1)
    redis.call('HSET', endpoint, 'last_error', ARGV[4])
  end
  if outcome == 'gone' or failed >= tonumber(ARGV[7]) then
    if redis.call('HEXISTS', endpoint, 'disabled_at') == 0 then
      redis.call('HSET', endpoint, 'disabled_at', string.format('%.0f', now))
      disables = 1
    end
  end
end
if redis.call('EXISTS', endpoint) == 1 then
  keep_for(endpoint, keep)
end
return disables
