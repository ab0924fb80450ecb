-- outbox.lua · read the events in the outbox of a number, or drop those that were moved
--   KEYS[1] outbox
--   ARGV[1] maximum number to read   ARGV[2..] places of events to drop
--   Returns {{place, {field, value, …}}, …}

if #ARGV > 1 then
  redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
  if redis.call('XLEN', KEYS[1]) == 0 then
    redis.call('DEL', KEYS[1])
  end
end
return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
