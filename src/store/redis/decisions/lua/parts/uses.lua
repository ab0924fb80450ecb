-- uses.lua · what is left of the limits after a decision, for callers that pace themselves

-- Returns the number of events that still fit into a key's window, and the ms until more do.
local function moments_left(key, max, window, now)
  local function moment(n)
    local found = redis.call('GETRANGE', key, -WIDTH * n, -WIDTH * n + WIDTH - 1)
    return #found == WIDTH and tonumber(found)
  end
  -- Moments are in order, so the oldest that counts is found by halving.
  local counted, beyond = 0, max + 1
  while beyond - counted > 1 do
    local middle = math.floor((counted + beyond) / 2)
    if (moment(middle) or 0) + window > now then
      counted = middle
    else
      beyond = middle
    end
  end
  return max - counted, counted > 0 and moment(counted) + window - now or 0
end

-- Returns the name, the number of events that still fit and the ms until more do, for each rule of each counter.
local function counters_uses(counters, now)
  local uses = {}
  for _, counter in ipairs(counters) do
    for _, rule in ipairs(counter.rules) do
      local left, ms = (counter.slices and slices_left or moments_left)(counter.key, rule[2], rule[3], now)
      uses[#uses + 1] = rule[1]
      uses[#uses + 1] = tostring(left)
      uses[#uses + 1] = tostring(ms)
    end
  end
  return uses
end
