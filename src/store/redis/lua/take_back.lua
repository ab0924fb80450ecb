-- take_back.lua · undo a reservation whose message was refused, or some of its parts
--   ARGV[1] parts, some of 'address sender phone'
--   KEYS    of each part, in this order:   address: sends of the address   sender: sends of the sender
--           phone: code, sends of the phone
--   ARGV[2] id   ARGV[3] moment noted for the address   ARGV[4] moment of the message's turn
--   ARGV[5] moment noted for the phone
--   Returns 1 if the code was dropped, 0 if a newer one had taken its place

local address, sender = keys_of('address', 1), keys_of('sender', 1)
local code, sends = keys_of('phone', 2)
if address then
  window_remove(address, ARGV[3])
end
if sender then
  window_remove(sender, ARGV[4])
end
if code then
  window_remove(sends, ARGV[5])
  if redis.call('HGET', code, 'id') == ARGV[2] then
    return redis.call('DEL', code)
  end
end
return 0
