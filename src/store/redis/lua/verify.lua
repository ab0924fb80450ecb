-- verify.lua · count one guess and settle it, in one atomic step
--   KEYS[1] code   KEYS[2] failures of the phone
--   ARGV[1..2] failures_per_phone max, window ms (0: no such limit)
--   ARGV[3] 'reject' to refuse codes of another replication history, or ''
--   ARGV[4..] secret id and digest of the guess under it, for each secret
--   Returns {'accepted', '', 0} | {'wrong', '', attempts left} | {'locked', '', 0}
--         | {'expired', '', 0} | {'fenced', '', 0} | {'unreadable', '', 0} | {'absent', '', 0}
--         | {'limited', 'failures_per_phone', ms}

local code, failures = KEYS[1], KEYS[2]
local max_failures, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = now_ms()
local history, none
if ARGV[3] == 'reject' then
  history, none = replication_history()
  if none then
    return none
  end
end

local failed = max_failures > 0 and window_read(failures) or ''
local wait = window_wait(failed, max_failures, window, now)
if wait > 0 then
  return {'limited', 'failures_per_phone', wait}
end
local record = redis.call('HMGET', code, 'digest', 'secret_id', 'attempts', 'max_attempts', 'expires_at', 'history')
if not record[1] then
  return {'absent', '', 0}
end
local attempts, max_attempts = tonumber(record[3]), tonumber(record[4])
if attempts >= max_attempts then
  return {'locked', '', 0}
end
if now >= tonumber(record[5]) then
  return {'expired', '', 0}
end
-- On another primary the code may have been used, or guessed at, without this one knowing.
if history and record[6] ~= history then
  return {'fenced', '', 0}
end
local guess
for i = 4, #ARGV, 2 do
  if ARGV[i] == record[2] then
    guess = ARGV[i + 1]
  end
end
if not guess then
  return {'unreadable', '', 0}
end

-- Count, then compare. The digests are keyed, so how long a comparison takes tells a caller nothing.
attempts = redis.call('HINCRBY', code, 'attempts', 1)
if guess == record[1] then
  redis.call('DEL', code)
  return {'accepted', '', 0}
end
if max_failures > 0 then
  window_add(failures, failed, now, max_failures, window)
end
if attempts >= max_attempts then
  return {'locked', '', 0}
end
return {'wrong', '', max_attempts - attempts}
