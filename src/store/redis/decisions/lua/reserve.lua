-- reserve.lua · check limits, then charge them and store the new code, in one atomic step
--   Where all keys are on one server, one call has all parts. In a cluster it is called for each part: each call has
--   keys of one slot, and a part that refuses has the parts before it taken back.
--   ARGV[1] parts, some of 'address total sender phone'
--   KEYS    of each part, in this order:   address: sends of the address   total: sends of the app
--           sender: pace of the sender   phone: code, sends of the phone, failures of the phone, the same by address
--   ARGV[2] id   ARGV[3] digest   ARGV[4] secret id   ARGV[5] max attempts   ARGV[6] lifetime ms   ARGV[7] linger ms
--   ARGV[8..9] per_phone max, window ms   ARGV[10] resend_cooldown ms   ARGV[11..12] per_ip max, window ms
--   ARGV[13..14] failures_per_phone max, window ms   ARGV[15..16] total max, window ms   (0: no such limit)
--   ARGV[17..18] us between two messages of the sender, longest wait ms   (0: no pace)
--   ARGV[19] longest time of a send ms   ARGV[20] 'reject' to note the replication history, or ''
--   ARGV[21] what stands for the address, or ''
--   Returns {'reserved', '1' if earlier codes stay good until the new one is confirmed or '', ms until the message's turn,
--            moment} | {'limited', name of the limit that holds longest, ms, 0}
--         | {'crowded', '', ms until a turn would come in time, 0}

local address, total = keys_of('address', 1), keys_of('total', 1)
local sender = keys_of('sender', 1)
local code, sends, failures, guessers = keys_of('phone', 4)
local lifetime, linger = tonumber(ARGV[6]), tonumber(ARGV[7])
local per_phone, phone_window, cooldown = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local per_ip, ip_window = tonumber(ARGV[11]), tonumber(ARGV[12])
local most, most_window = tonumber(ARGV[15]), tonumber(ARGV[16])
local us = now_us()
local now = math.floor(us / 1000)
local history, none = fence(ARGV[20])
if none then
  return none
end

local name, wait = '', 0
local function holds(limit, ms)
  if ms > wait then
    name, wait = limit, ms
  end
end
local sent, sent_by_address
if code then
  sent = window_read(sends, now)
  holds('per_phone', window_wait(sent, per_phone, phone_window, now))
  -- A cooldown is a window that holds one send.
  holds('resend_cooldown', window_wait(sent, cooldown > 0 and 1 or 0, cooldown, now))
end
if address then
  sent_by_address = window_read(address, now)
  holds('per_ip', window_wait(sent_by_address, per_ip, ip_window, now))
end
if total and most > 0 then
  holds('total', budget_wait(total, most, most_window, now))
end
if code then
  -- A code that nobody could verify is not worth a message.
  holds('failures_per_phone',
    (failures_wait(failures, guessers, ARGV[21], tonumber(ARGV[13]), tonumber(ARGV[14]), now)))
end
if wait > 0 then
  return {'limited', name, wait, 0}
end

local interval, turn = tonumber(ARGV[17]), nil
if sender and interval > 0 then
  local late
  turn, late = pace_turn(sender, interval, ARGV[18] * 1000, us)
  if late > 0 then
    return {'crowded', '', late, 0}
  end
end

-- The first write of all is one that a full Redis refuses (HSET or SET): it then has refused the whole, as from the first
-- write on it lets a script finish. Otherwise codes would be sent that cannot be verified, since counting a guess is
-- refused.
local replaces = ''
if code then
  local codes = codes_read(code, tonumber(ARGV[19]), now, true)
  for _, earlier in ipairs(codes) do
    if not dead(earlier, history, now) then
      replaces = '1'
    end
  end
  table.insert(codes, 1, {ARGV[2], ARGV[3], ARGV[4], 0, ARGV[5], now, now + lifetime, history})
  codes_write(code, codes, linger, now)
  local keep = math.max(per_phone > 0 and phone_window or 0, cooldown)
  if keep > 0 then
    window_add(sends, sent, now, math.max(per_phone, 1), keep)
  end
end
if address and per_ip > 0 then
  window_add(address, sent_by_address, now, per_ip, ip_window)
end
if total and most > 0 then
  budget_add(total, most_window, now)
end
return {'reserved', replaces, turn and pace_take(sender, turn, interval, us) or 0, now}
