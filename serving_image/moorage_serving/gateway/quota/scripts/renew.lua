-- KEYS: leases, reservations. ARGV: the lease in milliseconds, ids.
-- A lease that was lost (Redis was away, or lost its data) is taken again, with nothing to correct at its end.
local lease_ms = tonumber(ARGV[1])
local _, now_ms = clock()
for index = 2, #ARGV do
  redis.call('ZADD', KEYS[1], now_ms + lease_ms, ARGV[index])
  redis.call('HSETNX', KEYS[2], ARGV[index], '0 0 0')
end
redis.call('PEXPIRE', KEYS[1], lease_ms)
redis.call('PEXPIRE', KEYS[2], lease_ms)
return #ARGV - 1
