-- take_events.lua · take events that are due, and hold them for a lease
--   KEYS[1] events   KEYS[2] retries   KEYS[3] endpoint
--   ARGV[1] the most to take   ARGV[2] lease ms   ARGV[3] lifetime of keys ms
--   Returns {place, times taken before, fields and values} for each

-- The most events that were dropped to forget in one call; more than are added meanwhile.
local MOST_FORGOTTEN = 1000
local events, retries, endpoint = KEYS[1], KEYS[2], KEYS[3]
local most, lease, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

if redis.call('EXISTS', endpoint) == 1 then
  keep_for(endpoint, keep)
end
if redis.call('EXISTS', events) == 0 then
  redis.call('DEL', retries)
  return {}
end

-- Events that the bound of the stream dropped, whether they had been taken or not. Redis 6.2 counts no additions, so that
-- there only those that had been taken are known.
local first = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local forgotten = redis.pcall('XPENDING', events, GROUP, '-', first and '(' .. first[1] or '+', MOST_FORGOTTEN)
if forgotten.err then
  redis.call('XGROUP', 'CREATE', events, GROUP, 0)
  forgotten = {}
end
for _, pending in ipairs(forgotten) do
  redis.call('XACK', events, GROUP, pending[1])
  redis.call('ZREM', retries, pending[1])
end
local dropped, info = #forgotten, redis.call('XINFO', 'STREAM', events)
for i = 1, #info, 2 do
  if info[i] == 'entries-added' then
    local gone, removed = info[i + 1] - redis.call('XLEN', events), redis.call('HGET', endpoint, 'removed')
    dropped = removed and gone - removed or 0
    if dropped ~= 0 or not removed then
      redis.call('HSET', endpoint, 'removed', gone)
    end
  end
end
if dropped > 0 then
  redis.call('HINCRBY', endpoint, 'dropped', dropped)
end
if redis.call('EXISTS', endpoint) == 1 then
  keep_for(endpoint, keep)
end
if redis.call('HEXISTS', endpoint, 'disabled_at') == 1 then
  return {}
end

local now, taken = now_ms(), {}
local function take(entry, attempts)
  redis.call('ZADD', retries, now + lease, entry[1])
  taken[#taken + 1] = {entry[1], attempts, entry[2]}
end
for _, place in ipairs(redis.call('ZRANGEBYSCORE', retries, '-inf', now, 'LIMIT', 0, most)) do
  local entry = redis.call('XCLAIM', events, GROUP, CONSUMER, 0, place)[1]
  if entry then
    take(entry, redis.call('XPENDING', events, GROUP, place, place, 1)[1][4] - 1)
  else
    redis.call('XACK', events, GROUP, place)
    redis.call('ZREM', retries, place)
  end
end
if #taken < most then
  local read = redis.call(
    'XREADGROUP', 'GROUP', GROUP, CONSUMER, 'COUNT', most - #taken, 'STREAMS', events, '>')
  for _, entry in ipairs(read and read[1][2] or {}) do
    take(entry, 0)
  end
end
if #taken > 0 then
  redis.call('PEXPIRE', retries, keep)
end
return taken
