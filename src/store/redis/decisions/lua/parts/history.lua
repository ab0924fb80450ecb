-- history.lua · the replication history of this server, which identifies verifications from before a failover

-- Returns the history, or nil and the error to answer with. A promotion starts a new history, on the promoted server
-- alone. A server that is not, or no longer, a primary makes no decisions.
local function replication_history()
  local info = redis.call('INFO', 'replication')
  if not string.find(info, '\nrole:master\r', 1, true) then
    return nil, redis.error_reply('READONLY this server is no primary')
  end
  local id = string.match(info, '\nmaster_replid:(%x+)\r')
  if not id then
    return nil, redis.error_reply('NOHISTORY this server does not name its replication history')
  end
  return string.sub(id, 1, 16)
end

-- Returns the history to compare verifications with, if any, and the error to answer with if it is unknown.
local function fence(after_failover)
  if after_failover == 'reject' then
    return replication_history()
  end
end
