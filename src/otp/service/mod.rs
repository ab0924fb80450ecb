//! The tasks of the service: sending codes, checking guesses, and looking after verifications. Each has a file.

mod check;
mod deliveries;
mod deny;
mod find;
mod request;
mod resend;
mod send;
mod visit;

use std::sync::Arc;

pub use check::{Checked, CodeCheck};
pub use deliveries::ChannelReport;
pub use request::{CodeRequest, RequestError, Requested, Start};
pub use resend::CodeResend;

use super::{App, Apps, KeyRing, PhoneNumber, ProofSigner, VerificationId, VerificationStore};

/// Issues and checks codes for its apps, with any store and any senders.
pub struct OtpService {
    store: Arc<dyn VerificationStore>,
    apps: Apps,
    keys: KeyRing,
    proofs: Option<Arc<dyn ProofSigner>>,
}

impl OtpService {
    /// Creates the service, which makes proofs if there is a signer.
    #[must_use]
    pub fn new(
        store: Arc<dyn VerificationStore>,
        apps: Apps,
        keys: KeyRing,
        proofs: Option<Arc<dyn ProofSigner>>,
    ) -> Self {
        Self { store, apps, keys, proofs }
    }

    /// Returns the store, for operators.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn VerificationStore> {
        &self.store
    }

    /// Returns the apps.
    #[must_use]
    pub fn apps(&self) -> &Apps {
        &self.apps
    }

    /// Returns the secrets of ids and codes.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Finds the app and the number of a verification by its id, which may not exist in the store.
    #[must_use]
    pub fn locate(&self, id: &VerificationId) -> Option<(&Arc<App>, PhoneNumber)> {
        let (tag, phone) = self.keys.locate(id)?;
        Some((self.apps.tagged(tag)?, phone))
    }
}
