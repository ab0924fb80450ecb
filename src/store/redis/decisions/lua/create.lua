-- create.lua · check the limits, then charge them and store a new verification, in one atomic step
--   If all keys are on one server, one call has all of them. In a cluster, there is a call for the keys of each slot;
--   if one refuses, the charges of those before it are refunded.
--   The arguments, in this order; those for which a call has no keys are omitted or 0:
--   counters (counters.lua)
--   pace     ARGV us between two messages (0: no pace), maximum wait ms   KEYS the pace (pace.lua)
--   ARGV 'uses' to report the use of the limits, or ''
--   number   ARGV '1' if the rest follows, or '0'
--            KEYS verification · failures (failures.lua)   ARGV those of failures.lua
--            ARGV id · digest · secret id · max attempts · lifetime ms · linger ms · maximum time of a send ms
--                 · 'reject' to record the replication history, or '' · details, or ''
--                 · 'resume' to keep a pending verification and send its code again, or '' to replace it
--                 · with 'resume': ms between two messages for a verification · maximum number of them
--            ARGV '1' to visit the verification when it expires, or ''   KEYS then the timers
--            KEYS, ARGV those of tell.lua
--   Returns {'created', '1' if earlier codes stay valid until this one is confirmed or '', ms until the message's turn,
--            moment, {}, uses (uses.lua)}
--         | {'resent', '', ms until the message's turn, moment, words of the verification, uses}
--         | {'resumed', '', 0, moment, words of the verification, {}} if no message is due
--         | {'limited', name of the limit with the longest wait, ms, 0, {}, {}}
--         | {'crowded', '', ms until a message could get a turn in time, 0, {}, {}}

local us = now_us()
local now = math.floor(us / 1000)
local counters, name, wait = counters_read(now)
local pace = pace_read()
local reports, has_number = word() == 'uses', word() == '1'
local verification, verifications, is_of_another_type, new, linger, history, none, pending, timers
if has_number then
  verification = key()
  -- A code that could not be verified is not worth a message.
  local failures = failures_read(now)
  if failures.wait > wait then
    name, wait = 'failures_per_phone', failures.wait
  end
  local id, digest, secret, max_attempts = word(), word(), word(), word()
  local lifetime = number()
  linger = number()
  local send_time = number()
  history, none = fence(word())
  if none then
    return none
  end
  local details = word()
  new = {id, 'pending', digest, secret, 0, max_attempts, false, now, now + lifetime, false, history or false, false, false,
    details ~= '' and details, false, false}
  verifications, is_of_another_type = verifications_read(verification, send_time, now, true)
  local resumes = word() == 'resume'
  local cooldown, max_sends
  if resumes then
    cooldown, max_sends = number(), number()
  end
  timers = word() == '1' and key()
  if resumes then
    for _, earlier in ipairs(verifications) do
      pending = pending or not reason_against(earlier, history, now) and earlier
    end
    if pending and resend_wait(pending, cooldown, max_sends, now) > 0 then
      return {'resumed', '', 0, now, words_of(pending), {}}
    end
  end
end
local late = wait == 0 and pace and pace_late(pace, us) or 0
if (wait > 0 or late > 0) and pending then
  return {'resumed', '', 0, now, words_of(pending), {}}
end
if wait > 0 then
  return {'limited', name, wait, 0, {}, {}}
end
if late > 0 then
  return {'crowded', '', late, 0, {}, {}}
end

-- The first write must be one that a full Redis refuses (HSET, SET or APPEND): once a script has written, Redis lets it
-- finish. Otherwise codes would be sent that cannot be verified, since counting a guess is refused.
local tag, replaces = 'created', ''
if pending then
  tag = 'resent'
  resend(pending, now)
  verifications_write(verification, verifications, nil, now)
elseif has_number then
  if is_of_another_type then
    redis.call('DEL', verification)
  end
  for _, earlier in ipairs(verifications) do
    if reason_against(earlier, history, now) then
      cancel(earlier, history, now)
    else
      replaces = '1'
    end
  end
  local is_new = #verifications == 0
  tell(new, 'created', now)
  table.insert(verifications, 1, new)
  verifications_write(verification, verifications, linger, now, is_new)
  if timers then
    timer_set(timers, new[ID], new[EXPIRES], now)
  end
end
counters_charge(counters, now)
local words, uses = pending and words_of(pending) or {}, reports and counters_uses(counters, now) or {}
return {tag, replaces, pace and pace_take(pace, us) or 0, now, words, uses}
