-- endpoint.lua · the state of an app's endpoint and queue
--   KEYS[1] events   KEYS[2] endpoint   KEYS[3] undelivered
--   Returns {disabled_at or '', events waiting, age of the oldest ms, events given up, events dropped, last error or ''}

local known = redis.call('HMGET', KEYS[2], 'disabled_at', 'dropped', 'last_error')
local oldest, age = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1], 0
if oldest then
  age = math.max(0, now_ms() - string.match(oldest[1], '^%d+'))
end
return {
  known[1] or '', redis.call('XLEN', KEYS[1]), age, redis.call('XLEN', KEYS[3]), tonumber(known[2] or 0), known[3] or '',
}
