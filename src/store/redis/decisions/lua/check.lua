-- check.lua · count one guess and settle it, in one atomic step
--   The arguments, in this order:
--   counters (counters.lua)   none if `find` has charged them
--   KEYS verification · failures (failures.lua)   ARGV those of failures.lua
--   ARGV maximum time of a send ms · 'reject' to refuse verifications of another replication history, or ''
--      · the only id to compare with, or '' for all pending ones
--      · '1' if guesses can be repeated (checks.lua), or '' · digest of the idempotency key, or ''
--      · id of a verification and digest of the guess for it, for each candidate
--   KEYS, ARGV those of tell.lua
--   Returns {'approved', id, 0, words of the verification, 1 if this is a replay or 0}
--         | {'wrong', '', attempts left, {}, 1 or 0} | {'exhausted', '', 0, {}, 1 or 0} for the last attempt
--         | {'replaced', '', 0, {}, 0} if the candidates were replaced | {'limited', name, ms, {}, 0}
--         | {'failed' or 'expired' or 'fenced' or 'used' or 'canceled' or 'absent', '', 0, {}, 0}
--         | {'reused', '', 0, {}, 0} if the idempotency key came with another guess

local now = now_ms()
local counters, name, wait = counters_read(now)
if wait > 0 then
  return {'limited', name, wait, {}, 0}
end
counters_charge(counters, now)
local key_of_verification, failures = key(), failures_read(now)
if failures.wait > 0 then
  return {'limited', 'failures_per_phone', failures.wait, {}, 0}
end
local send_time = number()
local history, none = fence(word())
if none then
  return none
end
local meant, repeatable, caller, guesses = word(), word() == '1', word(), {}
while words_read < #ARGV - 1 do
  local id = word()
  guesses[id] = word()
end

-- Returns the answer to a guess with this result: 'approved', or the attempts left.
local function answer(verification, result, is_replay)
  if result == 'approved' then
    return {'approved', verification[ID], 0, words_of(verification), is_replay}
  end
  local left = tonumber(result)
  return {left > 0 and 'wrong' or 'exhausted', '', left, {}, is_replay}
end

local verifications = verifications_read(key_of_verification, send_time, now)
if caller ~= '' then
  local verification = with_id(verifications, meant)
  local guess, result = check_of(verification or {}, caller)
  if guess then
    return guess == guesses[meant] and answer(verification, result, 1) or {'reused', '', 0, {}, 0}
  end
end
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
  return {verdict, '', 0, {}, 0}
end
local newest = verifications[compared[1]]
-- Comparing with a guess that is known to be wrong reveals nothing and costs nothing.
if repeatable and #compared == 1 and is_known_wrong(newest, guesses[newest[ID]]) then
  return answer(newest, newest[MAX_ATTEMPTS] - newest[ATTEMPTS], 0)
end

-- Count first, then compare. The digests are keyed, so the time of a comparison reveals nothing.
local right
for _, i in ipairs(compared) do
  local verification = verifications[i]
  verification[ATTEMPTS] = verification[ATTEMPTS] + 1
  if not right and guesses[verification[ID]] == verification[DIGEST] then
    right = i
    finish(verification, 'approved', now)
  elseif verification[ATTEMPTS] >= tonumber(verification[MAX_ATTEMPTS]) then
    finish(verification, 'failed', now)
  end
end
local others_changed = #compared > 1 or compared[1] > 1
if right then
  -- The older codes are no longer needed. A newer one that is being sent is a verification of its own.
  for i = right + 1, #verifications do
    others_changed = cancel(verifications[i], nil, now) or others_changed
  end
end
local settled = verifications[right or compared[1]]
local result = right and 'approved' or math.max(0, settled[MAX_ATTEMPTS] - settled[ATTEMPTS])
if repeatable then
  record_check(settled, caller, guesses[settled[ID]], result)
end
if others_changed then
  verifications_write(key_of_verification, verifications, nil, now)
else
  local fields = {'attempts', newest[ATTEMPTS]}
  if newest[STATUS] ~= 'pending' then
    tell_ends(verifications, now)
    fields = {'attempts', newest[ATTEMPTS], 'status', newest[STATUS], 'ended_at', now}
  end
  for _, field in ipairs({CHECKS, SEQUENCE}) do
    if newest[field] and (field ~= CHECKS or repeatable) then
      fields[#fields + 1], fields[#fields + 2] = FIELDS[field], newest[field]
    end
  end
  redis.call('HSET', key_of_verification, unpack(fields))
end
if right then
  -- The owner has proved the number, so wrong guesses by others no longer count against it.
  failures_clear(failures)
else
  failures_add(failures, now)
end
return answer(settled, result, 0)
