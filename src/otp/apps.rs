//! The apps of a service, each with its policy and its senders.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AppName, Caller, Policy, Senders};

/// One app.
#[derive(Debug)]
pub struct App {
    /// Its name.
    pub name: AppName,
    /// What its verifications are held to.
    pub policy: Policy,
    /// What sends its codes.
    pub senders: Senders,
}

/// Every app of the service; `default` is always among them.
#[derive(Debug, Clone)]
pub struct Apps {
    default: Arc<App>,
    others: BTreeMap<AppName, Arc<App>>,
}

impl Apps {
    /// The app `default` alone.
    #[must_use]
    pub fn one(policy: Policy, senders: Senders) -> Self {
        Self { default: Arc::new(App { name: AppName::default(), policy, senders }), others: BTreeMap::new() }
    }

    /// Adds an app, or puts it in the place of the one with that name.
    pub fn insert(&mut self, app: App) {
        let app = Arc::new(app);
        if app.name == AppName::default() {
            self.default = app;
        } else {
            self.others.insert(app.name.clone(), app);
        }
    }

    /// The app that the sample server's calls work on.
    #[must_use]
    pub fn default_app(&self) -> &Arc<App> {
        &self.default
    }

    /// The app of that name, if there is one and the caller may use it.
    #[must_use]
    pub fn of(&self, caller: &Caller, name: &AppName) -> Option<&Arc<App>> {
        self.iter().find(|app| app.name == *name && caller.may_use(name))
    }

    /// Every app, `default` first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        std::iter::once(&self.default).chain(self.others.values())
    }

    /// The app with that tag in ids.
    #[must_use]
    pub fn tagged(&self, tag: u16) -> Option<&Arc<App>> {
        self.iter().find(|app| app.name.tag() == tag)
    }
}
