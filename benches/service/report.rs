//! The report, printed as it grows and kept for the file.

use crate::figures::{Goal, Table};

/// The number and length of measurements.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The number of rounds after one to warm up.
    pub rounds: usize,
    /// The time for one thing in one round.
    pub time: std::time::Duration,
    /// The greatest number of live codes.
    pub most_codes: u64,
}

impl Scale {
    /// The same time in twice as many rounds, so that compared measurements are closer together.
    pub fn in_halves(self) -> Self {
        Self { rounds: self.rounds * 2, time: self.time / 2, ..self }
    }
}

/// The tables and targets so far.
#[derive(Debug, Default)]
pub struct Report {
    text: String,
    goals: Vec<Goal>,
}

impl Report {
    pub fn say(&mut self, text: &str) {
        println!("{text}");
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub fn table(&mut self, table: &Table) {
        self.say(&table.to_string());
    }

    pub fn goal(&mut self, goal: Goal) {
        self.goals.push(goal);
    }

    /// The complete report, with the targets at the end.
    pub fn finish(mut self) -> String {
        let mut table = Table::new("Targets", &["what", "target", "reached", ""]);
        self.goals.iter().for_each(|goal| table.row(goal.row()));
        self.table(&table);
        self.text
    }
}
