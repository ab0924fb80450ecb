-- create.lua · check the limits, then charge them and store a new verification, in one atomic step
--   If all keys are on one server, one call has all of them. In a cluster, there is a call for the keys of each slot;
--   if
--   one refuses, the charges of those before it are refunded.
--   The arguments, in this order; those for which a call has no keys are omitted or 0:
--   counters (counters.lua)
--   pace     ARGV us between two messages (0: no pace), maximum wait ms   KEYS the pace (pace.lua)
--   number   ARGV '1' if the rest follows, or '0'
--            KEYS verification · failures (failures.lua)   ARGV those of failures.lua
--            ARGV id · digest · secret id · max attempts · lifetime ms · linger ms · maximum time of a send ms
--                 · 'reject' to record the replication history, or ''
--   Returns {'created', '1' if earlier codes stay valid until this one is confirmed or '', ms until the message's turn,
--            moment} | {'limited', name of the limit with the longest wait, ms, 0}
--         | {'crowded', '', ms until a message could get a turn in time, 0}

local us = now_us()
local now = math.floor(us / 1000)
local counters, name, wait = counters_read(now)
local pace = pace_read()
local has_number = word() == '1'
local verification, history, none
if has_number then
  verification = key()
  -- A code that could not be verified is not worth a message.
  local failures = failures_read(now)
  if failures.wait > wait then
    name, wait = 'failures_per_phone', failures.wait
  end
end
if wait > 0 then
  return {'limited', name, wait, 0}
end
local late = pace and pace_late(pace, us) or 0
if late > 0 then
  return {'crowded', '', late, 0}
end

-- The first write must be one that a full Redis refuses (HSET, SET or APPEND): once a script has written, Redis lets it
-- finish. Otherwise codes would be sent that cannot be verified, since counting a guess is refused.
local replaces = ''
if has_number then
  local id, digest, secret, max_attempts = word(), word(), word(), word()
  local lifetime, linger, send_time = number(), number(), number()
  history, none = fence(word())
  if none then
    return none
  end
  local verifications = verifications_read(verification, send_time, now, true)
  for _, earlier in ipairs(verifications) do
    if reason_against(earlier, history, now) then
      cancel(earlier, history, now)
    else
      replaces = '1'
    end
  end
  local is_new = #verifications == 0
  table.insert(verifications, 1,
    {id, 'pending', digest, secret, 0, max_attempts, false, now, now + lifetime, false, history or false, false})
  verifications_write(verification, verifications, linger, now, is_new)
end
counters_charge(counters, now)
return {'created', replaces, pace and pace_take(pace, us) or 0, now}
