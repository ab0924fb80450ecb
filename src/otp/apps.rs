//! The apps of a service, each with its policy and its senders.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AppName, Caller, Policy, ProofPolicy, Senders};

/// One app.
#[derive(Debug)]
pub struct App {
    /// Its name.
    pub name: AppName,
    /// The rules for its verifications.
    pub policy: Policy,
    /// The senders of its codes.
    pub senders: Senders,
    /// The rules for its proofs.
    pub proofs: ProofPolicy,
}

/// Every app of the service; `default` is always among them.
#[derive(Debug, Clone)]
pub struct Apps {
    default: Arc<App>,
    others: BTreeMap<AppName, Arc<App>>,
}

impl Apps {
    /// Returns the app `default` alone, with the default rules for proofs. [`insert`](Self::insert) replaces it.
    #[must_use]
    pub fn one(policy: Policy, senders: Senders) -> Self {
        let default = App { name: AppName::default(), policy, senders, proofs: ProofPolicy::default() };
        Self { default: Arc::new(default), others: BTreeMap::new() }
    }

    /// Adds an app, replacing the one with the same name.
    pub fn insert(&mut self, app: App) {
        let app = Arc::new(app);
        if app.name == AppName::default() {
            self.default = app;
        } else {
            self.others.insert(app.name.clone(), app);
        }
    }

    /// Returns the app of the sample server's calls.
    #[must_use]
    pub fn default_app(&self) -> &Arc<App> {
        &self.default
    }

    /// Returns the app with that name if the caller may use it.
    #[must_use]
    pub fn of(&self, caller: &Caller, name: &AppName) -> Option<&Arc<App>> {
        self.iter().find(|app| app.name == *name && caller.may_use(name))
    }

    /// Returns every app, `default` first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        std::iter::once(&self.default).chain(self.others.values())
    }

    /// Returns the app with that tag.
    #[must_use]
    pub fn tagged(&self, tag: u16) -> Option<&Arc<App>> {
        self.iter().find(|app| app.name.tag() == tag)
    }
}
