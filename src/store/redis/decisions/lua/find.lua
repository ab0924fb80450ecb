-- find.lua · charge a check to its limits, and find the verifications of a number to compare a guess with
--   If nothing is pending, no digest of the guess is computed or sent. In a cluster, there is a call for the keys of
--   each slot.
--   The arguments, in this order; those for which a call has no keys are omitted or 0:
--   counters (counters.lua)
--   number   ARGV '1' if the rest follows, or '0'
--            KEYS verification · failures (failures.lua)   ARGV those of failures.lua
--            ARGV maximum time of a send ms · 'reject' to refuse verifications of another replication history, or ''
--   Returns {'pending', '', 0, {id, secret id, …}} for each, newest first
--         | {'failed', 'expired', 'fenced', 'used', 'canceled' or 'absent', '', 0, {}} | {'limited', name, ms, {}}

local now = now_ms()
local counters, name, wait = counters_read(now)
if wait > 0 then
  return {'limited', name, wait, {}}
end
counters_charge(counters, now)
if word() == '0' then
  return {'pending', '', 0, {}}
end

local verification, failures = key(), failures_read(now)
if failures.wait > 0 then
  return {'limited', 'failures_per_phone', failures.wait, {}}
end
local send_time = number()
local history, none = fence(word())
if none then
  return none
end
local verifications = verifications_read(verification, send_time, now)
local verdict, pending = 'absent', {}
for i = #verifications, 1, -1 do
  local reason = reason_against(verifications[i], history, now)
  if reason then
    verdict = reason == 'approved' and 'used' or reason
  else
    table.insert(pending, 1, verifications[i][SECRET])
    table.insert(pending, 1, verifications[i][ID])
  end
end
return {#pending > 0 and 'pending' or verdict, '', 0, pending}
