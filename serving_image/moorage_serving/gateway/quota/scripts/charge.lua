-- KEYS: month. ARGV: tokens that were used while this server could not be asked.
local second = clock()
local month = month_of(second)
write_month(KEYS[1], month, read_month(KEYS[1], month) + tonumber(ARGV[1]))
return 1
