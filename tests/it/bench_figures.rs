//! The arithmetic of `benches/service`: what its rounds come to.

#[path = "../../benches/service/figures.rs"]
mod figures;

use self::figures::{Bound, Goal, Rounds, Table, figure};

fn rounds(values: &[f64]) -> Rounds {
    let mut rounds = Rounds::default();
    values.iter().for_each(|value| rounds.push(*value));
    rounds
}

#[test]
fn the_median_is_in_the_middle_whatever_the_order() {
    assert_eq!(rounds(&[9.0, 1.0, 5.0]).median(), 5.0);
    assert_eq!(rounds(&[4.0, 1.0, 100.0, 2.0]).median(), 3.0);
    assert!(rounds(&[]).median().is_nan());
}

#[test]
fn a_slow_round_does_not_change_a_ratio() {
    let (floor, service) = (rounds(&[100.0, 10.0, 200.0]), rounds(&[80.0, 8.0, 160.0]));
    assert!((service.over(&floor) - 0.8).abs() < 1e-9);
    // The ratio of the medians would be the same here, and another one here.
    let (floor, service) = (rounds(&[100.0, 10.0, 50.0]), rounds(&[80.0, 8.0, 10.0]));
    assert!((service.over(&floor) - 0.8).abs() < 1e-9);
}

#[test]
fn a_target_is_met_up_to_its_bound_and_not_without_a_figure() {
    let met = |bound, reached| Goal::new("", bound, reached).is_met();
    assert!(met(Bound::AtLeast(0.8), 0.8) && !met(Bound::AtLeast(0.8), 0.799));
    assert!(met(Bound::AtMost(400.0), 400.0) && !met(Bound::AtMost(400.0), 400.1));
    assert!(!met(Bound::AtLeast(0.0), f64::NAN) && !met(Bound::AtMost(0.0), f64::NAN));
}

#[test]
fn a_table_is_markdown() {
    let mut table = Table::new("Title", &["what", "figure"]);
    table.row(["one".to_owned(), figure(1234.5)]);
    assert_eq!(table.to_string(), "### Title\n\n| what | figure |\n|---|---:|\n| one | 1234 |\n");
}

#[test]
fn figures_are_as_exact_as_they_are_small() {
    assert_eq!([1.234, 12.34, 123.4].map(figure), ["1.23", "12.3", "123"]);
}
