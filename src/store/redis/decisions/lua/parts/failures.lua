-- failures.lua · wrong guesses at a number
--
-- They count against the address that they come from, but only the first `share` of each address count against the
-- number. One address can therefore lock the number only for itself, while its owner, at another address, still has
-- guesses.
--   KEYS  moments of the number's failures · hash of the same by address
--   ARGV  max, window ms (0: no such limit) · share · name of the address, or ''

-- Reads the failures. Their `wait` is the ms until another guess is compared.
local function failures_read(now)
  local failures = {key = key(), by_address = key(), max = number(), window = number(), share = number()}
  failures.address, failures.own, failures.newest, failures.wait = word(), '', '', 0
  if failures.max == 0 then
    return failures
  end
  failures.newest = moments_newest(failures.key, now)
  failures.wait = moments_wait(failures.key, failures.max, failures.window, now)
  if failures.address ~= '' then
    failures.own = not_ahead(redis.call('HGET', failures.by_address, failures.address) or '', now)
    local own_wait = wait_for(nth_newest(failures.own, failures.max), failures.window, now)
    failures.wait = math.max(failures.wait, own_wait)
  end
  return failures
end

-- Records a failure.
local function failures_add(failures, now)
  local max, window = failures.max, failures.window
  if max == 0 then
    return
  end
  if failures.address == '' or wait_for(nth_newest(failures.own, failures.share), window, now) == 0 then
    moments_add(failures.key, failures.newest, max, window, now)
  end
  if failures.address == '' then
    return
  end
  -- Keeps the newest `max`, or as many as there were: another instance may need them.
  local own = string.sub(failures.own .. digits(now), -math.max(max * WIDTH, #failures.own))
  redis.call('HSET', failures.by_address, failures.address, own)
  keep_for(failures.by_address, window)
  -- If there are more addresses than matter, those whose failures have all left the window are dropped.
  if redis.call('HLEN', failures.by_address) > max then
    local entries = redis.call('HGETALL', failures.by_address)
    for i = 1, #entries, 2 do
      if nth_newest(entries[i + 1], 1) + window <= now then
        redis.call('HDEL', failures.by_address, entries[i])
      end
    end
  end
end

local function failures_clear(failures)
  redis.call('DEL', failures.key, failures.by_address)
end
