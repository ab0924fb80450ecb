-- prelude.lua · stands in front of every script: the clock, the replication history, and windows that slide
--
-- A window is a sorted set of event ids, each scored with its moment in ms. An event counts while it is younger
-- than the window is long, so that no window of that length, wherever it starts, ever holds more than the limit.
-- All times are Redis's own, in ms since 1970, so that instances need not agree on theirs.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The replication history that this server writes, or nil and the error to answer with. A promotion draws a new one, on
-- the promoted server alone. A server that is no primary, perhaps no longer, decides nothing.
local function replication_history()
  local info = redis.call('INFO', 'replication')
  if not string.find(info, '\nrole:master\r', 1, true) then
    return nil, redis.error_reply('READONLY this server is no primary')
  end
  local id = string.match(info, '\nmaster_replid:(%x+)\r')
  if not id then
    return nil, redis.error_reply('NOHISTORY this server does not name its replication history')
  end
  return string.sub(id, 1, 16)
end

-- Events in the window.
local function window_count(key, window, now)
  return redis.call('ZCOUNT', key, '(' .. string.format('%.0f', now - window), '+inf')
end

-- ms until one more event fits, 0 if one does now; max 0 means no limit.
-- If the clock stepped back, events lie ahead of it: they count, and the wait never exceeds the window.
local function window_wait(key, max, window, now)
  if max == 0 or window_count(key, window, now) < max then
    return 0
  end
  local leaver = redis.call('ZREVRANGE', key, max - 1, max - 1, 'WITHSCORES')
  return math.max(1, math.min(window, leaver[2] + window - now))
end

-- Adds an event, and forgets those older than keep ms; without events for that long the key goes by itself.
local function window_add(key, event, keep, now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - keep)
  redis.call('ZADD', key, now, event)
  redis.call('PEXPIRE', key, keep)
end
