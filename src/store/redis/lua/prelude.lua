-- prelude.lua · stands in front of every script: the clock, the replication history, and windows that slide
--
-- A window is a text of moments, 13 digits each (ms since 1970, good until 2286), in the order in which they came. An
-- event counts while it is younger than the window is long, so that no window of that length, wherever it starts, ever
-- holds more than the limit. Only as many of the newest events as the limit allows can matter, so no more are kept; a
-- single one takes no more room than a number.
-- All times are Redis's own, in ms since 1970, so that instances need not agree on theirs.

local WIDTH = 13

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

-- How many of KEYS were taken by the parts before.
local taken = 0

-- The keys of one part of a reservation, if it is among those that ARGV[1] names.
local function keys_of(part, count)
  if not string.find(ARGV[1], part, 1, true) then
    return
  end
  taken = taken + count
  return unpack(KEYS, taken - count + 1, taken)
end

local function digits(moment)
  return string.format('%013.0f', moment)
end

local function window_read(key)
  local events = redis.call('GET', key) or ''
  if #events % WIDTH ~= 0 or string.find(events, '%D') then
    error('a window that is none')
  end
  return events
end

-- The moment of the nth event from the newest, nil if there are not so many.
local function nth_newest(events, n)
  local from = #events - n * WIDTH + 1
  return from >= 1 and tonumber(string.sub(events, from, from + WIDTH - 1)) or nil
end

-- ms until one more event fits, 0 if one does now; max 0 means no limit.
-- If the clock stepped back, events lie ahead of it: they count, and the wait never exceeds the window.
local function window_wait(events, max, window, now)
  local leaver = max > 0 and nth_newest(events, max)
  if not leaver or leaver + window <= now then
    return 0
  end
  return math.min(window, leaver + window - now)
end

-- Adds an event and keeps the newest so many. Without another for keep ms the key goes by itself.
local function window_add(key, events, moment, newest, keep)
  redis.call('SET', key, string.sub(events .. digits(moment), -newest * WIDTH), 'PX', keep)
end

-- Takes an event back. Those of one moment are alike.
local function window_remove(key, moment)
  local events, event = window_read(key), digits(moment)
  for from = #events - WIDTH + 1, 1, -WIDTH do
    if string.sub(events, from, from + WIDTH - 1) == event then
      local others = string.sub(events, 1, from - 1) .. string.sub(events, from + WIDTH)
      if others == '' then
        redis.call('DEL', key)
      else
        redis.call('SET', key, others, 'KEEPTTL')
      end
      return
    end
  end
end
