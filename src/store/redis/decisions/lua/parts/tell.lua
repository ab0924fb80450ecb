-- tell.lua · tell the endpoint of an app about transitions
--
-- The last argument has the app's name and the types of events that its endpoint is told of, or is '' if there are none.
-- If there are some, the last key is the stream that takes the events, in the same step as the transition: the app's own
-- or, in a cluster, the outbox of the number, from which an instance moves them.

-- The maximum number of events that wait in a stream, about, and the time that it is kept without a new one.
local MOST_EVENTS, EVENTS_KEPT = 10000, 7 * 24 * 3600 * 1000

local told, stream = ARGV[#ARGV], KEYS[#KEYS]

-- Tells another app's endpoint from now on.
local function tell_app(app_and_types, key)
  told, stream = app_and_types, key
end

local function is_told(event_type)
  return string.find(told .. ' ', ' ' .. event_type .. ' ', 1, true)
end

-- Adds an event. `id` is unique, and `about` describes its subject.
local function add_event(id, event_type, now, sequence, about)
  redis.call('XADD', stream, 'MAXLEN', '~', MOST_EVENTS, '*', 'id', id, 'type', event_type, 'at', now,
    'app', string.match(told, '^%S*'), 'sequence', sequence, 'about', about)
  keep_for(stream, EVENTS_KEPT)
end
