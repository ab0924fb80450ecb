-- slices.lua · events counted by slices of a window, for limits with too many events to store each moment
--
-- A hash has a count for each slice, keyed by the slice's first moment. A slice counts until its last moment has left
-- the window. So the limit is never exceeded, but an event may count for up to a slice too long.

local SLICES = 30

local function slice_width(window)
  return math.ceil(window / SLICES)
end

local function slice_of(moment, window)
  return string.format('%013.0f', moment - moment % slice_width(window))
end

-- Returns the slices that count, each with its number of events, oldest first, and the sum of these numbers.
local function slices_live(key, window, now)
  local width, entries, live, total = slice_width(window), redis.call('HGETALL', key), {}, 0
  for i = 1, #entries, 2 do
    -- A slice that lies ahead of a clock that was set back counts as one of now.
    local slice = math.min(tonumber(entries[i]), now)
    if slice + width + window > now then
      live[#live + 1] = {slice, tonumber(entries[i + 1])}
      total = total + tonumber(entries[i + 1])
    end
  end
  table.sort(live, function(one, other) return one[1] < other[1] end)
  return live, total
end

-- Returns the number of events that still fit, and the ms until more do.
local function slices_left(key, max, window, now)
  local live, total = slices_live(key, window, now)
  return math.max(0, max - total), live[1] and live[1][1] + slice_width(window) + window - now or 0
end

-- Returns the ms until one more event fits, 0 if one fits now.
local function slices_wait(key, max, window, now)
  local live, total = slices_live(key, window, now)
  if total < max then
    return 0
  end
  for _, slice in ipairs(live) do
    total = total - slice[2]
    if total < max then
      return slice[1] + slice_width(window) + window - now
    end
  end
  return window
end

local function slices_add(key, window, now)
  local width = slice_width(window)
  redis.call('HINCRBY', key, slice_of(now, window), 1)
  for _, slice in ipairs(redis.call('HKEYS', key)) do
    if slice + width + window <= now then
      redis.call('HDEL', key, slice)
    end
  end
  keep_for(key, window + width)
end

local function slices_remove(key, moment, window)
  local slice = slice_of(moment, window)
  if (tonumber(redis.call('HGET', key, slice)) or 0) > 0 then
    redis.call('HINCRBY', key, slice, -1)
  end
end
