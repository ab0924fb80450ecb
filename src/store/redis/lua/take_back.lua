-- take_back.lua · undo a reservation whose message was refused
--   KEYS[1] code   KEYS[2] sends of the phone   KEYS[3] sends of the address
--   KEYS[4] sends of the sender
--   ARGV[1] id   ARGV[2] moment of the reservation   ARGV[3] moment of the message's turn
--   Returns 1 if the code was dropped, 0 if a newer one had taken its place

window_remove(KEYS[2], ARGV[2])
window_remove(KEYS[3], ARGV[2])
window_remove(KEYS[4], ARGV[3])
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
