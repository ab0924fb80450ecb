-- idempotency.lua · the entry of an idempotency key: the state, the call's token or the result's id, the fingerprint

-- Returns the three, or nothing if there is no entry.
local function idempotency_read(key)
  return string.match(redis.call('GET', key) or '', '^(%l+):([^:]*):(%x+)$')
end

local function idempotency_write(key, state, whose, fingerprint, ms)
  redis.call('SET', key, table.concat({state, whose, fingerprint}, ':'), 'PX', ms)
end
