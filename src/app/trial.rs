//! The results of `whatsapp-otp check`.

/// The result of trying one thing.
pub struct Trial {
    /// The thing that was tried.
    pub tried: String,
    /// The answer, or the reason why it failed.
    pub seen: Result<String, String>,
    /// The remedy if it failed.
    pub advice: &'static str,
}
