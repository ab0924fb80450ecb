-- checks.lua · the last guesses at a verification, so that a check can be repeated
--
-- `checks` has caller:digest:result of each, separated by commas, newest last: the digest of the idempotency key, or
-- nothing; the digest of the guess; and 'approved' or the attempts that were left.

-- More than there are attempts with the default settings.
local MOST_CHECKS = 5

-- Returns a function that returns the next caller, digest and result.
local function each_check(verification)
  return string.gmatch(verification[CHECKS] or '', '(%x*):(%x+):(%w+)')
end

-- Returns the digest and the result of the check with that idempotency key.
local function check_of(verification, caller)
  for of, digest, result in each_check(verification) do
    if of == caller then
      return digest, result
    end
  end
end

-- Returns true if the guess is known to be wrong.
local function is_known_wrong(verification, guess)
  for _, digest, result in each_check(verification) do
    if digest == guess and result ~= 'approved' then
      return true
    end
  end
end

local function record_check(verification, caller, guess, result)
  local checks = {}
  for of, digest, earlier in each_check(verification) do
    checks[#checks + 1] = of .. ':' .. digest .. ':' .. earlier
  end
  checks[#checks + 1] = caller .. ':' .. guess .. ':' .. result
  verification[CHECKS] = table.concat(checks, ',', math.max(1, #checks - MOST_CHECKS + 1))
end
