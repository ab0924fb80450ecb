-- probe.lua · try every command that the other scripts use, on a key that is deleted afterwards
--   KEYS[1] key   ARGV[1] lifetime of the key in ms   ARGV[2] 'reject' to read the replication history too, or ''
--   Returns {} | {the refused command, the server's message}

local key, keep = KEYS[1], ARGV[1]
-- The first write has an expiry, and fails if the server lacks memory or replicas: no key without an expiry can remain.
local commands = {
  {'TIME'},
  {'SET', key, '1', 'PX', keep}, {'GET', key}, {'GETRANGE', key, 0, 0}, {'INCRBY', key, 1}, {'APPEND', key, '1'},
  {'EXISTS', key}, {'PTTL', key}, {'PEXPIRE', key, keep}, {'DEL', key},
  {'HSET', key, 'field', 0}, {'PEXPIRE', key, keep}, {'HINCRBY', key, 'field', 1}, {'HGET', key, 'field'},
  {'HMGET', key, 'field'}, {'HGETALL', key}, {'HKEYS', key}, {'HLEN', key}, {'HDEL', key, 'field'}, {'DEL', key},
  {'HSET', key, 'field', 0}, {'PEXPIRE', key, keep}, {'HEXISTS', key, 'field'}, {'DEL', key},
  {'ZADD', key, 0, 'member'}, {'PEXPIRE', key, keep}, {'ZRANGEBYSCORE', key, 0, 0}, {'ZREM', key, 'other'},
  {'ZREMRANGEBYSCORE', key, 1, 1}, {'ZREMRANGEBYRANK', key, 1, 1}, {'DEL', key},
  {'XADD', key, '1-0', 'field', 0}, {'PEXPIRE', key, keep}, {'XRANGE', key, '-', '+'}, {'XREVRANGE', key, '+', '-'},
  {'XLEN', key}, {'XINFO', 'STREAM', key}, {'XGROUP', 'CREATE', key, 'group', 0},
  {'XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', 1, 'STREAMS', key, '>'},
  {'XPENDING', key, 'group', '-', '+', 1}, {'XCLAIM', key, 'group', 'consumer', 0, '1-0'},
  {'XACK', key, 'group', '1-0'}, {'XDEL', key, '1-0'}, {'DEL', key},
}
if ARGV[2] == 'reject' then
  table.insert(commands, 1, {'INFO', 'replication'})
end
for _, command in ipairs(commands) do
  local answer = redis.pcall(unpack(command))
  if type(answer) == 'table' and answer.err then
    -- As for a request: the connection leads to a server that is not a primary.
    if string.find(answer.err, 'READONLY', 1, true) then
      return answer
    end
    return {command[1], answer.err}
  end
end
if ARGV[2] == 'reject' then
  local _, none = replication_history()
  if none then
    return none
  end
end
return {}
