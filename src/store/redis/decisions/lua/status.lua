-- status.lua · a number's verifications for one app, and the use of its limits; changes nothing
--   The arguments, in this order:
--   KEYS verification   ARGV maximum time of a send ms · 'reject' to show verifications of another replication history as
--   expired, or ''
--   ARGV number of rules, and for each: max, window ms   KEYS the moments that it counts
--   Returns {now, {the words of each verification}, newest first, {events, ms until one more fits} for each rule}

local now = now_ms()
local verifications = verifications_read(key(), number(), now)
local history, none = fence(word())
if none then
  return none
end
local shown, used = {}, {}
for i, verification in ipairs(verifications) do
  if reason_against(verification, history, now) == 'fenced' then
    verification[STATUS] = 'expired'
  end
  shown[i] = words_of(verification)
end
for i = 1, number() do
  local max, window, moments, count = number(), number(), redis.call('GET', key()) or '', 0
  while count < max and (nth_newest(moments, count + 1) or 0) > now - window do
    count = count + 1
  end
  used[i] = {count, wait_for(nth_newest(moments, max), window, now)}
end
return {now, shown, used}
