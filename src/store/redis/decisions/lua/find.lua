-- find.lua · charge a check to its address, and say which codes of the phone a guess is to be compared with
--   So that nothing is computed from a guess, and sent here, where nothing is live. In a cluster it is called for each
--   part.
--   ARGV[1] parts, some of 'address phone'
--   KEYS    of each part, in this order:   address: checks of the address
--           phone: code, failures of the phone, failures of the phone by address
--   ARGV[2..3] checks_per_ip max, window ms   ARGV[4..5] failures_per_phone max, window ms   (0: no such limit)
--   ARGV[6] what stands for the address, or ''
--   ARGV[7] longest time of a send ms   ARGV[8] 'reject' to refuse codes of another replication history, or ''
--   Returns {'live', '', 0, {id, secret id, …}} for each code, newest first
--         | {'locked' or 'expired' or 'fenced' or 'absent', '', 0, {}} | {'limited', name, ms, {}}

local address = keys_of('address', 1)
local code, failures, guessers = keys_of('phone', 3)
local now = now_ms()
if address then
  local max, window = tonumber(ARGV[2]), tonumber(ARGV[3])
  local checks = window_read(address, now)
  local wait = window_wait(checks, max, window, now)
  if wait > 0 then
    return {'limited', 'checks_per_ip', wait, {}}
  end
  window_add(address, checks, now, max, window)
end
if not code then
  return {'live', '', 0, {}}
end

local wait = failures_wait(failures, guessers, ARGV[6], tonumber(ARGV[4]), tonumber(ARGV[5]), now)
if wait > 0 then
  return {'limited', 'failures_per_phone', wait, {}}
end
local history, none = fence(ARGV[8])
if none then
  return none
end
local codes = codes_read(code, tonumber(ARGV[7]), now)
local verdict, live = 'absent', {}
for i = #codes, 1, -1 do
  local reason = dead(codes[i], history, now)
  if reason then
    verdict = reason
  else
    table.insert(live, 1, codes[i][SECRET])
    table.insert(live, 1, codes[i][ID])
  end
end
return {#live > 0 and 'live' or verdict, '', 0, live}
