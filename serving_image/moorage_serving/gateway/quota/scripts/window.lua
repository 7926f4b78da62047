-- Shared by the other scripts. One hash per tenant holds the last 61 seconds: buckets r<second> and t<second>, their
-- running totals, and the first and the last second that may have a bucket. The present second is not over, so that
-- 60 seconds are only surely past when the 60 before it count too: never more than a limit in any 60 seconds.
local WINDOW_SECONDS = 60
local WINDOW_TTL_SECONDS = 2 * WINDOW_SECONDS

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]), tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- 202601 for January 2026. Days to a civil date: https://howardhinnant.github.io/date_algorithms.html#civil_from_days
local function month_of(second)
  local days = math.floor(second / 86400) + 719468
  local era = math.floor(days / 146097)
  local day_of_era = days - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460) + math.floor(day_of_era / 36524)
    - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local shifted = math.floor((5 * day_of_year + 2) / 153)
  local month = shifted < 10 and shifted + 3 or shifted - 9
  return (year_of_era + era * 400 + (month <= 2 and 1 or 0)) * 100 + month
end

-- The window without what has left it.
local function read_window(key, second)
  local fields = redis.call('HMGET', key, 'oldest', 'newest', 'requests', 'tokens')
  local window = { oldest = tonumber(fields[1]), newest = tonumber(fields[2]),
    requests = tonumber(fields[3]), tokens = tonumber(fields[4]) }
  local first = second - WINDOW_SECONDS
  -- A clock that was set back by more than a window makes nonsense of what is there.
  if not window.oldest or window.newest < first or window.newest > second + WINDOW_SECONDS then
    if window.oldest then redis.call('DEL', key) end
    return { oldest = second, newest = second, requests = 0, tokens = 0, new = true }
  end
  if window.oldest < first then
    local left = {}
    for past = window.oldest, first - 1 do
      left[#left + 1] = 'r' .. past
      left[#left + 1] = 't' .. past
    end
    local amounts = redis.call('HMGET', key, unpack(left))
    for index = 1, #amounts, 2 do
      window.requests = window.requests - (tonumber(amounts[index]) or 0)
      window.tokens = window.tokens - (tonumber(amounts[index + 1]) or 0)
    end
    redis.call('HDEL', key, unpack(left))
    window.oldest = first
    redis.call('HSET', key, 'oldest', first, 'requests', window.requests, 'tokens', window.tokens)
  end
  return window
end

-- Into the bucket of now; a clock that was set back a little adds to the newest there is.
local function add_to_window(key, window, second, requests, tokens)
  local bucket = math.max(second, window.newest)
  window.requests = window.requests + requests
  window.tokens = window.tokens + tokens
  if window.new or bucket > window.newest then redis.call('EXPIRE', key, WINDOW_TTL_SECONDS) end
  redis.call('HSET', key, 'oldest', window.oldest, 'newest', bucket,
    'requests', window.requests, 'tokens', window.tokens)
  redis.call('HINCRBY', key, 'r' .. bucket, requests)
  redis.call('HINCRBY', key, 't' .. bucket, tokens)
  if window.new then redis.call('EXPIRE', key, WINDOW_TTL_SECONDS) end
  window.newest = bucket
  return bucket
end

-- What this month has used; one hash per tenant holds the month's number and its tokens.
local function read_month(key, month)
  local fields = redis.call('HMGET', key, 'month', 'tokens')
  return tonumber(fields[1]) == month and tonumber(fields[2]) or 0
end

local function write_month(key, month, tokens)
  redis.call('HSET', key, 'month', month, 'tokens', tokens)
  redis.call('EXPIRE', key, 32 * 86400)
end
