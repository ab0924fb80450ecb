//! Which international numbers are possible, by the numbering plan of each country.
//!
//! The data is Google's libphonenumber's, through the `phonenumber` crate. "Possible" means: the country
//! calling code is assigned, and the rest has a length and a beginning that the country uses. Whether a
//! possible number is in service is for WhatsApp to say.
//!
//! A number that fits as it stands is taken as it stands; the crate's own parser, which costs fifty times as
//! much, is only asked when it does not, to strip a trunk prefix.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use phonenumber::metadata::{DATABASE, Descriptor, Descriptors};
use regex::Regex;

/// Loads the numbering plans, which takes some 50 ms: better before reporting ready than in the first request.
pub fn load() {
    LazyLock::force(&PLANS);
}

/// The plans behind each country calling code. A code such as +1 serves many regions, each with its plan.
static PLANS: LazyLock<HashMap<u16, Vec<Plan>>> = LazyLock::new(|| {
    let mut plans: HashMap<u16, Vec<Plan>> = HashMap::new();
    for region in DATABASE.iter() {
        plans.entry(region.country_code()).or_default().push(Plan::of(region.descriptors()));
    }
    plans
});

/// What one region's national numbers look like.
struct Plan {
    /// Bit n is set if numbers of n digits exist.
    lengths: u32,
    /// The pattern of all national numbers, as the data has it.
    source: String,
    /// The pattern for a whole number, compiled when first needed.
    pattern: OnceLock<Option<Regex>>,
}

impl Plan {
    fn of(descriptors: &Descriptors) -> Self {
        // The data gives lengths by kind of number; whatever can be called from abroad counts.
        let kinds = [
            descriptors.fixed_line(),
            descriptors.mobile(),
            descriptors.toll_free(),
            descriptors.premium_rate(),
            descriptors.shared_cost(),
            descriptors.personal_number(),
            descriptors.voip(),
            descriptors.pager(),
            descriptors.uan(),
        ];
        let lengths = kinds.into_iter().flatten().flat_map(Descriptor::possible_length);
        Self {
            lengths: lengths.filter(|&&length| length < 32).fold(0, |bits, length| bits | 1 << length),
            source: descriptors.general().national_number().as_str().to_owned(),
            pattern: OnceLock::new(),
        }
    }

    fn fits(&self, national: &str) -> bool {
        national.len() < 32 && self.lengths & (1 << national.len()) != 0 && {
            let compile = || Regex::new(&format!("(?x)^(?:{})$", self.source)).ok();
            self.pattern.get_or_init(compile).as_ref().is_some_and(|pattern| pattern.is_match(national))
        }
    }
}

/// The number's digits in canonical form, or `None` when no country has such a number.
pub(super) fn normalise(digits: String) -> Option<String> {
    if digits.is_empty() || digits.starts_with('0') {
        return None;
    }
    if fits(&digits) {
        return Some(digits);
    }
    let parsed = phonenumber::parse(None, format!("+{digits}")).ok()?;
    let canonical = format!("{}{}", parsed.code().value(), parsed.national());
    // Dropping a trunk prefix shortens; anything else the parser may do is not what the caller wrote.
    (canonical.len() < digits.len() && fits(&canonical)).then_some(canonical)
}

/// Whether some plan has the number. Calling codes are one to three digits and none begins another.
fn fits(digits: &str) -> bool {
    (1..=3).filter_map(|length| digits.split_at_checked(length)).any(|(code, national)| {
        let plans = code.parse().ok().and_then(|code: u16| PLANS.get(&code));
        plans.is_some_and(|plans| plans.iter().any(|plan| plan.fits(national)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_accepts_its_own_example_numbers() {
        let mut tried = 0;
        for region in DATABASE.iter() {
            for descriptor in [region.descriptors().mobile(), region.descriptors().fixed_line()].into_iter().flatten() {
                if let Some(national) = descriptor.example() {
                    let digits = format!("{}{national}", region.country_code());
                    assert_eq!(normalise(digits.clone()), Some(digits.clone()), "{} {digits}", region.id());
                    tried += 1;
                }
            }
        }
        assert!(tried > 400, "only {tried} examples in the data");
    }

    #[test]
    fn every_pattern_in_the_data_compiles() {
        for plan in PLANS.values().flatten() {
            plan.fits(&"1".repeat(plan.lengths.trailing_zeros() as usize));
            assert!(plan.pattern.get().is_some_and(Option::is_some), "{}", plan.source);
        }
    }

    #[test]
    fn a_pattern_must_match_the_whole_national_number() {
        assert!(fits("442079460958"));
        assert!(!fits("4420794609581"));
        assert!(!fits("44207946095"));
    }

    #[test]
    fn order_numbers_of_the_simulator_are_possible() {
        for digits in ["15550131026", "15550000004", "15550910000"] {
            assert!(fits(digits), "{digits}");
        }
    }
}
