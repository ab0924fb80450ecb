-- replay_events.lua · put events that were given up back into the queue, and enable the endpoint
--   KEYS[1] events   KEYS[2] undelivered   KEYS[3] endpoint
--   ARGV[1] id of the event, or '' for all   ARGV[2] most events   ARGV[3] lifetime of events ms
--   Returns their number

local count, id = 0, ARGV[1]
redis.call('HDEL', KEYS[3], 'disabled_at', 'failed', 'last_error')
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+')) do
  local fields = {}
  for i = 1, #entry[2], 2 do
    local name, value = entry[2][i], entry[2][i + 1]
    if name ~= 'given_up_at' and name ~= 'error' then
      fields[#fields + 1], fields[#fields + 2] = name, value
    end
  end
  if id == '' or fields[2] == id then
    event_add(KEYS[1], ARGV[2], ARGV[3], fields)
    redis.call('XDEL', KEYS[2], entry[1])
    count = count + 1
  end
end
return count
