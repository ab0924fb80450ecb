//! The apps of a service, each with its policy and its senders.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AppName, Caller, Channel, Destinations, Policy, ProofPolicy, Sender, Senders, TestSender, World};

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

/// Every app of the service; `default` is always among them. Each has a twin in the world of test keys, with the same
/// rules but its own sender, which sends nothing.
#[derive(Debug, Clone)]
pub struct Apps {
    default: Arc<App>,
    others: BTreeMap<AppName, Arc<App>>,
    tests: BTreeMap<AppName, Arc<App>>,
}

impl Apps {
    /// Returns the app `default` alone, with the default rules for proofs. [`insert`](Self::insert) replaces it.
    #[must_use]
    pub fn one(policy: Policy, senders: Senders) -> Self {
        let default = App { name: AppName::default(), policy, senders, proofs: ProofPolicy::default() };
        let twin = default.twin();
        Self {
            default: default.into(),
            others: BTreeMap::new(),
            tests: BTreeMap::from([(twin.name.clone(), twin.into())]),
        }
    }

    /// Adds an app, replacing the one with the same name.
    pub fn insert(&mut self, app: App) {
        let (twin, app) = (app.twin(), Arc::new(app));
        self.tests.insert(twin.name.clone(), Arc::new(twin));
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

    /// Returns the app with that name, in the caller's world, if the caller may use it.
    #[must_use]
    pub fn of(&self, caller: &Caller, name: &AppName) -> Option<&Arc<App>> {
        self.named(&name.in_world(caller.world())).filter(|_| caller.may_use(name))
    }

    /// Returns the app with that name.
    #[must_use]
    pub fn named(&self, name: &AppName) -> Option<&Arc<App>> {
        self.of_both_worlds().find(|app| app.name == *name)
    }

    /// Returns every app of the live world, `default` first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        std::iter::once(&self.default).chain(self.others.values())
    }

    /// Returns the app with that tag.
    #[must_use]
    pub fn tagged(&self, tag: u16) -> Option<&Arc<App>> {
        self.of_both_worlds().find(|app| app.name.tag() == tag)
    }

    fn of_both_worlds(&self) -> impl Iterator<Item = &Arc<App>> {
        self.iter().chain(self.tests.values())
    }
}

impl App {
    /// Returns the same app in the world of test keys.
    fn twin(&self) -> Self {
        let mut policy = self.policy.clone();
        policy.limits.destinations = Destinations::default();
        let sender = Sender { channel: Channel::whatsapp(), pacing: None, by: Arc::new(TestSender) };
        let name = self.name.in_world(World::Test);
        Self { name, policy, senders: Senders::one(sender), proofs: self.proofs.clone() }
    }
}
