//! Errors that name the next step.

/// An error with the next step for whoever runs the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Advised {
    /// The problem.
    pub problem: String,
    /// The next step, a sentence.
    pub fix: String,
}

impl Advised {
    pub(super) fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem: problem.into(), fix: fix.into() }
    }
}
