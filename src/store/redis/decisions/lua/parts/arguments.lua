-- arguments.lua · read KEYS and ARGV in order

local keys_read, words_read = 0, 0

local function key()
  keys_read = keys_read + 1
  return KEYS[keys_read]
end

local function word()
  words_read = words_read + 1
  return ARGV[words_read]
end

local function number()
  return tonumber(word())
end
