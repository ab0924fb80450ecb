-- resend.lua · check the limits, then charge them and count another message for a verification, in one atomic step
--   In a cluster, `create` charges the counters that are in other slots.
--   The arguments, in this order; a pace for which a call has no key is 0:
--   counters (counters.lua)
--   pace     ARGV us between two messages (0: no pace), maximum wait ms   KEYS the pace (pace.lua)
--   KEYS verification · failures (failures.lua)   ARGV those of failures.lua
--   ARGV id · maximum time of a send ms · 'reject' to refuse verifications of another replication history, or ''
--      · ms between two messages for a verification · maximum number of them
--   KEYS, ARGV those of tell.lua
--   Returns {'resent', '', ms until the message's turn, moment, words of the verification, uses (uses.lua)}
--         | {'ended', the reason, 0, 0, {}, {}} if it is not pending | {'absent', '', 0, 0, {}, {}}
--         | {'limited', name of the limit with the longest wait, ms, 0, {}, {}}
--         | {'crowded', '', ms until a message could get a turn in time, 0, {}, {}}

local us = now_us()
local now = math.floor(us / 1000)
local counters, name, wait = counters_read(now)
local pace = pace_read()
local key_of_verification, failures = key(), failures_read(now)
if failures.wait > wait then
  name, wait = 'failures_per_phone', failures.wait
end
local id, send_time = word(), number()
local history, none = fence(word())
if none then
  return none
end
local verifications = verifications_read(key_of_verification, send_time, now)
local verification = with_id(verifications, id)
if not verification then
  return {'absent', '', 0, 0, {}, {}}
end
local reason = reason_against(verification, history, now)
if reason then
  return {'ended', reason, 0, 0, {}, {}}
end
local own_wait, own_name = resend_wait(verification, number(), number(), now)
if own_wait > 0 then
  name, wait = own_name, own_wait
end
if wait > 0 then
  return {'limited', name, wait, 0, {}, {}}
end
local late = pace and pace_late(pace, us) or 0
if late > 0 then
  return {'crowded', '', late, 0, {}, {}}
end

-- The first write must be one that a full Redis refuses, as in `create`.
resend(verification, now)
verifications_write(key_of_verification, verifications, nil, now)
counters_charge(counters, now)
return {'resent', '', pace and pace_take(pace, us) or 0, now, words_of(verification), counters_uses(counters, now)}
