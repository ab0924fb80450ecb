-- verifications.lua · the verifications of one number for one app
--
-- The newest is in the hash's fields. `earlier` has the others, newest first, on a line each with the same values.
-- While a new code is being sent, the one before it stays pending, as either may be on the phone. Once that is settled
-- (`confirm`, or the time for the send is over), it stays as a status while the newest is kept. `sends` and `sent_at`
-- are omitted while there was one message, and `sequence` while there was no event.

local ID, STATUS, DIGEST, SECRET, ATTEMPTS, MAX_ATTEMPTS, SENDS, CREATED, EXPIRES, ENDED, HISTORY, DELIVERIES, SENT, DETAILS =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
local CHECKS, SEQUENCE, EARLIER = 15, 16, 17
local FIELDS = {
  'id', 'status', 'digest', 'secret_id', 'attempts', 'max_attempts', 'sends', 'created_at', 'expires_at', 'ended_at',
  'history', 'deliveries', 'sent_at', 'details', 'checks', 'sequence', 'earlier',
}
-- The number of pending codes kept, however many are requested concurrently: the newest ones, and the oldest. Together
-- with those that have ended, at most this many earlier ones are kept.
local MOST_PENDING, MOST_EARLIER = 3, 5

-- Adds an event about a verification. Its record must be written afterwards, as events are counted in it. A full Redis
-- refuses the event, and then nothing is written.
local function tell(verification, event, now)
  local event_type = 'verification.' .. event
  if not is_told(event_type) then
    return
  end
  verification[SEQUENCE] = (verification[SEQUENCE] or 0) + 1
  local words = {}
  for i = ID, DETAILS do
    local word = i ~= DIGEST and i ~= SECRET and verification[i]
    words[i] = word and word ~= '' and tostring(word) or '-'
  end
  local id = 'evt_' .. string.sub(verification[ID], 5) .. '_' .. verification[SEQUENCE] .. '_' .. now
  add_event(id, event_type, now, verification[SEQUENCE], table.concat(words, ' '))
end

-- Ends a verification. Writing it adds the event, which is named like the status unless given.
local function finish(verification, status, now, event)
  verification[STATUS], verification[ENDED], verification.event = status, now, event or status
end

-- Adds the events of those that have ended, and returns true if there were some.
local function tell_ends(verifications, now)
  local has_ends = false
  for _, verification in ipairs(verifications) do
    if verification.event then
      tell(verification, verification.event, now)
      verification.event, has_ends = nil, true
    end
  end
  return has_ends
end

-- Returns the reason not to compare a verification's code with a guess, or nil. `history` is that of this server if
-- others are refused: a code of another history may have been used or guessed at without this server knowing.
local function reason_against(verification, history, now)
  if verification[STATUS] ~= 'pending' then
    return verification[STATUS]
  end
  if tonumber(verification[ATTEMPTS]) >= tonumber(verification[MAX_ATTEMPTS]) then
    return 'failed'
  end
  if now >= tonumber(verification[EXPIRES]) then
    return 'expired'
  end
  if history and verification[HISTORY] ~= history then
    return 'fenced'
  end
end

-- Ends a pending verification that is replaced or canceled. Returns true if its code was still valid.
local function cancel(verification, history, now)
  local reason = reason_against(verification, history, now)
  if verification[STATUS] == 'pending' then
    finish(verification, (not reason or reason == 'fenced') and 'canceled' or reason, now)
  end
  return not reason
end

-- Returns the values of a verification that callers may see, as text.
local function words_of(verification)
  local words = {}
  for i = ID, DETAILS do
    words[i] = tostring(verification[i] or '')
  end
  return words
end

-- Returns the verification with that id.
local function with_id(verifications, id)
  for _, verification in ipairs(verifications) do
    if verification[ID] == id then
      return verification
    end
  end
end

-- Returns the verifications of a key, newest first. `send_time` is the maximum time of a send in ms. A key of another
-- type is an error, or if `take_place` is set the second value.
local function verifications_read(key, send_time, now, take_place)
  local newest = redis.pcall('HMGET', key, unpack(FIELDS))
  if newest.err and not take_place then
    error(newest.err)
  end
  if not newest[ID] then
    return {}, newest.err
  end
  local verifications = {newest}
  for line in string.gmatch(newest[EARLIER] or '', '[^\n]+') do
    local replaced_at = verifications[#verifications][CREATED] + send_time
    local verification = {}
    for text in string.gmatch(line, '%S+') do
      verification[#verification + 1] = text ~= '-' and text
    end
    if now >= replaced_at then
      cancel(verification, nil, replaced_at)
    end
    verifications[#verifications + 1] = verification
  end
  return verifications
end

-- Writes a key's verifications, and adds the events of those that have ended. It expires `linger` ms after the newest; without `linger`, its time to live does not
-- change. A key that `is_new` has no fields to drop.
local function verifications_write(key, verifications, linger, now, is_new)
  tell_ends(verifications, now)
  local newest = verifications[1]
  local lines, pending = {}, 0
  for i = 2, #verifications do
    local verification = verifications[i]
    local is_pending = verification[STATUS] == 'pending'
    pending = pending + (is_pending and 1 or 0)
    local is_first = i == #verifications or verifications[i + 1][STATUS] ~= 'pending'
    local kept = is_pending and (pending < MOST_PENDING or is_first) or not is_pending and #lines < MOST_EARLIER
    if kept then
      local words = {}
      if not is_pending then
        verification[DIGEST], verification[SECRET] = false, false
      end
      for i = 1, SEQUENCE do
        words[i] = verification[i] or '-'
      end
      lines[#lines + 1] = table.concat(words, ' ')
    end
  end
  newest[EARLIER] = #lines > 0 and table.concat(lines, '\n')
  local fields, gone = {}, {}
  for i, name in ipairs(FIELDS) do
    if newest[i] then
      fields[#fields + 1] = name
      fields[#fields + 1] = newest[i]
    else
      gone[#gone + 1] = name
    end
  end
  redis.call('HSET', key, unpack(fields))
  if not is_new then
    redis.call('HDEL', key, unpack(gone))
  end
  if linger then
    redis.call('PEXPIRE', key, math.max(1, newest[EXPIRES] + linger - now))
  end
end
