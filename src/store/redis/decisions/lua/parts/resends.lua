-- resends.lua · further messages for a verification that is pending

-- Returns the ms until another message may be sent, 0 if one may now, and the name of the limit.
local function resend_wait(verification, cooldown, max_sends, now)
  if tonumber(verification[SENDS] or 1) >= max_sends then
    return math.max(1, verification[EXPIRES] - now), 'max_sends'
  end
  local wait = (verification[SENT] or verification[CREATED]) + cooldown - now
  -- The last message lies ahead of a clock that was set back.
  return math.max(0, math.min(wait, cooldown)), 'resend_cooldown'
end

local function resend(verification, now)
  verification[SENDS], verification[SENT] = (verification[SENDS] or 1) + 1, now
end

-- Undoes the message with this number, unless there is a later one.
local function undo_resend(verification, number)
  if tonumber(verification[SENDS] or 1) == number then
    verification[SENDS], verification[SENT] = number > 2 and number - 1, false
  end
end
