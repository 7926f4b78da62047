-- KEYS: window, month, leases, reservations. ARGV: id, tokens that were used.
-- Frees the slot and corrects what was reserved. A reservation that is unknown, or settled already, changes nothing.
local reservation = redis.call('HGET', KEYS[4], ARGV[1])
if not reservation then return 0 end
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
local bucket, reserved, month = string.match(reservation, '(%d+) (%d+) (%d+)')
bucket, month = tonumber(bucket), tonumber(month)
local more = tonumber(ARGV[2]) - tonumber(reserved)
if more == 0 then return 1 end
if bucket > 0 then
  local second = clock()
  local window = read_window(KEYS[1], second)
  if bucket >= window.oldest and not window.new then
    redis.call('HINCRBY', KEYS[1], 't' .. bucket, more)
    redis.call('HINCRBY', KEYS[1], 'tokens', more)
  elseif more > 0 then
    -- The request outlived the window of its reservation: what it used beyond that counts from now.
    add_to_window(KEYS[1], window, second, 0, more)
  end
end
if month > 0 and tonumber(redis.call('HGET', KEYS[2], 'month')) == month then
  redis.call('HINCRBY', KEYS[2], 'tokens', more)
end
return 1
