-- suspend.lua · suspend a part of an account, or extend its suspension
--   KEYS[1] suspensions
--   ARGV[1] scope   ARGV[2] cause   ARGV[3] time to suspend it ms
--   ARGV[4] 'timed' if it ends by itself alone, or 'resumable'
--   Returns {now, 1 if it was not suspended before or 0, since, ends_at, 'timed' | 'resumable', cause}

local now = now_ms()
local since, ends, term, cause = suspension_of(redis.call('HGET', KEYS[1], ARGV[1]), now)
local is_new = since and 0 or 1
if not since or now + ARGV[3] > ends then
  since, ends, term, cause = since or now, now + ARGV[3], ARGV[4], ARGV[2]
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f %s %s', since, ends, term, cause))
  suspensions_tidy(KEYS[1], now)
end
return {now, is_new, since, ends, term, cause}
