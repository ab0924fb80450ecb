-- cancel.lua · cancel the pending verifications of a number and, on request, clear the counters of its limits
--   KEYS the number's counters, then for each app: its verification, the stream of tell.lua
--   ARGV[1] number of counters   ARGV[2] 'limits' to clear them, or ''   ARGV[3] maximum time of a send ms
--   ARGV[4..] for each app the argument of tell.lua
--   Returns {verifications canceled, counters cleared}

local now, counters, canceled = now_ms(), tonumber(ARGV[1]), 0
local dropped = ARGV[2] == 'limits' and redis.call('DEL', unpack(KEYS, 1, counters)) or 0
for i = counters + 1, #KEYS, 2 do
  tell_app(ARGV[4 + (i - counters - 1) / 2], KEYS[i + 1])
  local verifications, changed = verifications_read(KEYS[i], tonumber(ARGV[3]), now), false
  for _, verification in ipairs(verifications) do
    if cancel(verification, nil, now) then
      canceled, changed = canceled + 1, true
    end
  end
  if changed then
    verifications_write(KEYS[i], verifications, nil, now)
  end
end
return {canceled, dropped}
