-- events.lua · the events of an app on their way to its endpoint
--
-- An event is an entry of a stream until the endpoint has it or it is given up. `retries` has each event that was taken,
-- by the moment at which it is due again. The consumer group counts how often each was taken; its one consumer is all
-- instances together. `endpoint` is a hash: `disabled_at`, `failed` (given up in a row), `last_error`, `dropped`, and
-- `removed`, the number of entries that left the stream in any way.

local GROUP, CONSUMER = 'endpoint', 'instances'

-- Removes an event from the queue. Returns its fields, or nil if it is not there any more.
local function event_remove(events, retries, endpoint, place)
  local entry = redis.call('XRANGE', events, place, place)[1]
  redis.call('ZREM', retries, place)
  if not entry then
    return nil
  end
  redis.call('XACK', events, GROUP, place)
  redis.call('XDEL', events, place)
  redis.call('HINCRBY', endpoint, 'removed', 1)
  return entry[2]
end

-- Adds an event. The oldest ones are dropped if there are too many.
local function event_add(events, most, keep, fields)
  redis.call('XADD', events, 'MAXLEN', '~', most, '*', unpack(fields))
  redis.call('PEXPIRE', events, keep)
end
