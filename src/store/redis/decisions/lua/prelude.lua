-- prelude.lua · stands in front of every script: the clock, the replication history, windows, budgets and codes
--
-- A window is a text of moments, 13 digits each (ms since 1970, good until 2286), in the order in which they came. An
-- event counts while it is younger than the window is long, so that no window of that length, wherever it starts, ever
-- holds more than the limit. Only as many of the newest events as the limit allows can matter, so no more are kept; a
-- single one takes no more room than a number.
-- All times are Redis's own, in ms since 1970, so that instances need not agree on theirs.

local WIDTH = 13

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function now_ms()
  return math.floor(now_us() / 1000)
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

-- The keys of one part of a decision, if it is among those that ARGV[1] names.
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

-- Sets a key's time to live, unless it lives longer already: an instance with a shorter window must not cut short what
-- another one has to remember.
local function keep_for(key, ms)
  if redis.call('PTTL', key) < ms then
    redis.call('PEXPIRE', key, ms)
  end
end

-- The moments in a window, and whether they were moved: where the clock was set back, those that lie ahead of it become
-- moments of now. Otherwise the wait that is told would be shorter than the wait that follows.
local function window_of(events, now)
  if #events % WIDTH ~= 0 or string.find(events, '%D') then
    error('not a window of moments')
  end
  if #events == 0 or tonumber(string.sub(events, -WIDTH)) <= now then
    return events, false
  end
  local moved = string.gsub(events, string.rep('%d', WIDTH), function(moment)
    return tonumber(moment) > now and digits(now) or nil
  end)
  return moved, true
end

local function window_read(key, now)
  local events, moved = window_of(redis.call('GET', key) or '', now)
  if moved then
    redis.call('SET', key, events, 'KEEPTTL')
  end
  return events
end

-- The same for a window in a field of a hash.
local function field_read(key, field, now)
  local events, moved = window_of(redis.call('HGET', key, field) or '', now)
  if moved then
    redis.call('HSET', key, field, events)
  end
  return events
end

-- The moment of the nth event from the newest, nil if there are not so many.
local function nth_newest(events, n)
  local from = #events - n * WIDTH + 1
  return from >= 1 and tonumber(string.sub(events, from, from + WIDTH - 1)) or nil
end

-- ms until one more event fits, 0 if one does now; max 0 means no limit.
local function window_wait(events, max, window, now)
  local leaver = max > 0 and nth_newest(events, max)
  if not leaver or leaver + window <= now then
    return 0
  end
  return leaver + window - now
end

-- The window with one more event. It keeps the newest so many, or as many as it had: another instance may need them.
local function window_with(events, moment, newest)
  return string.sub(events .. digits(moment), -math.max(newest * WIDTH, #events))
end

-- Adds an event. Without another for keep ms the key goes by itself.
local function window_add(key, events, moment, newest, keep)
  if events ~= '' then
    keep = math.max(keep, redis.call('PTTL', key))
  end
  redis.call('SET', key, window_with(events, moment, newest), 'PX', keep)
end

-- Takes an event back. Those of one moment are alike.
local function window_remove(key, moment, now)
  local events, event = window_read(key, now), digits(moment)
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

-- A budget is a hash that counts events by slices of its window, each by the moment that it begins with, for limits of more
-- events than are worth a moment each. A slice counts until its last moment has left the window, so a budget never allows
-- more than its limit.
local SLICES = 30

local function slice_width(window)
  return math.ceil(window / SLICES)
end

-- ms until one more event fits, 0 if one does now; slices that have left the window are dropped when it is charged.
local function budget_wait(key, max, window, now)
  local width, entries, live, total = slice_width(window), redis.call('HGETALL', key), {}, 0
  for i = 1, #entries, 2 do
    -- What lies ahead of a clock that was set back counts as happening now.
    local slice = math.min(tonumber(entries[i]), now)
    if slice + width + window > now then
      live[#live + 1] = {slice, tonumber(entries[i + 1])}
      total = total + tonumber(entries[i + 1])
    end
  end
  if total < max then
    return 0
  end
  table.sort(live, function(one, other) return one[1] < other[1] end)
  for _, slice in ipairs(live) do
    total = total - slice[2]
    if total < max then
      return slice[1] + width + window - now
    end
  end
  return window
end

local function budget_add(key, window, now)
  local width = slice_width(window)
  redis.call('HINCRBY', key, digits(now - now % width), 1)
  for _, slice in ipairs(redis.call('HKEYS', key)) do
    if slice + width + window <= now then
      redis.call('HDEL', key, slice)
    end
  end
  keep_for(key, window + width)
end

local function budget_remove(key, moment, window)
  local slice = digits(moment - moment % slice_width(window))
  if (tonumber(redis.call('HGET', key, slice)) or 0) > 0 then
    redis.call('HINCRBY', key, slice, -1)
  end
end

-- The sender's pace is one number, the moment of the next turn in us: each message takes it and moves it on by the interval
-- (the generic cell rate algorithm).

-- The moment of a message's turn, and the ms by which that is later than it may wait, 0 if it is not. No message waits
-- longer than it may, so a turn that lies further ahead is another clock's.
local function pace_turn(key, interval, longest_wait, now)
  local next_turn, turn = tonumber(redis.call('GET', key)) or 0, now
  if next_turn <= now + longest_wait + interval then
    turn = math.max(now, next_turn)
  end
  return turn, math.ceil(math.max(0, turn - now - longest_wait) / 1000)
end

-- Takes that turn, and returns the ms until it comes.
local function pace_take(key, turn, interval, now)
  local next_turn = turn + interval
  redis.call('SET', key, string.format('%.0f', next_turn), 'PX', math.ceil((next_turn - now) / 1000))
  return math.ceil((turn - now) / 1000)
end

-- A code's record holds the newest code in its fields and, in `earlier`, those that it is to replace: a line each, newest
-- first. A code has replaced those before it once WhatsApp has not refused it (`confirm`), or cannot any more because
-- its send has had its time. Until then all of them are good, as nobody knows yet which one is on the phone.
local ID, DIGEST, SECRET, ATTEMPTS, MAX_ATTEMPTS, CREATED, EXPIRES, HISTORY, EARLIER = 1, 2, 3, 4, 5, 6, 7, 8, 9
local FIELDS = {'id', 'digest', 'secret_id', 'attempts', 'max_attempts', 'created_at', 'expires_at', 'history', 'earlier'}
-- So many earlier codes are kept, whatever is asked for at once: the newest, and the one that was there before.
local MOST_EARLIER = 3

-- The codes of a record that are not replaced yet, newest first. send_time is how long a send may take, in ms. A key that
-- holds something else is an error, unless a new code is to take its place.
local function codes_read(key, send_time, now, take_place)
  local newest = redis.pcall('HMGET', key, unpack(FIELDS))
  if newest.err then
    if not take_place then
      error(newest.err)
    end
    redis.call('DEL', key)
  end
  if not newest[ID] then
    return {}
  end
  local codes = {newest}
  for line in string.gmatch(newest[EARLIER] or '', '[^\n]+') do
    if now >= codes[#codes][CREATED] + send_time then
      break
    end
    local code = {}
    for word in string.gmatch(line, '%S+') do
      code[#code + 1] = word
    end
    if code[HISTORY] == '-' then
      code[HISTORY] = false
    end
    codes[#codes + 1] = code
  end
  return codes
end

-- Writes what a record's codes are now, and how long it stays: until the newest has expired, and linger ms more.
local function codes_write(key, codes, linger, now)
  local newest = codes[1]
  local fields, gone = {}, {}
  local lines = {}
  for i = 2, #codes do
    if i <= MOST_EARLIER or i == #codes then
      local words = {}
      for word = 1, HISTORY do
        words[word] = codes[i][word] or '-'
      end
      lines[#lines + 1] = table.concat(words, ' ')
    end
  end
  newest[EARLIER] = #lines > 0 and table.concat(lines, '\n')
  for i, name in ipairs(FIELDS) do
    if newest[i] then
      fields[#fields + 1] = name
      fields[#fields + 1] = newest[i]
    else
      gone[#gone + 1] = name
    end
  end
  redis.call('HSET', key, unpack(fields))
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
  end
  if linger then
    redis.call('PEXPIRE', key, math.max(1, newest[EXPIRES] + linger - now))
  end
end

-- Why a code is not compared with a guess, nil if it is. history is that of this server where codes of another are
-- refused: there the code may have been used, or guessed at, without this server knowing.
local function dead(code, history, now)
  if tonumber(code[ATTEMPTS]) >= tonumber(code[MAX_ATTEMPTS]) then
    return 'locked'
  end
  if now >= tonumber(code[EXPIRES]) then
    return 'expired'
  end
  if history and code[HISTORY] ~= history then
    return 'fenced'
  end
end

-- The history to compare codes with if they are to be fenced, and the error to answer with if it is not to be had.
local function fence(after_failover)
  if after_failover == 'reject' then
    return replication_history()
  end
end

-- Wrong guesses at a phone count against the address that they come from, and against the phone; against the phone only the
-- first `share` of each address. So one address closes the phone for itself alone, and its owner, who is elsewhere, still
-- has guesses.
--   failures, guessers: the phone's keys   address: what stands for the address, '' for none

-- ms until another guess from the address is compared, the failures of the phone, and of those the address's own.
local function failures_wait(failures, guessers, address, max, window, now)
  if max == 0 then
    return 0, '', ''
  end
  local events, own = window_read(failures, now), ''
  local wait = window_wait(events, max, window, now)
  if address ~= '' then
    own = field_read(guessers, address, now)
    wait = math.max(wait, window_wait(own, max, window, now))
  end
  return wait, events, own
end

-- Adds a failure to those of the phone, which are events, and of the address, which are own.
local function failures_add(failures, events, guessers, address, own, max, window, share, now)
  if address == '' then
    window_add(failures, events, now, max, window)
    return
  end
  local oldest = nth_newest(own, share)
  if not oldest or oldest + window <= now then
    window_add(failures, events, now, max, window)
  end
  redis.call('HSET', guessers, address, window_with(own, now, max))
  keep_for(guessers, window)
  -- No more addresses than failures are of interest.
  if redis.call('HLEN', guessers) > max then
    local entries = redis.call('HGETALL', guessers)
    for i = 1, #entries, 2 do
      if nth_newest(entries[i + 1], 1) + window <= now then
        redis.call('HDEL', guessers, entries[i])
      end
    end
  end
end
