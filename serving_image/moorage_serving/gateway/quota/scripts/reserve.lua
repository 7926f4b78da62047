-- KEYS: window, month, leases, reservations
-- ARGV: id, tokens, limits of requests, tokens, concurrency, month's tokens (-1: none), the lease in milliseconds,
--       -1, or the Unix time in milliseconds when a gateway let the request in without asking
-- Returns {limit in the way (0: none), milliseconds until it may go, requests used, tokens used,
--          milliseconds until the window is empty, month's tokens used}. Takes everything or nothing.
local id, tokens = ARGV[1], tonumber(ARGV[2])
local request_limit, token_limit = tonumber(ARGV[3]), tonumber(ARGV[4])
local concurrency_limit, month_limit = tonumber(ARGV[5]), tonumber(ARGV[6])
local lease_ms, let_in_ms = tonumber(ARGV[7]), tonumber(ARGV[8])
local asks = let_in_ms < 0
local needs_settling = token_limit >= 0 or concurrency_limit >= 0 or month_limit >= 0
local second, now_ms = clock()
local month = month_of(second)
local has_window = (request_limit >= 0 or token_limit >= 0) and (asks or now_ms - let_in_ms <= WINDOW_SECONDS * 1000)
local window = { requests = 0, tokens = 0, oldest = second, newest = second }
if has_window then window = read_window(KEYS[1], second) end
local month_used = month_limit >= 0 and read_month(KEYS[2], month) or 0

local function ms_until_past(bucket)
  return (bucket + WINDOW_SECONDS + 1) * 1000 - now_ms
end

local function result(refusal, retry_ms)
  return { refusal, retry_ms, window.requests, window.tokens, ms_until_past(window.newest), month_used }
end

-- How long until buckets with this amount have left.
local function ms_until_left(prefix, amount)
  for bucket = window.oldest, window.newest do
    amount = amount - (tonumber(redis.call('HGET', KEYS[1], prefix .. bucket)) or 0)
    if amount <= 0 then return ms_until_past(bucket) end
  end
  return WINDOW_SECONDS * 1000
end

-- The gateway did ask, and the answer came too late.
if not asks and redis.call('HEXISTS', KEYS[4], id) == 1 then return result(0, 0) end
if asks and month_limit >= 0 and month_used + tokens > month_limit then return result(4, 0) end
if asks and token_limit >= 0 and window.tokens + tokens > token_limit then
  return result(2, ms_until_left('t', window.tokens + tokens - token_limit))
end
if asks and request_limit >= 0 and window.requests + 1 > request_limit then
  return result(1, ms_until_left('r', window.requests + 1 - request_limit))
end
if needs_settling then
  local expired = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now_ms, 'LIMIT', 0, 1000)
  if #expired > 0 then
    redis.call('ZREM', KEYS[3], unpack(expired))
    redis.call('HDEL', KEYS[4], unpack(expired))
  end
  if asks and concurrency_limit >= 0 and redis.call('ZCARD', KEYS[3]) >= concurrency_limit then
    return result(3, 1000)
  end
end

local bucket = 0
if has_window then bucket = add_to_window(KEYS[1], window, second, 1, tokens) end
if month_limit >= 0 then
  month_used = month_used + tokens
  write_month(KEYS[2], month, month_used)
end
if needs_settling then
  redis.call('ZADD', KEYS[3], now_ms + lease_ms, id)
  redis.call('HSET', KEYS[4], id, bucket .. ' ' .. tokens .. ' ' .. (month_limit >= 0 and month or 0))
  redis.call('PEXPIRE', KEYS[3], lease_ms)
  redis.call('PEXPIRE', KEYS[4], lease_ms)
end
return result(0, 0)
