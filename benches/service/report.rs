//! What is told: printed as it comes, and kept for the file.

use crate::figures::{Goal, Table};

/// How long and how often things are measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Rounds that count; one more before them warms up.
    pub rounds: usize,
    /// How long one thing is measured in one round.
    pub time: std::time::Duration,
    /// The most live codes.
    pub most_codes: u64,
}

impl Scale {
    /// The same time in twice as many rounds, so that what is compared is closer together.
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

    /// Everything, the targets last.
    pub fn finish(mut self) -> String {
        let mut table = Table::new("Targets", &["what", "target", "reached", ""]);
        self.goals.iter().for_each(|goal| table.row(goal.row()));
        self.table(&table);
        self.text
    }
}
