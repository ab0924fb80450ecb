-- take_back.lua · undo the creation of a verification whose message was refused, or the charges for it
--   The arguments, in this order; those for which a call has no keys are omitted or 0:
--   charges  ARGV number of charges, and for each: 'moments' or 'slices', moment, window ms   KEYS one for each
--   pace     ARGV us between two messages of the sender, 0 to keep the turn   KEYS the pace
--   number   ARGV '1' if the rest follows, or '0'   KEYS verification
--            ARGV id · maximum time of a send ms · linger ms · number of the message: 1 drops the verification
--            · its channel · the reason, or '' if it was never tried
--            KEYS, ARGV those of tell.lua
--   Returns 1 if the message was undone, 0 if the verification no longer existed

local now = now_ms()
for _ = 1, number() do
  local counter, how, moment, window = key(), word(), number(), number()
  if how == 'slices' then
    slices_remove(counter, moment, window)
  else
    moments_newest(counter, now)
    moments_remove(counter, math.min(moment, now))
  end
end
local interval = number()
if interval > 0 then
  -- This gives up the last turn rather than this one; the waiting messages keep theirs.
  local pace = key()
  if redis.call('EXISTS', pace) == 1 then
    redis.call('INCRBY', pace, -interval)
  end
end
if word() == '0' then
  return 0
end
local verification, id, send_time, linger, message = key(), word(), number(), number(), number()
local channel, reason = word(), word()
local verifications = verifications_read(verification, send_time, now)
if message > 1 then
  local resent = with_id(verifications, id)
  if not resent then
    return 0
  end
  undo_resend(resent, message)
  if reason ~= '' then
    tell_undelivered(resent, message, channel, reason, now)
  end
  verifications_write(verification, verifications, nil, now)
  return 1
end
for i, candidate in ipairs(verifications) do
  if candidate[ID] == id then
    -- Nothing is kept of it, but those who were told of its creation learn of its end.
    if reason ~= '' then
      tell_undelivered(candidate, message, channel, reason, now)
    end
    finish(candidate, 'canceled', now)
    tell_ends({candidate}, now)
    table.remove(verifications, i)
    if #verifications == 0 then
      redis.call('DEL', verification)
    else
      verifications_write(verification, verifications, linger, now)
    end
    return 1
  end
end
return 0
