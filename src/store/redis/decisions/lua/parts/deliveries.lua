-- deliveries.lua · the messages of a verification
--
-- `deliveries` has number:channel:status:moment:reason:earlier of each known one, separated by commas. `earlier` has the
-- first letter of each earlier status and its ms since the creation of the verification.

-- Returns the status of a delivery, or '', the entries of the others, and what is earlier than a next status.
local function delivery_of(verification, number)
  local others, status, passed = {}, '', ''
  for entry in string.gmatch(verification[DELIVERIES] or '', '[^,]+') do
    local of, at, moment, earlier = string.match(entry, '^(%d+):[^:]*:([^:]*):(%d*):[^:]*:?(.*)$')
    if of == tostring(number) then
      status = at
      passed = earlier .. string.sub(at, 1, 1) .. math.max(0, (tonumber(moment) or 0) - verification[CREATED])
    else
      others[#others + 1] = entry
    end
  end
  return status, others, passed
end

local function delivery_set(verification, number, channel, status, reason, now)
  local _, entries, earlier = delivery_of(verification, number)
  entries[#entries + 1] = table.concat({number, channel, status, now, reason, earlier}, ':')
  verification[DELIVERIES] = table.concat(entries, ',')
end

-- Adds the event that a message was refused, which is not kept as a delivery.
local function tell_undelivered(verification, number, channel, reason, now)
  local deliveries = verification[DELIVERIES]
  delivery_set(verification, number, channel, 'failed', reason, now)
  tell(verification, 'undelivered', now)
  verification[DELIVERIES] = deliveries
end
