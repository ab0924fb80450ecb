-- suspensions.lua · the suspensions of an account: a hash of 'since ends_at timed|resumable cause' by scope

-- Returns the four, or nothing if the scope is not suspended.
local function suspension_of(entry, now)
  local since, ends, term, cause = string.match(entry or '', '^(%d+) (%d+) (%l+) ([%l_]+)$')
  if since and tonumber(ends) > now then
    return tonumber(since), tonumber(ends), term, cause
  end
end

-- Drops what has ended, and lets the key live as long as the last suspension. Returns the others by scope.
local function suspensions_tidy(key, now)
  local entries, left, last = redis.call('HGETALL', key), {}, 0
  for i = 1, #entries, 2 do
    local since, ends, term, cause = suspension_of(entries[i + 1], now)
    if since then
      left[#left + 1] = {entries[i], since, ends, term, cause}
      last = math.max(last, ends)
    else
      redis.call('HDEL', key, entries[i])
    end
  end
  if last > 0 then
    redis.call('PEXPIRE', key, math.max(1, last - now))
  end
  return left
end
