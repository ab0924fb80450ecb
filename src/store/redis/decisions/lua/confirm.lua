-- confirm.lua · replace the earlier codes, as the message with this one was not refused
--   KEYS[1] verification
--   ARGV[1] id   ARGV[2] maximum time of a send ms
--   KEYS, ARGV those of tell.lua
--   Returns 1 if the verification exists, else 0

local now = now_ms()
local verifications = verifications_read(KEYS[1], tonumber(ARGV[2]), now)
for i, verification in ipairs(verifications) do
  if verification[ID] == ARGV[1] then
    for j = i + 1, #verifications do
      cancel(verifications[j], nil, now)
    end
    verifications_write(KEYS[1], verifications, nil, now)
    return 1
  end
end
return 0
