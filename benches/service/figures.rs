//! Medians, ratios and tables of the measurements, and their comparison with targets.

use std::fmt;

/// The measurements of one thing, one for each round. Within a round, things are measured one after the other.
#[derive(Debug, Clone, Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// The middle value, or the mean of the middle two.
    pub fn median(&self) -> f64 {
        median(&self.0)
    }

    /// The ratio to `other`: the median of the ratios within each round, so that a slowdown of a whole round, such as by
    /// another program on the machine, cancels out.
    pub fn over(&self, other: &Self) -> f64 {
        median(&self.0.iter().zip(&other.0).map(|(this, other)| this / other).collect::<Vec<_>>())
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => values[middle - 1].midpoint(values[middle]),
    }
}

/// A table in Markdown.
#[derive(Debug)]
pub struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(title: impl Into<String>, head: &[&str]) -> Self {
        Self { title: title.into(), head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n\n| {} |", self.title, self.head.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.head.len() - 1))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// The bound of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A target, and the figure reached.
#[derive(Debug, Clone)]
pub struct Goal {
    pub what: String,
    pub bound: Bound,
    pub reached: f64,
}

impl Goal {
    pub fn new(what: impl Into<String>, bound: Bound, reached: f64) -> Self {
        Self { what: what.into(), bound, reached }
    }

    /// A missing figure misses its target.
    pub fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(least) => self.reached >= least,
            Bound::AtMost(most) => self.reached <= most,
        }
    }

    /// The cells of its row: name, bound, figure and verdict.
    pub fn row(&self) -> [String; 4] {
        let (sign, bound) = match self.bound {
            Bound::AtLeast(least) => ("≥", least),
            Bound::AtMost(most) => ("≤", most),
        };
        let verdict = if self.is_met() { "met" } else { "**not met**" };
        [self.what.clone(), format!("{sign} {}", figure(bound)), figure(self.reached), verdict.to_owned()]
    }
}

/// Formats a figure with two decimals, one or none, depending on its size.
pub fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middling if middling < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
