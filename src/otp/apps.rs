//! The apps of a service, each with its policy and its senders.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    AppName, Caller, Channel, Code, Destinations, PhoneNumber, Policy, ProofPolicy, Reviewers, Sender, Senders,
    TestOutcome, TestSender, World,
};

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
    /// The numbers of people who review the app.
    pub reviewers: Reviewers,
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
        let (name, proofs, reviewers) = (AppName::default(), ProofPolicy::default(), Reviewers::default());
        let default = App { name, policy, senders, proofs, reviewers };
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
    /// Returns `true` if a code may be requested for the number. Countries do not matter to reviewers' numbers, to which
    /// nothing is sent.
    pub(super) fn permits(&self, phone: &PhoneNumber) -> bool {
        self.policy.limits.destinations.permit(phone) || self.reviewers.code_for(phone).is_some()
    }

    /// Returns the sender of messages to the number: `sender`, or one that sends nothing for a reviewer's.
    pub(super) fn sender_to<'s>(&self, phone: &PhoneNumber, sender: &'s Sender) -> Cow<'s, Sender> {
        match self.reviewers.code_for(phone) {
            None => Cow::Borrowed(sender),
            Some(_) => Cow::Owned(sender.for_reviewers()),
        }
    }

    /// Returns the code of the number if it is not drawn: in the world of test keys, and for reviewers.
    pub(super) fn fixed_code(&self, phone: &PhoneNumber) -> Option<Code> {
        if self.name.is_test() {
            return Some(TestOutcome::code(self.policy.code_length));
        }
        self.reviewers.code_for(phone).cloned()
    }

    /// Returns the same app in the world of test keys.
    fn twin(&self) -> Self {
        let mut policy = self.policy.clone();
        policy.limits.destinations = Destinations::default();
        let sender = Sender { channel: Channel::whatsapp(), pacing: None, by: Arc::new(TestSender) };
        let name = self.name.in_world(World::Test);
        let (senders, proofs, reviewers) = (Senders::one(sender), self.proofs.clone(), Reviewers::default());
        Self { name, policy, senders, proofs, reviewers }
    }
}
