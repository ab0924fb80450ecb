-- expire.lua · end the verifications of a number whose time is over
--   KEYS[1] verification
--   ARGV[1] id of the verification to visit   ARGV[2] maximum time of a send ms
--   ARGV[3] ms after its deadline until the last visit, or 0
--   KEYS, ARGV those of tell.lua
--   Returns the ms until the next visit, or 0

local now = now_ms()
local verifications = verifications_read(KEYS[1], tonumber(ARGV[2]), now)
local has_ended = false
for _, verification in ipairs(verifications) do
  local reason = reason_against(verification, nil, now)
  if reason and verification[STATUS] == 'pending' then
    finish(verification, reason, now)
  end
  has_ended = has_ended or verification.event
end
if has_ended then
  verifications_write(KEYS[1], verifications, nil, now)
end
local visited = with_id(verifications, ARGV[1])
if not visited then
  return 0
end
local deadline = tonumber(visited[EXPIRES])
return math.max(0, (now < deadline and deadline or deadline + ARGV[3]) - now)
