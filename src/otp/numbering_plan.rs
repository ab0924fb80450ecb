//! Possible international numbers, by the numbering plan of each country.
//!
//! The data is that of Google's libphonenumber, through the `phonenumber` crate. A number is possible if its country
//! calling code is assigned and the country uses numbers of that length and beginning. Only WhatsApp knows whether a
//! possible number is in service.
//!
//! A number that fits a plan is accepted as it stands. Only for others is the crate's own parser, which takes fifty
//! times as long, asked to strip a trunk prefix.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use phonenumber::metadata::{DATABASE, Descriptor, Metadata};
use regex::{Regex, RegexBuilder};

use super::country::{Country, NumberType};

/// Loads the numbering plans. This takes some 50 ms, so it should be done before the first request.
pub fn load() {
    LazyLock::force(&PLANS);
}

/// The plans of each country calling code. A code such as +1 serves many regions, each with its own plan.
static PLANS: LazyLock<HashMap<u16, Vec<Plan>>> = LazyLock::new(|| {
    let mut plans: HashMap<u16, Vec<Plan>> = HashMap::new();
    for region in DATABASE.iter() {
        plans.entry(region.country_code()).or_default().push(Plan::of(region));
    }
    plans
});

/// A region's data about numbers of one type.
fn descriptor(region: &Metadata, kind: NumberType) -> Option<&Descriptor> {
    let descriptors = region.descriptors();
    match kind {
        NumberType::PremiumRate => descriptors.premium_rate(),
        NumberType::TollFree => descriptors.toll_free(),
        NumberType::SharedCost => descriptors.shared_cost(),
        NumberType::Voip => descriptors.voip(),
        NumberType::PersonalNumber => descriptors.personal_number(),
        NumberType::Pager => descriptors.pager(),
        NumberType::Uan => descriptors.uan(),
        NumberType::Voicemail => descriptors.voicemail(),
        NumberType::FixedLine => descriptors.fixed_line(),
        NumberType::Mobile => descriptors.mobile(),
        NumberType::Unknown => None,
    }
}

/// The shape of a region's national numbers.
struct Plan {
    /// `None` for numbers without a country, such as +979.
    country: Option<Country>,
    /// The pattern for all of them.
    general: Range,
    /// The beginning of many of its numbers, which no other region with the same calling code uses.
    leading_digits: Option<Pattern>,
    /// The types that it has, in the order of [`NumberType::ALL`].
    types: Vec<(NumberType, Range)>,
}

/// The strength of a plan's claim to a number of its general shape.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// The number is in none of the plan's ranges and does not begin with its leading digits.
    Weak,
    /// The number is in none of the ranges, and the plan has no leading digits.
    Open,
    /// The number is in one of the plan's ranges, or begins with its leading digits.
    Strong,
}

impl Plan {
    fn of(region: &'static Metadata) -> Self {
        let type_of = |kind: NumberType| Some((kind, descriptor(region, kind)?));
        let types: Vec<_> = NumberType::ALL.into_iter().filter_map(type_of).collect();
        // The data gives lengths by type of number; every length that can be called from abroad counts.
        let callable = types.iter().filter(|(kind, _)| *kind != NumberType::Voicemail);
        let lengths = callable.fold(0, |lengths, (_, descriptor)| lengths | bits(descriptor.possible_length()));
        Self {
            country: region.id().parse().ok(),
            general: Range { lengths, pattern: Pattern::whole(region.descriptors().general()) },
            leading_digits: region.leading_digits().map(|digits| Pattern::beginning(digits.as_str())),
            types: types.into_iter().map(|(kind, descriptor)| (kind, Range::of(descriptor))).collect(),
        }
    }

    fn fits(&self, national: &str) -> bool {
        self.general.has(national)
    }

    fn claim(&self, national: &str) -> Claim {
        let has_range = self.types.iter().any(|(_, range)| range.has(national));
        match &self.leading_digits {
            _ if has_range => Claim::Strong,
            Some(digits) if digits.is_match(national) => Claim::Strong,
            Some(_) => Claim::Weak,
            None => Claim::Open,
        }
    }

    /// Returns the number's type, or both types if the plan does not distinguish landlines from mobile phones.
    fn types(&self, national: &str) -> Vec<NumberType> {
        let mut fitting = self.types.iter().filter(|(_, range)| range.has(national)).map(|(kind, _)| *kind);
        match fitting.next() {
            None => vec![NumberType::Unknown],
            Some(NumberType::FixedLine) => std::iter::once(NumberType::FixedLine).chain(fitting).collect(),
            Some(kind) => vec![kind],
        }
    }
}

/// Numbers of some lengths that fit a pattern.
struct Range {
    /// Bit n is set if numbers of n digits exist.
    lengths: u32,
    pattern: Pattern,
}

impl Range {
    fn of(descriptor: &'static Descriptor) -> Self {
        let lengths = descriptor.possible_length();
        let lengths = if lengths.is_empty() { u32::MAX } else { bits(lengths) };
        Self { lengths, pattern: Pattern::whole(descriptor) }
    }

    fn has(&self, national: &str) -> bool {
        national.len() < 32 && self.lengths & (1 << national.len()) != 0 && self.pattern.is_match(national)
    }
}

fn bits(lengths: &[u16]) -> u32 {
    lengths.iter().filter(|&&length| length < 32).fold(0, |bits, length| bits | 1 << length)
}

/// A pattern of the data, compiled when first needed.
struct Pattern {
    source: &'static str,
    /// `$`, or nothing to match only the beginning of a number.
    end: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn whole(descriptor: &'static Descriptor) -> Self {
        Self { source: descriptor.national_number().as_str(), end: "$", compiled: OnceLock::new() }
    }

    fn beginning(source: &'static str) -> Self {
        Self { source, end: "", compiled: OnceLock::new() }
    }

    fn is_match(&self, national: &str) -> bool {
        let compile = || {
            // Without Unicode's 600 other digits, the compiled pattern is much smaller.
            RegexBuilder::new(&format!("(?x)^(?:{}){}", self.source, self.end)).unicode(false).build().ok()
        };
        self.compiled.get_or_init(compile).as_ref().is_some_and(|pattern| pattern.is_match(national))
    }
}

/// A country that a number may belong to, with its types there.
pub(super) struct Home {
    pub(super) country: Option<Country>,
    pub(super) types: Vec<NumberType>,
}

/// Returns the plans that the number, in canonical form, may belong to: usually one. Countries with the same calling
/// code share some ranges, such as +1 800 or, for Norway and Svalbard, all mobile numbers. A number in no plan's range
/// belongs to the country whose leading digits it has, or else possibly to any country without leading digits.
pub(super) fn homes(digits: &str) -> Vec<Home> {
    let Some((plans, national)) = plans_of(digits) else { return Vec::new() };
    let claims: Vec<_> =
        plans.iter().filter(|plan| plan.fits(national)).map(|plan| (plan.claim(national), plan)).collect();
    let best = claims.iter().map(|(claim, _)| *claim).max();
    let homes = claims.into_iter().filter(|(claim, _)| Some(*claim) == best);
    homes.map(|(_, plan)| Home { country: plan.country, types: plan.types(national) }).collect()
}

/// Returns the number's digits in canonical form, or `None` if no country has such a number.
pub(super) fn normalise(digits: String) -> Option<String> {
    if digits.is_empty() || digits.starts_with('0') {
        return None;
    }
    if fits(&digits) {
        return Some(digits);
    }
    let parsed = phonenumber::parse(None, format!("+{digits}")).ok()?;
    let canonical = format!("{}{}", parsed.code().value(), parsed.national());
    // Dropping a trunk prefix shortens the number; the caller did not intend any other change that the parser makes.
    (canonical.len() < digits.len() && fits(&canonical)).then_some(canonical)
}

/// Returns `true` if a plan has the number.
fn fits(digits: &str) -> bool {
    plans_of(digits).is_some_and(|(plans, national)| plans.iter().any(|plan| plan.fits(national)))
}

/// Returns the plans of the number's calling code, and the rest of the number. Calling codes have one to three digits,
/// and none is the beginning of another.
fn plans_of(digits: &str) -> Option<(&'static [Plan], &str)> {
    (1..=3).filter_map(|length| digits.split_at_checked(length)).find_map(|(code, national)| {
        let plans = PLANS.get(&code.parse().ok()?)?;
        Some((plans.as_slice(), national))
    })
}

#[cfg(test)]
mod tests {
    use phonenumber::Type;

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
            let ranges = plan.types.iter().map(|(_, range)| range).chain([&plan.general]);
            for pattern in ranges.map(|range| &range.pattern).chain(&plan.leading_digits) {
                pattern.is_match("1");
                assert!(pattern.compiled.get().is_some_and(Option::is_some), "{}", pattern.source);
            }
        }
    }

    /// Returns the examples of every region, each with its type.
    fn examples() -> impl Iterator<Item = (&'static Metadata, NumberType, String)> {
        DATABASE.iter().flat_map(|region| {
            NumberType::ALL.into_iter().filter_map(move |kind| {
                let national = descriptor(region, kind)?.example()?;
                Some((region, kind, format!("{}{national}", region.country_code())))
            })
        })
    }

    #[test]
    fn every_example_has_its_own_country_and_type_among_its_homes() {
        let mut tried = 0;
        for (region, kind, digits) in examples().filter(|(.., digits)| fits(digits)) {
            let own = homes(&digits).into_iter().find(|home| home.country == region.id().parse().ok());
            let types = own.map(|home| home.types).unwrap_or_default();
            assert!(types.contains(&kind), "{} {digits} is {types:?}, not {kind:?}", region.id());
            tried += 1;
        }
        assert!(tried > 800, "only {tried} examples in the data");
    }

    #[test]
    fn what_libphonenumber_says_of_a_number_is_among_its_homes() {
        let mut tried = 0;
        for (_, _, digits) in examples().filter(|(.., digits)| fits(digits)) {
            let number = phonenumber::parse(None, format!("+{digits}")).unwrap();
            let Some(country) = number.country().id() else { continue };
            let types: &[_] = match number.number_type(&DATABASE) {
                Type::PremiumRate => &[NumberType::PremiumRate],
                Type::TollFree => &[NumberType::TollFree],
                Type::SharedCost => &[NumberType::SharedCost],
                Type::Voip => &[NumberType::Voip],
                Type::PersonalNumber => &[NumberType::PersonalNumber],
                Type::Pager => &[NumberType::Pager],
                Type::Uan => &[NumberType::Uan],
                Type::Voicemail => &[NumberType::Voicemail],
                Type::FixedLine => &[NumberType::FixedLine],
                Type::Mobile => &[NumberType::Mobile],
                Type::FixedLineOrMobile => &[NumberType::FixedLine, NumberType::Mobile],
                // The crate does not always know the country's own numbers.
                _ => continue,
            };
            let same = |home: &Home| home.country == country.as_ref().parse().ok() && home.types == types;
            assert!(homes(&digits).iter().any(same), "{digits}: {country:?} {types:?}");
            tried += 1;
        }
        assert!(tried > 800, "only {tried} examples in the data");
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
