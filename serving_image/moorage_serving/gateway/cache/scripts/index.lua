-- Shared by the other scripts. KEYS: expiries, sizes. ARGV: what the keys of items begin with; the rest is an item's name.
local expiries, sizes, prefix = KEYS[1], KEYS[2], ARGV[1]

local function name_of(key)
  return string.sub(key, #prefix + 1)
end

local function size_of(name)
  return tonumber(redis.call('HGET', sizes, name) or 0)
end

local function unlist(name)
  local size = redis.call('HGET', sizes, name)
  if size then
    redis.call('HDEL', sizes, name)
    redis.call('HINCRBY', sizes, '', -size)
  end
  redis.call('ZREM', expiries, name)
end

local function forget(key)
  local was_there = redis.call('UNLINK', key)
  unlist(name_of(key))
  return was_there
end
