//! The two worlds of proofs.

/// The world in which a proof counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// The real one.
    Production,
    /// That of test keys.
    Test,
}

impl World {
    /// Both worlds.
    pub const ALL: [Self; 2] = [Self::Production, Self::Test];
}
