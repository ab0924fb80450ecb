-- take_back.lua · undo a reservation whose message was refused, or some of its parts
--   ARGV[1] parts, some of 'address total sender phone'
--   KEYS    of each part, in this order:   address: sends of the address   total: sends of the app
--           sender: pace of the sender   phone: code, sends of the phone
--   ARGV[2] id   ARGV[3] moment noted for the address, or '' to keep its charge   ARGV[4] likewise for the app
--   ARGV[5] us between two messages of the sender, 0 to keep the turn   ARGV[6] moment noted for the phone, or ''
--   ARGV[7] total's window ms   ARGV[8] longest time of a send ms   ARGV[9] linger ms
--   Returns 1 if the code was dropped, 0 if it was not there any more

local address, total = keys_of('address', 1), keys_of('total', 1)
local sender = keys_of('sender', 1)
local code, sends = keys_of('phone', 2)
local now = now_ms()
if address and ARGV[3] ~= '' then
  window_remove(address, ARGV[3], now)
end
if total and ARGV[4] ~= '' then
  budget_remove(total, tonumber(ARGV[4]), tonumber(ARGV[7]))
end
if sender and ARGV[5] ~= '0' then
  -- The last turn instead of this one, which makes no difference: those who wait keep theirs.
  local next_turn = tonumber(redis.call('GET', sender))
  if next_turn then
    redis.call('SET', sender, string.format('%.0f', next_turn - ARGV[5]), 'KEEPTTL')
  end
end
if code then
  if ARGV[6] ~= '' then
    window_remove(sends, ARGV[6], now)
  end
  local codes = codes_read(code, tonumber(ARGV[8]), now)
  for i, candidate in ipairs(codes) do
    if candidate[ID] == ARGV[2] then
      table.remove(codes, i)
      if #codes == 0 then
        redis.call('DEL', code)
      else
        codes_write(code, codes, tonumber(ARGV[9]), now)
      end
      return 1
    end
  end
end
return 0
