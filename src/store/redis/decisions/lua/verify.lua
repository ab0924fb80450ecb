-- verify.lua · count one guess and settle it, in one atomic step
--   KEYS[1] code   KEYS[2] failures of the phone   KEYS[3] failures of the phone by address
--   ARGV[1..2] failures_per_phone max, window ms (0: no such limit)
--   ARGV[3] failures of one address that count against the phone   ARGV[4] what stands for the address, or ''
--   ARGV[5] longest time of a send ms   ARGV[6] 'reject' to refuse codes of another replication history, or ''
--   ARGV[7..] id of a code and digest of the guess for it, for each code that the guess may be
--   Returns {'accepted', '', 0} | {'wrong', '', attempts left} | {'locked', '', 0}
--         | {'expired', '', 0} | {'fenced', '', 0} | {'absent', '', 0}
--         | {'replaced', '', 0} if there is another code than those | {'limited', 'failures_per_phone', ms}

local code, failures, guessers = KEYS[1], KEYS[2], KEYS[3]
local max_failures, window, share, address = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local now = now_ms()
local history, none = fence(ARGV[6])
if none then
  return none
end
local wait, failed, own = failures_wait(failures, guessers, address, max_failures, window, now)
if wait > 0 then
  return {'limited', 'failures_per_phone', wait}
end
local guesses = {}
for i = 7, #ARGV, 2 do
  guesses[ARGV[i]] = ARGV[i + 1]
end

local codes = codes_read(code, tonumber(ARGV[5]), now)
local verdict, compared = 'absent', {}
for i = #codes, 1, -1 do
  local reason = dead(codes[i], history, now)
  if reason then
    verdict = reason
  elseif not guesses[codes[i][ID]] then
    verdict = 'replaced'
  else
    table.insert(compared, 1, i)
  end
end
if #compared == 0 then
  return {verdict, '', 0}
end

-- Count, then compare. The digests are keyed, so how long a comparison takes tells a caller nothing.
for _, i in ipairs(compared) do
  codes[i][ATTEMPTS] = codes[i][ATTEMPTS] + 1
end
if #codes == 1 then
  redis.call('HSET', code, 'attempts', codes[1][ATTEMPTS])
else
  codes_write(code, codes, nil, now)
end
for _, i in ipairs(compared) do
  if guesses[codes[i][ID]] == codes[i][DIGEST] then
    -- It is used up, and those before it are of no use any more. One that is being sent is a code of its own.
    if i == 1 then
      redis.call('DEL', code)
    else
      codes_write(code, {unpack(codes, 1, i - 1)}, nil, now)
    end
    -- Whoever has the phone has shown it: what others guessed wrong counts no longer against it.
    redis.call('DEL', failures, guessers)
    return {'accepted', '', 0}
  end
end
if max_failures > 0 then
  failures_add(failures, failed, guessers, address, own, max_failures, window, share, now)
end
local newest = codes[compared[1]]
local left = newest[MAX_ATTEMPTS] - newest[ATTEMPTS]
if left <= 0 then
  return {'locked', '', 0}
end
return {'wrong', '', left}
