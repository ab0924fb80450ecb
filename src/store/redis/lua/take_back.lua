-- take_back.lua · undo a reservation whose message was refused, or some of its parts
--   ARGV[1] parts, some of 'address sender phone'   ARGV[2] id
--   KEYS    of each part, in this order:   address: sends of the address   sender: sends of the sender
--           phone: sends of the phone, code
--   Returns 1 if the code was dropped, 0 if a newer one had taken its place

local code = string.find(ARGV[1], 'phone', 1, true) and KEYS[#KEYS]
for i = 1, code and #KEYS - 1 or #KEYS do
  redis.call('ZREM', KEYS[i], ARGV[2])
end
if code and redis.call('HGET', code, 'id') == ARGV[2] then
  return redis.call('DEL', code)
end
return 0
