-- cancel_one.lua · cancel a verification if it is pending
--   KEYS[1] verification
--   ARGV[1] id   ARGV[2] maximum time of a send ms   ARGV[3] 'reject' to refuse verifications of another replication
--   history, or ''
--   KEYS, ARGV those of tell.lua
--   Returns {now, words of the verification}, which are none if there is no such verification

local now = now_ms()
local history, none = fence(ARGV[3])
if none then
  return none
end
local verifications = verifications_read(KEYS[1], tonumber(ARGV[2]), now)
local verification = with_id(verifications, ARGV[1])
if not verification then
  return {now, {}}
end
if verification[STATUS] == 'pending' then
  local reason = reason_against(verification, history, now)
  finish(verification, not reason and 'canceled' or reason == 'fenced' and 'expired' or reason, now)
  verifications_write(KEYS[1], verifications, nil, now)
end
return {now, words_of(verification)}
