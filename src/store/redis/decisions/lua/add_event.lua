-- add_event.lua · add an event to the queue of its app, once
--   KEYS[1] events   KEYS[2] the ids that were added, by moment
--   ARGV[1] most events   ARGV[2] lifetime of events ms   ARGV[3] time to remember an id ms   ARGV[4..] fields, values
--   Returns 1 | 0 if it was added before

local now, most, id = now_ms(), tonumber(ARGV[1]), ARGV[5]
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
if redis.call('ZADD', KEYS[2], 'NX', now, id) == 0 then
  return 0
end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -(most + 1))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
event_add(KEYS[1], most, ARGV[2], {unpack(ARGV, 4)})
return 1
