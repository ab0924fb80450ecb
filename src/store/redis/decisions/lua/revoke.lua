-- revoke.lua · drop a phone's code and, if asked, what its limits counted
--   KEYS[1] code   KEYS[2] sends of the phone   KEYS[3] failures of the phone   KEYS[4] the same by address
--   ARGV[1] 'limits' to drop the counters too, or ''
--   Returns {codes dropped, counters dropped}

local counters = 0
if ARGV[1] == 'limits' then
  counters = redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
end
return {redis.call('DEL', KEYS[1]), counters}
