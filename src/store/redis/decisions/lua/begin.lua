-- begin.lua · let a call with an idempotency key run, unless another one has used the key
--   KEYS[1] entry
--   ARGV[1] fingerprint   ARGV[2] token of the call   ARGV[3] time for the call ms
--   Returns {'new' | 'running' | 'reused', ''} | {'created' | 'resumed', id}

local state, whose, fingerprint = idempotency_read(KEYS[1])
if not state then
  idempotency_write(KEYS[1], 'running', ARGV[2], ARGV[1], ARGV[3])
  return {'new', ''}
elseif fingerprint ~= ARGV[1] then
  return {'reused', ''}
elseif state == 'running' then
  return {'running', ''}
end
return {state, whose}
