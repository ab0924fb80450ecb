-- append.lua · add events that were moved from an outbox to the stream of their app
--   KEYS[1] stream
--   ARGV id, type, at, app, sequence, about of each
--   Returns their number

for i = 1, #ARGV, 6 do
  tell_app(ARGV[i + 3], KEYS[1])
  add_event(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 4], ARGV[i + 5])
end
return #ARGV / 6
