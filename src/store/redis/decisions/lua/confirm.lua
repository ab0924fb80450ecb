-- confirm.lua · a code's message was not refused: the code has replaced those before it
--   KEYS[1] code
--   ARGV[1] id   ARGV[2] longest time of a send ms
--   Returns 1 if the code is in force or waits for a newer one's send, 0 if it is gone

local now = now_ms()
local codes = codes_read(KEYS[1], tonumber(ARGV[2]), now)
for i, code in ipairs(codes) do
  if code[ID] == ARGV[1] then
    if i < #codes then
      codes_write(KEYS[1], {unpack(codes, 1, i)}, nil, now)
    end
    return 1
  end
end
return 0
