-- KEYS: expiries, sizes, the item's lease, the item, others that may leave for it.
-- ARGV: what the keys of items begin with, value, lifetime in milliseconds, greatest sum of bytes, and who holds the
--       lease, which ends with the storing: nobody else finds neither of them.
-- Answers {1: stored, 0: not yet, -1: the value alone is too large; how many items left; names}. Names are those of
-- items which have to be in KEYS: now where it is 0, and 1 tells which the next item of this size will push out.
-- SET comes before all that writes: a Redis without memory refuses a script's first write, and no later one.
-- The index heals itself: what expired leaves it (100 at a time, more than one call can add), and it ends with its last
-- item. When one half of it was evicted or damaged, all that the other half knows of is deleted, so that nothing is kept
-- that is not counted. When both are gone, what they knew of ends with its lifetime.
local MAX_NAMES, SPARE_NAMES = 500, 16
local value, lifetime, most, holder = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local lease, key = KEYS[3], KEYS[4]
local item, size = name_of(key), #value + #key
local given = {}
for index = 4, #KEYS do given[name_of(KEYS[index])] = KEYS[index] end

-- Deletes what half an index knows of; the names that are not given, where there are some.
local function clear(kind)
  if kind == 'hash' then redis.call('HDEL', sizes, '') end
  repeat
    local known, missing = {}, {}
    if kind == 'zset' then known = redis.call('ZRANGE', expiries, 0, MAX_NAMES - 1) end
    if kind == 'hash' then known = redis.call('HRANDFIELD', sizes, MAX_NAMES) end
    for _, name in ipairs(known) do
      if given[name] then
        redis.call('UNLINK', given[name])
        if kind == 'zset' then redis.call('ZREM', expiries, name) else redis.call('HDEL', sizes, name) end
      else
        missing[#missing + 1] = name
      end
    end
    if #missing > 0 then return missing end
  until #known == 0
  redis.call('DEL', expiries, sizes)
  return {}
end

local kinds = { redis.call('TYPE', expiries).ok, redis.call('TYPE', sizes).ok }
if table.concat(kinds, ' ') ~= 'zset hash' and table.concat(kinds, ' ') ~= 'none none' then
  local missing = clear(kinds[1] == 'zset' and 'zset' or kinds[2])
  if #missing > 0 then return { 0, 0, missing } end
end
if size > most then
  forget(key)
  return { -1, 0, {} }
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local sum = size_of('') - size_of(item) + size
local expired = redis.call('ZRANGEBYSCORE', expiries, '-inf', '(' .. now, 'LIMIT', 0, 100)
for _, name in ipairs(expired) do
  if name ~= item then sum = sum - size_of(name) end
end
local rank, leaving, missing = #expired, {}, {}
while sum > most and #missing < MAX_NAMES do
  local oldest = redis.call('ZRANGE', expiries, rank, rank)[1]
  if not oldest then break end
  rank = rank + 1
  if oldest ~= item then
    sum = sum - size_of(oldest)
    if given[oldest] then leaving[#leaving + 1] = given[oldest] else missing[#missing + 1] = oldest end
  end
end
if #missing > 0 then
  -- A few more, because others store too.
  for _, name in ipairs(redis.call('ZRANGE', expiries, rank, rank + SPARE_NAMES - 1)) do
    missing[#missing + 1] = name
  end
  for _, each in ipairs(leaving) do forget(each) end
  return { 0, #leaving, missing }
end

local ends_at = now + lifetime
redis.call('SET', key, value, 'PXAT', ends_at)
unlist(item)
for _, name in ipairs(expired) do unlist(name) end
for _, each in ipairs(leaving) do forget(each) end
redis.call('HSET', sizes, item, size)
redis.call('HINCRBY', sizes, '', size)
redis.call('ZADD', expiries, ends_at, item)
local last = tonumber(redis.call('ZRANGE', expiries, -1, -1, 'WITHSCORES')[2])
redis.call('PEXPIREAT', expiries, last)
redis.call('PEXPIREAT', sizes, last)
if holder ~= '' and redis.pcall('GET', lease) == holder then redis.call('DEL', lease) end
return { 1, #leaving, sum + size > most and redis.call('ZRANGE', expiries, 0, SPARE_NAMES - 1) or {} }
