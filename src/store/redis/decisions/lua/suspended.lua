-- suspended.lua · list the suspensions of an account
--   KEYS[1] suspensions
--   Returns {now, {{scope, since, ends_at, 'timed' | 'resumable', cause}, …}}

local now = now_ms()
local found, entries = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
  local since, ends, term, cause = suspension_of(entries[i + 1], now)
  if since then
    found[#found + 1] = {entries[i], since, ends, term, cause}
  end
end
return {now, found}
