-- check.lua · count one guess and settle it, in one atomic step
--   The arguments, in this order:
--   counters (counters.lua)   none if `find` has charged them
--   KEYS verification · failures (failures.lua)   ARGV those of failures.lua
--   ARGV maximum time of a send ms · 'reject' to refuse verifications of another replication history, or ''
--      · the only id to compare with, or '' for all pending ones
--      · id of a verification and digest of the guess for it, for each candidate
--   Returns {'approved', id, 0} | {'wrong', '', attempts left} | {'replaced', '', 0} if the candidates were replaced
--         | {'failed' or 'expired' or 'fenced' or 'used' or 'canceled' or 'absent', '', 0} | {'limited', name, ms}

local now = now_ms()
local counters, name, wait = counters_read(now)
if wait > 0 then
  return {'limited', name, wait}
end
counters_charge(counters, now)
local key_of_verification, failures = key(), failures_read(now)
if failures.wait > 0 then
  return {'limited', 'failures_per_phone', failures.wait}
end
local send_time = number()
local history, none = fence(word())
if none then
  return none
end
local meant, guesses = word(), {}
while words_read < #ARGV do
  local id = word()
  guesses[id] = word()
end

local verifications = verifications_read(key_of_verification, send_time, now)
local verdict, compared = 'absent', {}
for i = #verifications, 1, -1 do
  local verification = verifications[i]
  if meant == '' or verification[ID] == meant then
    local reason = reason_against(verification, history, now)
    if reason then
      verdict = reason == 'approved' and 'used' or reason
    elseif not guesses[verification[ID]] then
      verdict = 'replaced'
    else
      table.insert(compared, 1, i)
    end
  end
end
if #compared == 0 then
  return {verdict, '', 0}
end

-- Count first, then compare. The digests are keyed, so the time of a comparison reveals nothing.
local right
for _, i in ipairs(compared) do
  local verification = verifications[i]
  verification[ATTEMPTS] = verification[ATTEMPTS] + 1
  if not right and guesses[verification[ID]] == verification[DIGEST] then
    right = i
  end
end
local others_changed = #compared > 1 or compared[1] > 1
if right then
  finish(verifications[right], 'approved', now)
  -- The older codes are no longer needed. A newer one that is being sent is a verification of its own.
  for i = right + 1, #verifications do
    others_changed = cancel(verifications[i], nil, now) or others_changed
  end
else
  for _, i in ipairs(compared) do
    local verification = verifications[i]
    if verification[ATTEMPTS] >= tonumber(verification[MAX_ATTEMPTS]) then
      finish(verification, 'failed', now)
    end
  end
end
local newest = verifications[compared[1]]
if others_changed then
  verifications_write(key_of_verification, verifications, nil, now)
elseif newest[STATUS] == 'pending' then
  redis.call('HSET', key_of_verification, 'attempts', newest[ATTEMPTS])
else
  local attempts, status = newest[ATTEMPTS], newest[STATUS]
  redis.call('HSET', key_of_verification, 'attempts', attempts, 'status', status, 'ended_at', now)
end
if right then
  -- The owner has proved the number, so wrong guesses by others no longer count against it.
  failures_clear(failures)
  return {'approved', verifications[right][ID], 0}
end
failures_add(failures, now)
if newest[STATUS] == 'failed' then
  return {'failed', '', 0}
end
return {'wrong', '', newest[MAX_ATTEMPTS] - newest[ATTEMPTS]}
