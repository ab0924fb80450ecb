-- deliveries.lua · the messages of a verification
--
-- `deliveries` has number:channel:status:moment:reason of each known one, separated by commas.

-- Returns the status of a delivery, or '', and the entries of the others.
local function delivery_of(verification, number)
  local others, status = {}, ''
  for entry in string.gmatch(verification[DELIVERIES] or '', '[^,]+') do
    local of, at = string.match(entry, '^(%d+):[^:]*:([^:]*)')
    if of == tostring(number) then
      status = at
    else
      others[#others + 1] = entry
    end
  end
  return status, others
end

local function delivery_set(verification, number, channel, status, reason, now)
  local _, entries = delivery_of(verification, number)
  entries[#entries + 1] = table.concat({number, channel, status, now, reason}, ':')
  verification[DELIVERIES] = table.concat(entries, ',')
end

-- Adds the event that a message was refused, which is not kept as a delivery.
local function tell_undelivered(verification, number, channel, reason, now)
  local deliveries = verification[DELIVERIES]
  delivery_set(verification, number, channel, 'failed', reason, now)
  tell(verification, 'undelivered', now)
  verification[DELIVERIES] = deliveries
end
