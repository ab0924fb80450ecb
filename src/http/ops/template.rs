//! An app's template in readiness and metrics.

use metrics::gauge;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::state::state;
use crate::otp::{AppName, Locale};
use crate::telemetry::metrics::TEMPLATE_APPROVED;

/// The languages of a template, each with the reason why it cannot be sent in it, while it cannot.
pub type TemplateLanguages = watch::Receiver<Vec<(Locale, Option<String>)>>;

/// The template of an app, and of the apps without one of their own if the app is `default`.
pub(super) struct AppTemplate {
    pub(super) app: AppName,
    pub(super) languages: TemplateLanguages,
}

impl AppTemplate {
    /// Returns the reasons why the template cannot be sent in some languages, if there are any.
    pub(super) fn fault(&self) -> Option<String> {
        let languages = self.languages.borrow();
        let mut faults = languages.iter().filter_map(|(language, fault)| Some((language, fault.as_deref()?)));
        let (_, first) = faults.clone().next()?;
        if languages.iter().all(|(_, fault)| fault.as_deref() == Some(first)) {
            return Some(first.to_owned());
        }
        let named = faults.by_ref().map(|(language, fault)| format!("{language}: {fault}"));
        Some(named.collect::<Vec<_>>().join(" "))
    }

    /// Returns the state of each language.
    pub(super) fn details(&self) -> Map<String, Value> {
        let languages = self.languages.borrow();
        let states = languages.iter().map(|(name, fault)| (name.to_string(), state("degraded", fault.clone()).into()));
        Map::from_iter([("languages".to_owned(), json!(states.collect::<Map<_, _>>()))])
    }

    /// Sets the gauges. This happens when they are read, as a process may have several services with such a template.
    pub(super) fn measure(&self) {
        for (language, fault) in &*self.languages.borrow() {
            let approved = if fault.is_none() { 1.0 } else { 0.0 };
            gauge!(TEMPLATE_APPROVED, "app" => self.app.to_string(), "language" => language.to_string()).set(approved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(languages: &[(&str, Option<&str>)]) -> AppTemplate {
        let languages = languages.iter().map(|(name, fault)| (Locale::parse(name).unwrap(), fault.map(str::to_owned)));
        AppTemplate { app: AppName::default(), languages: watch::channel(languages.collect()).1 }
    }

    #[test]
    fn the_fault_names_the_languages_that_have_one() {
        assert_eq!(template(&[("en_US", None), ("de", None)]).fault(), None);
        let some = template(&[("en_US", None), ("de", Some("It is paused.")), ("fr", Some("There is none."))]);
        assert_eq!(some.fault().as_deref(), Some("de: It is paused. fr: There is none."));
        let all = template(&[("en_US", Some("WhatsApp is unreachable.")), ("de", Some("WhatsApp is unreachable."))]);
        assert_eq!(all.fault().as_deref(), Some("WhatsApp is unreachable."));
        assert_eq!(template(&[("de", Some("It is paused."))]).fault().as_deref(), Some("It is paused."));
    }

    #[test]
    fn details_have_the_state_of_each_language() {
        let details = template(&[("en_US", None), ("de", Some("It is paused."))]).details();
        let expected = json!({"de": {"status": "degraded", "reason": "It is paused."}, "en_US": {"status": "ok"}});
        assert_eq!(details["languages"], expected);
    }
}
