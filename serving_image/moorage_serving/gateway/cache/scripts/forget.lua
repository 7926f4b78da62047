-- KEYS: expiries, sizes, items. ARGV: what the keys of items begin with. Answers how many items were there.
local count = 0
for index = 3, #KEYS do count = count + forget(KEYS[index]) end
return count
