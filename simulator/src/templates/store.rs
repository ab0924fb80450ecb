//! The account's templates, and Meta's rules on creating, editing and deleting them.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Category, Template, TemplateStatus};
use crate::{OtpButton, switches::TemplateReview};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);
const EDITS_PER_MONTH: usize = 10;

/// A well-formed template to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) category: Category,
    pub(crate) components: Vec<Value>,
    pub(crate) otp_button: Option<OtpButton>,
    pub(crate) ttl_seconds: Option<i64>,
}

/// The reason for refusing a new template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CreateRefusal {
    TooMany,
    Exists,
    RecentlyDeleted,
}

/// The reason for refusing an edit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EditRefusal {
    Unknown,
    Status(TemplateStatus),
    TooSoon,
    CategoryFixed,
}

/// The reason for refusing a deletion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeleteRefusal {
    Unknown,
    Disabled,
}

/// Every template of the account, oldest first.
#[derive(Debug)]
pub(crate) struct TemplateStore {
    templates: Vec<Template>,
    held: Vec<HeldName>,
    next_id: u64,
}

/// The name and language of a deleted template, which cannot be used again for a month.
#[derive(Debug)]
struct HeldName {
    name: String,
    language: String,
    until: Timestamp,
}

impl TemplateStore {
    /// The most templates of an account whose business is verified.
    pub(crate) const CAPACITY: usize = 6_000;

    /// Creates a store of these templates; the ids of later ones count up from `next_id`.
    pub(crate) fn new(templates: Vec<Template>, next_id: u64) -> Self {
        Self { templates, held: Vec::new(), next_id }
    }

    /// All templates, newest first, as the API lists them.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Template> {
        self.templates.iter().rev()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Template> {
        self.templates.iter().find(|template| template.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Template> {
        self.templates.iter_mut().find(|template| template.id == id)
    }

    /// The translation of a template in exactly this language; there is no fallback.
    pub(crate) fn find(&self, name: &str, language: &str) -> Option<&Template> {
        self.templates.iter().find(|template| template.name == name && template.language == language)
    }

    /// Counts a read of a template, for which its approval may be waiting.
    pub(crate) fn observe(&mut self, id: &str) {
        let Some(template) = self.get_mut(id) else {
            return;
        };
        match template.reads_until_approval {
            Some(0) if template.status == TemplateStatus::Pending => {
                template.status = TemplateStatus::Approved;
                template.reads_until_approval = None;
            }
            Some(reads) => template.reads_until_approval = Some(reads.saturating_sub(1)),
            None => {}
        }
    }

    /// Adds a template and reviews it.
    pub(crate) fn create(
        &mut self,
        draft: Draft,
        review: TemplateReview,
        now: Timestamp,
    ) -> Result<Template, CreateRefusal> {
        self.held.retain(|held| now < held.until);
        if self.find(&draft.name, &draft.language).is_some() {
            return Err(CreateRefusal::Exists);
        }
        if self.holds(&draft.name, &draft.language) {
            return Err(CreateRefusal::RecentlyDeleted);
        }
        if self.templates.len() >= Self::CAPACITY {
            return Err(CreateRefusal::TooMany);
        }
        let mut template = Template {
            id: self.next_id.to_string(),
            name: draft.name,
            language: draft.language,
            category: draft.category,
            status: TemplateStatus::Pending,
            components: draft.components,
            otp_button: draft.otp_button,
            ttl_seconds: draft.ttl_seconds,
            rejected_reason: "NONE",
            updated_at: now,
            edits: Vec::new(),
            reads_until_approval: None,
        };
        review_outcome(&mut template, review);
        self.next_id += 1;
        self.templates.push(template.clone());
        Ok(template)
    }

    /// Replaces all components of a template, within Meta's limits on edits.
    pub(crate) fn edit(
        &mut self,
        id: &str,
        change: Change,
        review: TemplateReview,
        now: Timestamp,
    ) -> Result<(), EditRefusal> {
        use TemplateStatus::{Approved, Paused, Rejected};
        let template = self.get_mut(id).ok_or(EditRefusal::Unknown)?;
        if !matches!(template.status, Approved | Rejected | Paused) {
            return Err(EditRefusal::Status(template.status));
        }
        if template.status == Approved {
            if change.category != template.category {
                return Err(EditRefusal::CategoryFixed);
            }
            template.edits.retain(|edit| now.duration_since(*edit) < MONTH);
            let today = |edit: &Timestamp| now.duration_since(*edit) < DAY;
            if template.edits.iter().any(today) || template.edits.len() >= EDITS_PER_MONTH {
                return Err(EditRefusal::TooSoon);
            }
            template.edits.push(now);
        }
        change.apply(template, review, now);
        Ok(())
    }

    /// Replaces the translation that a draft is for, in any state, as an upsert does. Returns `None` if there is none yet.
    pub(crate) fn replace(&mut self, draft: &Draft, review: TemplateReview, now: Timestamp) -> Option<Template> {
        let is_same = |t: &&mut Template| t.name == draft.name && t.language == draft.language;
        let template = self.templates.iter_mut().find(is_same)?;
        Change::from(draft.clone()).apply(template, review, now);
        Some(template.clone())
    }

    /// Deletes every template that `doomed` selects, or none of them.
    pub(crate) fn delete(&mut self, doomed: impl Fn(&Template) -> bool, now: Timestamp) -> Result<(), DeleteRefusal> {
        let chosen: Vec<&Template> = self.templates.iter().filter(|t| doomed(t)).collect();
        if chosen.is_empty() {
            return Err(DeleteRefusal::Unknown);
        }
        if chosen.iter().any(|t| t.status == TemplateStatus::Disabled) {
            return Err(DeleteRefusal::Disabled);
        }
        let held: Vec<HeldName> = chosen
            .iter()
            .filter(|template| template.status == TemplateStatus::Approved)
            .map(|template| HeldName {
                name: template.name.clone(),
                language: template.language.clone(),
                until: now.saturating_add(MONTH).unwrap_or(now),
            })
            .collect();
        self.held.retain(|held| now < held.until);
        self.held.extend(held);
        let surplus = self.held.len().saturating_sub(Self::CAPACITY);
        self.held.drain(..surplus);
        self.templates.retain(|template| !doomed(template));
        Ok(())
    }

    fn holds(&self, name: &str, language: &str) -> bool {
        self.held.iter().any(|held| held.name == name && held.language == language)
    }
}

/// The new content of an edited template.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) category: Category,
    pub(crate) components: Vec<Value>,
    pub(crate) otp_button: Option<OtpButton>,
    pub(crate) ttl_seconds: Option<i64>,
}

impl Change {
    fn apply(self, template: &mut Template, review: TemplateReview, now: Timestamp) {
        template.category = self.category;
        template.components = self.components;
        template.otp_button = self.otp_button;
        template.ttl_seconds = self.ttl_seconds.or(template.ttl_seconds);
        template.updated_at = now;
        review_outcome(template, review);
    }
}

impl From<Draft> for Change {
    fn from(draft: Draft) -> Self {
        Self {
            category: draft.category,
            components: draft.components,
            otp_button: draft.otp_button,
            ttl_seconds: draft.ttl_seconds,
        }
    }
}

fn review_outcome(template: &mut Template, review: TemplateReview) {
    template.rejected_reason = "NONE";
    template.reads_until_approval = None;
    template.status = match review {
        TemplateReview::Approve => TemplateStatus::Approved,
        TemplateReview::Pending => TemplateStatus::Pending,
        TemplateReview::Reject => {
            template.rejected_reason = "INVALID_FORMAT";
            TemplateStatus::Rejected
        }
        TemplateReview::ApproveAfterReads(reads) => {
            template.reads_until_approval = Some(reads);
            TemplateStatus::Pending
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str) -> Draft {
        Draft {
            name: name.to_owned(),
            language: "en_US".to_owned(),
            category: Category::Authentication,
            components: Vec::new(),
            otp_button: Some(OtpButton::CopyCode),
            ttl_seconds: Some(300),
        }
    }

    fn store_with(name: &str, now: Timestamp) -> (TemplateStore, String) {
        let mut store = TemplateStore::new(Vec::new(), 1);
        let created = store.create(draft(name), TemplateReview::Approve, now);
        let id = created.unwrap().id;
        (store, id)
    }

    fn create(store: &mut TemplateStore, name: &str, now: Timestamp) -> Result<(), CreateRefusal> {
        store.create(draft(name), TemplateReview::Approve, now).map(|_| ())
    }

    fn edit(store: &mut TemplateStore, id: &str, now: Timestamp) -> Result<(), EditRefusal> {
        store.edit(id, draft("").into(), TemplateReview::Approve, now)
    }

    #[test]
    fn a_translation_can_exist_once() {
        let now = Timestamp::UNIX_EPOCH;
        let (mut store, _) = store_with("login", now);
        assert_eq!(create(&mut store, "login", now), Err(CreateRefusal::Exists));
        let mut german = draft("login");
        german.language = "de".to_owned();
        assert!(store.create(german, TemplateReview::Approve, now).is_ok());
    }

    #[test]
    fn a_deleted_name_is_held_for_thirty_days() {
        let now = Timestamp::UNIX_EPOCH;
        let (mut store, _) = store_with("login", now);
        store.delete(|t| t.name == "login", now).unwrap();
        let refused = Err(CreateRefusal::RecentlyDeleted);
        assert_eq!(create(&mut store, "login", now + MONTH - DAY), refused);
        assert_eq!(create(&mut store, "login", now + MONTH), Ok(()));
    }

    #[test]
    fn the_number_of_templates_is_limited() {
        let now = Timestamp::UNIX_EPOCH;
        let (mut store, id) = store_with("login", now);
        let template = store.get(&id).unwrap().clone();
        store.templates = vec![template; TemplateStore::CAPACITY];
        assert_eq!(create(&mut store, "more", now), Err(CreateRefusal::TooMany));
    }

    #[test]
    fn an_approved_template_is_edited_once_a_day_and_ten_times_a_month() {
        let start = Timestamp::UNIX_EPOCH;
        let (mut store, id) = store_with("login", start);
        for day in 0..10 {
            let now = start + DAY * day;
            assert_eq!(edit(&mut store, &id, now), Ok(()), "day {day}");
            let later = now + DAY - SignedDuration::from_secs(1);
            assert_eq!(edit(&mut store, &id, later), Err(EditRefusal::TooSoon));
        }
        let eleventh = start + DAY * 10;
        assert_eq!(edit(&mut store, &id, eleventh), Err(EditRefusal::TooSoon));
        assert_eq!(edit(&mut store, &id, start + MONTH), Ok(()));
    }

    #[test]
    fn only_approved_rejected_and_paused_templates_are_edited() {
        use TemplateStatus::{Archived, Disabled, Paused, Pending, Rejected};
        let now = Timestamp::UNIX_EPOCH;
        let (mut store, id) = store_with("login", now);
        for status in [Pending, Disabled, Archived] {
            store.get_mut(&id).unwrap().status = status;
            assert_eq!(edit(&mut store, &id, now), Err(EditRefusal::Status(status)));
        }
        for status in [Rejected, Paused] {
            store.get_mut(&id).unwrap().status = status;
            assert_eq!(edit(&mut store, &id, now), Ok(()), "{status:?}");
        }
    }

    #[test]
    fn the_category_of_an_approved_template_is_fixed() {
        let now = Timestamp::UNIX_EPOCH;
        let (mut store, id) = store_with("login", now);
        let mut change = Change::from(draft("login"));
        change.category = Category::Utility;
        assert_eq!(store.edit(&id, change, TemplateReview::Approve, now), Err(EditRefusal::CategoryFixed));
    }

    #[test]
    fn a_disabled_template_stays_and_protects_its_namesakes() {
        let now = Timestamp::UNIX_EPOCH;
        let (mut store, id) = store_with("login", now);
        store.get_mut(&id).unwrap().status = TemplateStatus::Disabled;
        let deleted = store.delete(|t| t.name == "login", now);
        assert_eq!(deleted, Err(DeleteRefusal::Disabled));
        assert!(store.get(&id).is_some());
        assert_eq!(store.delete(|_| false, now), Err(DeleteRefusal::Unknown));
    }

    #[test]
    fn approval_can_wait_for_reads() {
        let now = Timestamp::UNIX_EPOCH;
        let mut store = TemplateStore::new(Vec::new(), 1);
        let review = TemplateReview::ApproveAfterReads(2);
        let id = store.create(draft("login"), review, now).unwrap().id;
        let mut seen = Vec::new();
        for _ in 0..4 {
            store.observe(&id);
            seen.push(store.get(&id).unwrap().status.as_str());
        }
        assert_eq!(seen, ["PENDING", "PENDING", "APPROVED", "APPROVED"]);
    }
}
