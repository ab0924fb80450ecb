-- counters.lua · limits: one routine for any number of them
--
-- A counter is a key that counts the events of one subject, with the rules that apply. Scripts get
--   KEYS  one for each counter
--   ARGV  number of counters, and for each: 'moments' or 'slices', number of rules, and for each rule: name, max,
--   window ms

-- Reads the next counters. Also returns the name and the wait in ms of the rule with the longest wait: '' and 0 if none
-- is reached.
local function counters_read(now)
  local counters, name, wait = {}, '', 0
  for i = 1, number() do
    local counter = {key = key(), slices = word() == 'slices', most = 0, keep = 0, rules = {}}
    counter.newest = not counter.slices and moments_newest(counter.key, now)
    for j = 1, number() do
      local rule, max, window = word(), number(), number()
      counter.rules[j] = {rule, max, window}
      local ms = (counter.slices and slices_wait or moments_wait)(counter.key, max, window, now)
      if ms > wait then
        name, wait = rule, ms
      end
      counter.most, counter.keep = math.max(counter.most, max), math.max(counter.keep, window)
    end
    counters[i] = counter
  end
  return counters, name, wait
end

-- Records an event in each counter.
local function counters_charge(counters, now)
  for _, counter in ipairs(counters) do
    if counter.slices then
      slices_add(counter.key, counter.keep, now)
    else
      moments_add(counter.key, counter.newest, counter.most, counter.keep, now)
    end
  end
end
