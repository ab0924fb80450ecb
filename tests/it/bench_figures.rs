//! The arithmetic of `benches/service`: the figures from its rounds.

#[path = "../../benches/service/figures.rs"]
mod figures;

use self::figures::{Bound, Goal, Rounds, Table, figure};

fn rounds(values: &[f64]) -> Rounds {
    let mut rounds = Rounds::default();
    for value in values {
        rounds.push(*value);
    }
    rounds
}

#[test]
fn the_median_is_in_the_middle_whatever_the_order() {
    assert_eq!(figure(rounds(&[9.0, 1.0, 5.0]).median()), "5.00");
    assert_eq!(figure(rounds(&[4.0, 1.0, 100.0, 2.0]).median()), "3.00");
    assert!(rounds(&[]).median().is_nan());
    assert_eq!(figure(rounds(&[4.0, 100.0, 2.0]).most()), "100");
}

#[test]
fn a_slow_round_does_not_change_a_ratio() {
    let (floor, service) = (rounds(&[100.0, 10.0, 50.0]), rounds(&[80.0, 8.0, 10.0]));
    assert_eq!(figure(service.over(&floor)), "0.80");
}

#[test]
fn a_target_is_met_up_to_its_bound_and_not_without_a_figure() {
    let met = |bound, reached| Goal::new("", bound, reached).is_met();
    assert!(met(Bound::AtLeast(0.8), 0.8) && !met(Bound::AtLeast(0.8), 0.799));
    assert!(met(Bound::AtMost(400.0), 400.0) && !met(Bound::AtMost(400.0), 400.1));
    assert!(!met(Bound::AtLeast(0.0), f64::NAN) && !met(Bound::AtMost(0.0), f64::NAN));
}

#[test]
fn a_target_is_told_with_its_verdict() {
    assert_eq!(Goal::new("speed", Bound::AtLeast(0.8), 0.9).row(), ["speed", "≥ 0.80", "0.90", "met"]);
    assert_eq!(Goal::new("bytes", Bound::AtMost(400.0), 581.2).row(), ["bytes", "≤ 400", "581", "**not met**"]);
}

#[test]
fn a_table_is_markdown() {
    let mut table = Table::new("Title", &["what", "figure"]);
    table.row(["one".to_owned(), figure(12.34)]);
    assert_eq!(table.to_string(), "### Title\n\n| what | figure |\n|---|---:|\n| one | 12.3 |\n");
}
