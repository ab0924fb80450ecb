-- delivery.lua · record the progress of one delivery, forward only
--   The arguments, in this order:
--   KEYS verification
--   ARGV id · number of the delivery · channel · status · reason, or '' · maximum time of a send ms · linger ms
--   ARGV '1' to remember the verification by the id of the message, or ''   KEYS then the verification of the message
--   ARGV number of statuses, each of which only later ones may follow · the statuses
--   KEYS, ARGV those of tell.lua
--   Returns {'recorded', the previous status or '', ms since the last message} | {'stale', the current status, 0}
--         | {'absent', '', 0}

local now, key_of_verification = now_ms(), key()
local id, delivery, channel, status, reason = word(), word(), word(), word(), word()
local send_time, linger = number(), number()
local message = word() == '1' and key()
local ranks = {}
for rank = 1, number() do
  ranks[word()] = rank
end
local verifications = verifications_read(key_of_verification, send_time, now)
local verification = with_id(verifications, id)
if not verification or tonumber(delivery) > tonumber(verification[SENDS] or 1) then
  return {'absent', '', 0}
end
local before = delivery_of(verification, delivery)
-- Once the code is of no use, it does not matter that a message failed.
local is_open = verification[STATUS] == 'pending' or verification[STATUS] == 'expired'
if ranks[status] <= (ranks[before] or 0) or status == 'failed' and not is_open then
  return {'stale', before == '' and status or before, 0}
end
delivery_set(verification, delivery, channel, status, reason, now)
if is_open and ranks[status] >= ranks.delivered and (ranks[before] or 0) < ranks.delivered then
  tell(verification, 'delivered', now)
elseif status == 'failed' then
  tell(verification, 'undelivered', now)
end
if verification == verifications[1] then
  redis.call('HSET', key_of_verification, 'deliveries', verification[DELIVERIES])
  if verification[SEQUENCE] then
    redis.call('HSET', key_of_verification, 'sequence', verification[SEQUENCE])
  end
else
  verifications_write(key_of_verification, verifications, nil, now)
end
if message then
  redis.call('SET', message, id, 'PX', math.max(1, verification[EXPIRES] + linger - now))
end
return {'recorded', before, math.max(0, now - (verification[SENT] or verification[CREATED]))}
