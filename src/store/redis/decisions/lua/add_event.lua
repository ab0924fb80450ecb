-- add_event.lua · add events to the queue of their app, each once
--   KEYS[1] events   KEYS[2] the ids that were added, by moment
--   ARGV[1] most events   ARGV[2] lifetime of events ms   ARGV[3] time to remember an id ms
--   ARGV[4..] for each event 12 words: its fields and values, the id first
--   Returns the number of events that were not added before

local now, most, new = now_ms(), tonumber(ARGV[1]), 0
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
for i = 4, #ARGV, 12 do
  if redis.call('ZADD', KEYS[2], 'NX', now, ARGV[i + 1]) == 1 then
    event_add(KEYS[1], most, ARGV[2], {unpack(ARGV, i, i + 11)})
    new = new + 1
  end
end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -(most + 1))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return new
