-- deny.lua · cancel a verification, as its recipient said that they did not request the code
--   KEYS[1] verification
--   ARGV[1] id   ARGV[2] maximum time of a send ms   ARGV[3] 'reject' to refuse verifications of another replication
--   history, or ''
--   KEYS, ARGV those of tell.lua
--   Returns 'denied' | 'ended' if it was not pending | 'absent'

local now = now_ms()
local history, none = fence(ARGV[3])
if none then
  return none
end
local verifications = verifications_read(KEYS[1], tonumber(ARGV[2]), now)
local verification = with_id(verifications, ARGV[1])
if not verification then
  return 'absent'
end
if reason_against(verification, history, now) then
  return 'ended'
end
finish(verification, 'canceled', now, 'denied')
verifications_write(KEYS[1], verifications, nil, now)
return 'denied'
