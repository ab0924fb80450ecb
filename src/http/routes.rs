//! The public listener's routes: the one table that requests are routed, logged, measured and traced by.

use super::edge::route::{Route, Surface};
use super::state::PublicState;
use super::{documents, problems, sample, v1, webhooks, well_known};

static ROUTES: [&[Route]; 6] = [
    &[sample::OTP],
    &v1::ROUTES,
    &[well_known::JWKS, well_known::TEST_JWKS],
    &[problems::LIST, problems::PAGE],
    &[webhooks::WHATSAPP],
    documents::ROUTES,
];

/// Returns the surface that presents a path without a route.
pub(super) fn default_surface(state: &PublicState, path: &str) -> &'static Surface {
    let is_v1 = path.split('/').nth(1).is_some_and(|first| first.eq_ignore_ascii_case("v1"));
    if is_v1 || !(sample::SURFACE.is_enabled)(state) { &v1::SURFACE } else { &sample::SURFACE }
}

/// Returns the route of a path.
pub(super) fn find(path: &str) -> Option<&'static Route> {
    ROUTES.iter().copied().flatten().find(|route| route.parameter(path).is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::Method;
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::http::v1::ProblemCode;

    const REFERENCE: &str = include_str!("../../docs/api.md");

    fn parameter(path: &str) -> Option<&str> {
        find(path).and_then(|route| route.parameter(path))
    }

    #[test]
    fn paths_match_as_in_express() {
        for path in ["/otp/1555", "/OTP/1555", "/Otp/1555/", "/oTP/1555/"] {
            assert_eq!(parameter(path), Some("1555"), "{path}");
        }
        assert_eq!(parameter("/otp/%2B1555%2f/"), Some("%2B1555%2f"));
        for path in ["", "/", "otp/1", "/otp", "/otp/", "/otp//", "//otp/1", "/otp/1//", "/otp/1/x", "/%6ftp/1", "/x/1"]
        {
            assert_eq!(parameter(path), None, "{path}");
        }
    }

    #[test]
    fn the_reference_lists_every_route() {
        let row = Regex::new(r"(?m)^\| `([A-Z]+) (/\S*)` \|").unwrap();
        let listed: BTreeSet<_> = row.captures_iter(REFERENCE).map(|row| format!("{} {}", &row[1], &row[2])).collect();
        let calls = ROUTES.iter().copied().flatten().flat_map(|route| {
            // Whatever answers GET also answers HEAD.
            let methods = route.endpoints.iter().map(|(method, _)| method).filter(|method| **method != Method::HEAD);
            methods.map(move |method| format!("{method} {}", route.pattern))
        });
        assert_eq!(listed, calls.collect());
    }

    #[test]
    fn the_reference_lists_every_problem_with_its_status() {
        let row = Regex::new(r"(?m)^\| `([a-z_]+)` \| (\d{3}) \|").unwrap();
        let listed: Vec<_> = row.captures_iter(REFERENCE).map(|row| (row[1].to_owned(), row[2].to_owned())).collect();
        let problems = ProblemCode::all().map(|code| (code.as_str().to_owned(), code.status().as_str().to_owned()));
        assert_eq!(listed, problems.collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn a_parameter_is_the_whole_segment_after_the_fixed_one(path in "/(otp)?(/|//|[A-Za-z0-9%?+{}]{0,3}){0,3}") {
            let segments: Vec<_> = path.strip_suffix('/').unwrap_or(&path).split('/').collect();
            let expected = match segments[..] {
                ["", segment, phone] if segment.eq_ignore_ascii_case("otp") && !phone.is_empty() => Some(phone),
                _ => None,
            };
            prop_assert_eq!(parameter(&path), expected, "{}", path);
        }
    }
}
