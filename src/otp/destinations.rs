//! Destinations: the numbers that may receive codes, by country and type.

use super::country::{Country, NumberType};
use super::{PhoneNumber, numbering_plan};

/// The numbers that may receive codes; all of them by default.
///
/// A number may belong to several countries, as +1 800 belongs to all that share +1, and to several types, as landlines
/// and mobile phones in the United States have the same numbers. A list of allowed countries or types permits the
/// number if it has one of them; a list of denied ones refuses it if it has one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations {
    /// The countries.
    pub countries: Selection<Country>,
    /// The types of number.
    pub number_types: Selection<NumberType>,
}

/// An operator's selection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection<T> {
    /// Everything.
    #[default]
    All,
    /// Only these.
    Only(Vec<T>),
    /// All but these.
    AllBut(Vec<T>),
}

impl Destinations {
    /// Returns `true` if `phone` may receive codes.
    #[must_use]
    pub fn permit(&self, phone: &PhoneNumber) -> bool {
        if *self == Self::default() {
            return true;
        }
        let homes = numbering_plan::homes(phone.digits());
        self.countries.permits(homes.iter().filter_map(|home| home.country))
            && self.number_types.permits(homes.iter().flat_map(|home| home.types.iter().copied()))
    }
}

impl<T: PartialEq> Selection<T> {
    /// Returns `true` if a number that has all of `candidates` is selected.
    fn permits(&self, mut candidates: impl Iterator<Item = T>) -> bool {
        match self {
            Self::All => true,
            Self::Only(allowed) => candidates.any(|candidate| allowed.contains(&candidate)),
            Self::AllBut(denied) => !candidates.any(|candidate| denied.contains(&candidate)),
        }
    }
}

#[cfg(test)]
mod tests {
    use phonenumber::metadata::{DATABASE, Metadata};

    use super::super::country::{UnknownCountry, UnknownNumberType};
    use super::*;

    fn phone(digits: &str) -> PhoneNumber {
        PhoneNumber::parse(digits).unwrap()
    }

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    fn only(countries: &[&str]) -> Destinations {
        Destinations { countries: Selection::Only(countries.iter().map(|code| country(code)).collect()), ..all() }
    }

    fn all_but(countries: &[&str]) -> Destinations {
        Destinations { countries: Selection::AllBut(countries.iter().map(|code| country(code)).collect()), ..all() }
    }

    fn only_types(types: &[NumberType]) -> Destinations {
        Destinations { number_types: Selection::Only(types.to_vec()), ..all() }
    }

    fn all_but_types(types: &[NumberType]) -> Destinations {
        Destinations { number_types: Selection::AllBut(types.to_vec()), ..all() }
    }

    fn all() -> Destinations {
        Destinations::default()
    }

    /// Returns every country with the example of its mobile numbers.
    fn mobiles() -> impl Iterator<Item = (&'static Metadata, PhoneNumber)> {
        let example = |region: &'static Metadata| {
            let national = region.descriptors().mobile()?.example()?;
            Some((region, phone(&format!("{}{national}", region.country_code()))))
        };
        DATABASE.iter().filter(|region| region.id() != "001").filter_map(example)
    }

    #[test]
    fn every_country_decides_about_its_own_mobile_numbers() {
        let german = phone("4915123456789");
        let mut tried = 0;
        for (region, own) in mobiles() {
            let (only, all_but) = (only(&[region.id()]), all_but(&[region.id()]));
            assert!(only.permit(&own) && !all_but.permit(&own), "{} {own:?}", region.id());
            let is_german = region.id() == "DE";
            assert!(only.permit(&german) == is_german && all_but.permit(&german) != is_german, "{}", region.id());
            tried += 1;
        }
        assert!(tried > 230, "only {tried} countries");
    }

    #[test]
    fn countries_of_one_calling_code_are_told_apart_by_area() {
        let one = [("US", "12015550123"), ("CA", "15062345678"), ("JM", "18762101234"), ("DO", "18092345678")];
        let seven = [("RU", "79123456789"), ("KZ", "77710009998")];
        let british = [("GB", "447400123456"), ("GG", "447781123456"), ("JE", "447797712345"), ("IM", "447624123456")];
        for group in [&one[..], &seven, &british] {
            for (code, _) in group {
                for (other, digits) in group {
                    assert_eq!(only(&[code]).permit(&phone(digits)), code == other, "+{code} for {digits}");
                    assert_eq!(all_but(&[code]).permit(&phone(digits)), code != other, "-{code} for {digits}");
                }
            }
        }
    }

    #[test]
    fn countries_that_share_their_mobile_numbers_share_their_fate() {
        for (codes, digits) in [
            (&["AU", "CC", "CX"][..], "61412345678"),
            (&["FI", "AX"], "358412345678"),
            (&["GP", "BL", "MF"], "590690001234"),
            (&["IT", "VA"], "393123456789"),
            (&["MA", "EH"], "212650123456"),
            (&["NO", "SJ"], "4741234567"),
        ] {
            for code in codes {
                assert!(only(&[code]).permit(&phone(digits)) && !all_but(&[code]).permit(&phone(digits)), "{code}");
            }
        }
    }

    #[test]
    fn a_type_decides_about_the_mobile_numbers_of_every_country() {
        use NumberType::{FixedLine, Mobile};
        for (region, own) in mobiles() {
            assert!(only_types(&[Mobile]).permit(&own), "{}", region.id());
            assert!(!all_but_types(&[Mobile]).permit(&own), "{}", region.id());
        }
        let (american, landline) = (phone("12015550123"), phone("4930901820"));
        for destinations in [only_types(&[Mobile]), only_types(&[FixedLine])] {
            assert!(destinations.permit(&american), "may be either");
        }
        assert!(!all_but_types(&[FixedLine]).permit(&american));
        assert!(!only_types(&[Mobile]).permit(&landline) && all_but_types(&[Mobile]).permit(&landline));
    }

    #[test]
    fn a_number_that_may_be_of_several_countries_is_of_each() {
        let toll_free = phone("18002345678");
        for code in ["US", "CA", "JM"] {
            assert!(only(&[code]).permit(&toll_free), "{code}");
            assert!(!all_but(&[code]).permit(&toll_free), "{code}");
        }
        assert!(!all_but_types(&[NumberType::TollFree]).permit(&toll_free));
    }

    #[test]
    fn a_number_in_a_range_that_no_plan_has_is_of_every_country_that_may_get_it() {
        // No country has area code 555. 876 is Jamaica's, even outside its ranges.
        let (nobodys, jamaican) = (phone("15551234567"), phone("18760000000"));
        for code in ["US", "CA"] {
            assert!(only(&[code]).permit(&nobodys) && !all_but(&[code]).permit(&nobodys), "{code}");
            assert!(!only(&[code]).permit(&jamaican) && all_but(&[code]).permit(&jamaican), "{code}");
        }
        assert!(!only(&["JM"]).permit(&nobodys) && all_but(&["JM"]).permit(&nobodys));
        assert!(only(&["JM"]).permit(&jamaican) && !all_but(&["JM"]).permit(&jamaican));
        assert!(all_but_types(&[NumberType::PremiumRate]).permit(&nobodys));
        assert!(!only_types(&[NumberType::Mobile]).permit(&nobodys));
        assert!(only_types(&[NumberType::Unknown]).permit(&nobodys));
    }

    #[test]
    fn a_number_of_no_country_is_in_no_list_of_countries() {
        let premium = phone("979123456789");
        assert!(!only(&["DE"]).permit(&premium) && all_but(&["DE"]).permit(&premium));
        assert!(!all_but_types(&[NumberType::PremiumRate]).permit(&premium));
    }

    #[test]
    fn both_lists_must_permit() {
        let destinations =
            Destinations { number_types: all_but_types(&[NumberType::PremiumRate]).number_types, ..only(&["DE"]) };
        assert!(destinations.permit(&phone("4915112345678")));
        assert!(!destinations.permit(&phone("4366412345678")));
        assert!(!destinations.permit(&phone("499001234567")));
    }

    #[test]
    fn countries_are_those_with_a_plan_by_their_letters() {
        let letters = 'A'..='Z';
        for code in letters.clone().flat_map(|first| letters.clone().map(move |second| format!("{first}{second}"))) {
            assert_eq!(code.parse::<Country>().is_ok(), DATABASE.by_id(&code).is_some(), "{code}");
        }
        for text in ["", "D", "de", "DEU", "001", "AQ", " DE"] {
            assert_eq!(text.parse::<Country>(), Err(UnknownCountry), "{text}");
        }
    }

    #[test]
    fn every_type_is_found_by_its_name() {
        for kind in NumberType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("Mobile".parse::<NumberType>(), Err(UnknownNumberType));
    }
}
