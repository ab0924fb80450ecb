-- undelivered.lua · list the events of an app that were given up, the newest first
--   KEYS[1] undelivered   ARGV[1] the most to list
--   Returns {place, fields and values} for each

return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[1])
