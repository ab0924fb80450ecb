-- finish.lua · keep the result of a call with an idempotency key, or drop its entry if there is none
--   KEYS[1] entry
--   ARGV[1] fingerprint   ARGV[2] token of the call
--   ARGV[3] 'created' or 'resumed', or '' without a result   ARGV[4] id   ARGV[5] time to keep it ms
--   Returns 1, or 0 if another call has used the key since

local state, whose = idempotency_read(KEYS[1])
if state and (state ~= 'running' or whose ~= ARGV[2]) then
  return 0
elseif ARGV[3] ~= '' then
  idempotency_write(KEYS[1], ARGV[3], ARGV[4], ARGV[1], ARGV[5])
elseif state then
  redis.call('DEL', KEYS[1])
end
return 1
