-- message.lua · return or set the verification whose code a message carries
--   KEYS[1] verification of the message
--   ARGV[1] id of the verification, or ''   ARGV[2] ms to keep it
--   Returns the id, or ''

if ARGV[1] == '' then
  return redis.call('GET', KEYS[1]) or ''
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
