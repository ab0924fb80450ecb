-- moments.lua · events by their moments, for limits that hold exactly
--
-- Moments are ms since 1970, 13 digits each (valid until 2286), without separators, in order. An event counts until it
-- is as old as the window is long, so no window of that length, wherever it starts, ever contains more events than the
-- limit. Only as many of the newest events as the limit allows matter.

local WIDTH = 13
-- A key that holds fewer moments is not shortened: an instance with a higher limit may need them.
local KEPT = 64

local function digits(moment)
  return string.format('%013.0f', moment)
end

-- Returns the nth newest moment, or nil if there are fewer.
local function nth_newest(moments, n)
  local from = #moments - n * WIDTH + 1
  return from >= 1 and tonumber(string.sub(moments, from, from + WIDTH - 1)) or nil
end

-- Returns the ms until one more event fits if `leaver` must leave the window first; 0 if one fits now.
local function wait_for(leaver, window, now)
  if not leaver or leaver + window <= now then
    return 0
  end
  return leaver + window - now
end

-- Moves moments that lie ahead of a clock that was set back to now. Otherwise the reported wait would be shorter than
-- the actual one.
local function not_ahead(moments, now)
  return (string.gsub(moments, string.rep('%d', WIDTH), function(moment)
    return tonumber(moment) > now and digits(now) or nil
  end))
end

-- Returns the newest moment of a key as text; '' if there is none.
local function moments_newest(key, now)
  local newest = redis.call('GETRANGE', key, -WIDTH, -1)
  if newest == '' then
    return newest
  end
  if #newest ~= WIDTH or string.find(newest, '%D') then
    error('not a window of moments')
  end
  if tonumber(newest) > now then
    redis.call('SET', key, not_ahead(redis.call('GET', key), now), 'KEEPTTL')
  end
  return newest
end

-- Returns the ms until one more event fits into a key's window, 0 if one fits now; max 0 means no limit.
local function moments_wait(key, max, window, now)
  if max == 0 then
    return 0
  end
  local leaver = redis.call('GETRANGE', key, -WIDTH * max, -WIDTH * max + WIDTH - 1)
  return wait_for(#leaver == WIDTH and tonumber(leaver), window, now)
end

-- Records an event. `newest` is the key's newest moment, `most` the number that matter, `keep` their lifetime in ms.
local function moments_add(key, newest, most, keep, now)
  if newest == '' then
    redis.call('SET', key, digits(now), 'PX', keep)
    return
  end
  local length = redis.call('APPEND', key, digits(now))
  keep_for(key, keep)
  if length > 2 * WIDTH * math.max(most, KEPT) then
    local kept = redis.call('GETRANGE', key, -WIDTH * math.max(most, KEPT), -1)
    redis.call('SET', key, kept, 'KEEPTTL')
  end
end

-- Removes an event. Events of the same moment are interchangeable.
local function moments_remove(key, moment)
  local moments, event = redis.call('GET', key) or '', digits(moment)
  for from = #moments - WIDTH + 1, 1, -WIDTH do
    if string.sub(moments, from, from + WIDTH - 1) == event then
      local others = string.sub(moments, 1, from - 1) .. string.sub(moments, from + WIDTH)
      if others == '' then
        redis.call('DEL', key)
      else
        redis.call('SET', key, others, 'KEEPTTL')
      end
      return
    end
  end
end
