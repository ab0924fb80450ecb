-- reserve.lua · check limits, then charge them and store the new code, in one atomic step
--   Where all keys are on one server, one call has all parts. In a cluster it is called for each part: each call has
--   keys of one slot, and a part that refuses has the parts before it taken back.
--   ARGV[1] parts, some of 'address sender phone'
--   KEYS    of each part, in this order:   address: sends of the address   sender: sends of the sender
--           phone: code, sends of the phone, failures of the phone
--   ARGV[2] id   ARGV[3] digest   ARGV[4] secret id   ARGV[5] max attempts   ARGV[6] lifetime ms   ARGV[7] linger ms
--   ARGV[8..9] per_phone max, window ms   ARGV[10] resend_cooldown ms   ARGV[11..12] per_ip max, window ms
--   ARGV[13..14] failures_per_phone max, window ms   (0: no such limit)
--   ARGV[15..17] messages in a window of the sender, window ms, longest wait ms   (0: no pace)
--   ARGV[18] 'reject' to note the replication history, or ''
--   Returns {'reserved', '', ms until the message's turn, moment} | {'limited', name of the limit that holds longest, ms, 0}
--         | {'crowded', '', ms until a turn would come in time, 0}

local address, sender = keys_of('address', 1), keys_of('sender', 1)
local code, sends, failures = keys_of('phone', 3)
local lifetime, linger = tonumber(ARGV[6]), tonumber(ARGV[7])
local per_phone, phone_window, cooldown = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local per_ip, ip_window = tonumber(ARGV[11]), tonumber(ARGV[12])
local now = now_ms()
local history, none
if ARGV[18] == 'reject' then
  history, none = replication_history()
  if none then
    return none
  end
end

local name, wait = '', 0
local function holds(limit, ms)
  if ms > wait then
    name, wait = limit, ms
  end
end
local sent, sent_by_address
if code then
  sent = window_read(sends)
  holds('per_phone', window_wait(sent, per_phone, phone_window, now))
  -- A cooldown is a window that holds one send.
  holds('resend_cooldown', window_wait(sent, cooldown > 0 and 1 or 0, cooldown, now))
end
if address then
  sent_by_address = window_read(address)
  holds('per_ip', window_wait(sent_by_address, per_ip, ip_window, now))
end
if code then
  -- A code that nobody could verify is not worth a message.
  holds('failures_per_phone', window_wait(window_read(failures), tonumber(ARGV[13]), tonumber(ARGV[14]), now))
end
if wait > 0 then
  return {'limited', name, wait, 0}
end

-- The sender's turns lie in the future as well: this one comes when the turn so many before it is a window ago.
local per_window, pace_window, longest_wait = tonumber(ARGV[15]), tonumber(ARGV[16]), tonumber(ARGV[17])
local turn, turns = now, ''
if sender and per_window > 0 then
  turns = window_read(sender)
  local before = nth_newest(turns, per_window)
  if before then
    -- A clock that stepped back must not make anyone wait for more than a window behind the others.
    turn = math.max(now, math.min(before + pace_window, now + longest_wait + pace_window))
  end
  if turn - now > longest_wait then
    return {'crowded', '', turn - now - longest_wait, 0}
  end
end

if code then
  -- The first write must be one that a full Redis refuses: it then has refused the whole, as from the first write on it
  -- lets a script finish. Otherwise codes would be sent that cannot be verified, since counting a guess is refused.
  redis.call('SET', code, '')
  redis.call('DEL', code)
  redis.call('HSET', code, 'id', ARGV[2], 'digest', ARGV[3], 'secret_id', ARGV[4], 'attempts', 0,
    'max_attempts', ARGV[5], 'created_at', now, 'expires_at', now + lifetime)
  if history then
    redis.call('HSET', code, 'history', history)
  end
  redis.call('PEXPIRE', code, lifetime + linger)
  local keep = math.max(per_phone > 0 and phone_window or 0, cooldown)
  if keep > 0 then
    window_add(sends, sent, now, math.max(per_phone, 1), keep)
  end
end
if address and per_ip > 0 then
  window_add(address, sent_by_address, now, per_ip, ip_window)
end
if sender and per_window > 0 then
  window_add(sender, turns, turn, per_window, pace_window + longest_wait)
end
return {'reserved', '', turn - now, now}
