-- One check of some rate limits, all or nothing: the generic cell rate algorithm in whole numbers.
--
-- KEYS: the counters. ARGV, for each of them: N requests, a window of W microseconds, and W / N as a whole number of
-- microseconds with the rest in Nths of one. A counter holds the moment at which it will be full again, as
-- "microseconds:Nths:N". Each request moves that moment by W / N; none may move it further than W from now. All numbers
-- stay below 2^53, up to which a Lua number is exact.
--
-- Returns whether it is allowed (1, 0), the microseconds until it would be, and how far from now the moment of the last
-- counter is: microseconds, Nths.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local moved, wait, debt = {}, 0, nil

for i, key in ipairs(KEYS) do
    local n, window = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
    local full, part = now, 0
    local kept = redis.pcall('GET', key)
    local a, b, c
    if type(kept) == 'string' then
        a, b, c = string.match(kept, '^(%d+):(%d+):(%d+)$')
    end
    if a then
        full, part = tonumber(a), tonumber(b)
        -- Nths of another N are rounded up.
        if tonumber(c) ~= n and part > 0 then full, part = full + 1, 0 end
        if full < now then full, part = now, 0 end
        -- After a change of the window, or of the clock.
        if full >= now + window then full, part = now + window, 0 end
    end
    local next, next_part = full + tonumber(ARGV[4 * i - 1]), part + tonumber(ARGV[4 * i])
    if next_part >= n then next, next_part = next + 1, next_part - n end
    local over = next - (now + window)
    if next_part > 0 then over = over + 1 end
    wait = math.max(wait, over)
    debt = { full - now, part }
    moved[i] = { next, next_part, n }
end

if wait > 0 then
    return { 0, wait, debt[1], debt[2] }
end
for i, key in ipairs(KEYS) do
    local next, part, n = unpack(moved[i])
    local value = string.format('%.0f:%.0f:%.0f', next, part, n)
    redis.call('SET', key, value, 'PX', math.ceil((next - now) / 1000) + 1)
end
local last = moved[#KEYS]
return { 1, 0, last[1] - now, last[2] }
