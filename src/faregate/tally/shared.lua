-- All that workers ask of the shared counters, in one step, by the clock of this server.
--
-- KEYS[1]    what is known of this server: born, lost, clock (microseconds since 1970)
-- KEYS[2]    workers, and when each was last heard
-- KEYS[3..]  one hash for each limit that is asked about
-- ARGV[1]    msgpack: worker, born (of the server it knew, 0: none), alone_us, lapse_us, asked
--
-- born changes when the server has lost its counts. Where a worker knew another one, or has counted
-- alone (alone_us: until when, at most, others still do; 0: it hasn't), nothing is given for the
-- length of a window, for it may be full of what isn't known here.
--
-- What is leased counts at the last moment at which it may be used, so it leaves late, never early.
-- With its next question a worker says until when it has used a lease; from then on it counts there.

local call, floor, ceil, min, max = redis.call, math.floor, math.ceil, math.min, math.max
local worker, born_known, alone_us, lapse, asked = unpack(cmsgpack.unpack(ARGV[1]))

local BUCKETS = 128 -- of a window; a lease ends with one
local ROOMY_BUCKETS = 15 -- beyond the current one, for leases while less than half is used
local CLOSED = 9 / 8 -- of a window: what was leased of an eighth of it may be used that late
local CLOSED_PLACE = -1 -- says that nothing is given because counts were lost
local LATE = 1 / 64 -- of a steady rate's window: how long its leases are, and what they cost it
local LOWS = 32 -- buckets of least backlogs, for what is put back
local SPARE_PARTS = 16 -- limits below so many for each worker are leased as asked, unit by unit

local function text(number) return string.format('%.0f', number) end

-- Time never runs back, even where this machine's clock is set back.
local time = call('TIME')
local facts = call('HMGET', KEYS[1], 'born', 'lost', 'clock')
local now = max(time[1] * 1000000 + time[2], tonumber(facts[3] or '0'))
local born, lost = tonumber(facts[1] or '0'), tonumber(facts[2] or '0')
if born == 0 then
  born = now
  call('HSET', KEYS[1], 'born', text(born))
end
local unknown = lost
if born_known ~= 0 and born_known ~= born then unknown = max(unknown, born) end
if alone_us > 0 then unknown = max(unknown, now + alone_us) end
if unknown > lost then
  lost = unknown
  call('HSET', KEYS[1], 'lost', text(lost))
end
call('HSET', KEYS[1], 'clock', text(now))

call('ZADD', KEYS[2], text(now), worker)
call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - lapse))
local workers = call('ZCARD', KEYS[2])

-- What a worker gets beyond what it needs: what it uses in `life`, at most a part of what is free.
local function spare(free, rate, life, maximum)
  if maximum < SPARE_PARTS * workers then return 0 end
  return max(0, floor(min(rate * life / 1000000, free / (2 * workers))))
end

local function read(key)
  local raw, fields = call('HGETALL', key), {}
  for at = 1, #raw, 2 do fields[raw[at]] = tonumber(raw[at + 1]) end
  return fields
end

-- A sliding window: hash of bucket -> what may be used until the end of it.
local function window(
  key, maximum, length, _, need, least, rate, life_min, gives, added, told, used_of
)
  local width = length / BUCKETS
  local current = floor(now / width)
  local counts, used, gone, touched = {}, 0, {}, {}
  for field, count in pairs(read(key)) do
    local bucket = tonumber(field)
    if bucket + BUCKETS + 1 <= current then
      gone[#gone + 1] = field
    else
      counts[bucket] = count
      used = used + count
    end
  end
  local function count(bucket, more)
    counts[bucket] = (counts[bucket] or 0) + more
    used = used + more
    touched[bucket] = true
  end
  for _, give in ipairs(gives) do
    local bucket, back = give[1], min(give[3], counts[give[1]] or 0)
    if back > 0 then count(bucket, -back) end
  end
  if added > 0 then count(current, added) end
  if used_of then
    local from, to, units = unpack(used_of)
    units = min(units, counts[from] or 0)
    if units > 0 and to < from then
      count(from, -units)
      count(max(to, current - BUCKETS), units)
    end
  end

  local opens = lost + length * CLOSED
  local granted, last, schedule = 0, current, {}
  if need > 0 and opens <= now and least <= maximum - used then
    if used * 2 < maximum then
      last = current + ROOMY_BUCKETS
    else
      local least_life = max(width / 2, life_min)
      last = min(current + ROOMY_BUCKETS, floor((now + least_life) / width))
    end
    granted = min(need, maximum - used)
    local free = maximum - used - granted
    granted = granted + spare(free, rate, (last + 1) * width - now, maximum)
    count(last, granted)
  end
  local free, oldest = opens > now and 0 or maximum - used, 0
  if granted < need or told == 1 or used > 0 then
    local buckets = {}
    for bucket, held in pairs(counts) do
      if held > 0 then buckets[#buckets + 1] = bucket end
    end
    table.sort(buckets)
    if buckets[1] then oldest = ceil((buckets[1] + BUCKETS + 1) * width - now) end
    if opens > now then
      schedule = {{ceil(opens - now), maximum}}
    elseif granted < need or told == 1 then
      local freed = free
      for at, bucket in ipairs(buckets) do
        freed = freed + counts[bucket]
        schedule[at] = {ceil((bucket + BUCKETS + 1) * width - now), freed}
      end
    end
  end

  if #gone > 0 then call('HDEL', key, unpack(gone)) end
  for bucket in pairs(touched) do
    if counts[bucket] > 0 then
      call('HSET', key, text(bucket), text(counts[bucket]))
    else
      call('HDEL', key, text(bucket))
    end
  end
  if granted > 0 or added > 0 then call('PEXPIRE', key, text(ceil(length / 500) + 1000)) end
  local place = opens > now and CLOSED_PLACE or last
  return {granted, floor((last + 1) * width - now), place, now, free, oldest, schedule}
end

-- A steady rate: what is owed, in parts of 1/maximum microseconds, of which a unit is the window's
-- length. The length is longer by how late a lease may be used (late), so that no window of the
-- true length has more than maximum + burst. Where workers are slow leases are longer, and only
-- when none was for two windows, shorter again. l<bucket> is the least backlog that a lease found.
local function steady(
  key, maximum, length, burst, need, least, rate, life_min, gives, added, told
)
  local fields = read(key)
  local late_wanted = floor(max(length * LATE, min(life_min * 5 / 8, length / 8)))
  local late, late_at = fields.late or late_wanted, fields.late_at or now
  local unit_before = length + late
  if late_wanted > late or now - late_at > 2 * length + late then
    late = late_wanted
    late_at = now
  elseif late_wanted * 2 > late then
    late_at = now
  end
  local unit = length + late
  local room = (burst + 1) * unit
  local leases = fields.leases or 0
  local backlog = max(0, (fields.owed or 0) - (now - (fields.at or now)) * maximum)
  backlog = ceil(backlog * unit / unit_before)
  local current = floor(now * LOWS / length)
  local lows = {}
  for field, low in pairs(fields) do
    local bucket = tonumber(string.match(field, '^l(%d+)$'))
    if bucket and bucket >= current - LOWS then
      lows[bucket] = low
    elseif bucket then
      call('HDEL', key, field)
    end
  end
  for _, give in ipairs(gives) do
    local back = min(give[3] * unit, backlog)
    if give[2] ~= leases then -- others came since: see limits/gcra.py
      if give[1] < current - LOWS then back = 0 end
      for bucket, low in pairs(lows) do
        if bucket >= give[1] then back = min(back, low) end
      end
      for bucket, low in pairs(lows) do
        if bucket >= give[1] then lows[bucket] = low - back end
      end
    end
    backlog = backlog - back
  end
  local function count(units)
    lows[current] = min(lows[current] or backlog, backlog)
    backlog = backlog + units * unit
    leases = leases + 1
  end
  if added > 0 then count(added) end

  local opens = lost + length * CLOSED
  local granted, life = 0, late
  local fits = floor((room - backlog) / unit)
  if need > 0 and opens <= now and least <= fits then
    granted = min(need, fits)
    granted = granted + spare(fits - granted, rate, life, burst + 1)
    count(granted)
  end
  local schedule = {}
  if opens > now then
    schedule = {{ceil(opens - now), burst + 1}}
  elseif granted < need or told == 1 then
    schedule = {{backlog - room, unit, maximum}}
  end
  local free = opens > now and 0 or max(0, floor((room - backlog) / unit))
  local reset = 0
  if backlog > 0 then reset = max(1, ceil((backlog - room + (free + 1) * unit) / maximum)) end

  local values = {'owed', text(ceil(backlog)), 'at', text(now), 'leases', text(leases),
    'late', text(late), 'late_at', text(late_at)}
  for bucket, low in pairs(lows) do
    values[#values + 1] = 'l' .. text(bucket)
    values[#values + 1] = text(floor(low))
  end
  call('HSET', key, unpack(values))
  call('PEXPIRE', key, text(ceil(backlog / maximum / 1000 + length / 500) + 1000))
  local place = opens > now and CLOSED_PLACE or current
  return {granted, floor(life), place, leases, free, reset, schedule}
end

-- Calls at once: hash of worker -> slots that it holds. Those of a worker that is no longer heard
-- are free.
local function at_once(key, maximum, in_use, _, need, least, rate)
  local others = 0
  for holder, slots in pairs(read(key)) do
    if holder ~= worker then
      if call('ZSCORE', KEYS[2], holder) then
        others = others + slots
      else
        call('HDEL', key, holder)
      end
    end
  end
  local free, granted = maximum - others - in_use, 0
  if need > 0 and least <= free and lost + lapse <= now then
    granted = min(need, free)
    granted = granted + spare(free - granted, rate, 1000000, maximum)
  end
  if in_use + granted > 0 then
    call('HSET', key, worker, text(in_use + granted))
    call('PEXPIRE', key, text(ceil(lapse / 500)))
  else
    call('HDEL', key, worker)
  end
  return {granted, 0, 0, 0, max(0, free - granted), 0, {}}
end

local kinds = {window, steady, at_once}
local answers = {}
for at, ask in ipairs(asked) do answers[at] = kinds[ask[1]](KEYS[at + 2], unpack(ask, 2)) end
return cmsgpack.pack({born, answers})
