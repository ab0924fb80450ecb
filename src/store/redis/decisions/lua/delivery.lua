-- delivery.lua · record the progress of one delivery, forward only
--   KEYS[1] verification
--   ARGV[1] id   ARGV[2] number of the delivery   ARGV[3] channel   ARGV[4] status   ARGV[5] reason, or ''
--   ARGV[6] maximum time of a send ms
--   ARGV[7..] the statuses, each of which only later ones may follow
--   `deliveries` has number:channel:status:moment:reason of each known delivery, separated by commas.
--   Returns {'recorded', the previous status or '', ms since the last message} | {'stale', the current status, 0}
--         | {'absent', '', 0}

local now, id, delivery, status = now_ms(), ARGV[1], ARGV[2], ARGV[4]
local ranks = {}
for i = 7, #ARGV do
  ranks[ARGV[i]] = i
end
local verifications = verifications_read(KEYS[1], tonumber(ARGV[6]), now)
for _, verification in ipairs(verifications) do
  if verification[ID] == id and tonumber(delivery) <= tonumber(verification[SENDS] or 1) then
    local others, before = {}, ''
    for entry in string.gmatch(verification[DELIVERIES] or '', '[^,]+') do
      local of, at = string.match(entry, '^(%d+):[^:]*:([^:]*)')
      if of == delivery then
        before = at
      else
        others[#others + 1] = entry
      end
    end
    if ranks[status] <= (ranks[before] or 0) then
      return {'stale', before, 0}
    end
    others[#others + 1] = table.concat({delivery, ARGV[3], status, now, ARGV[5]}, ':')
    verification[DELIVERIES] = table.concat(others, ',')
    if verification == verifications[1] then
      redis.call('HSET', KEYS[1], 'deliveries', verification[DELIVERIES])
    else
      verifications_write(KEYS[1], verifications, nil, now)
    end
    return {'recorded', before, math.max(0, now - (verification[SENT] or verification[CREATED]))}
  end
end
return {'absent', '', 0}
