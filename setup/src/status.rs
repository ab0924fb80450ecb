//! The states of a template in WhatsApp's review, in words.
//!
//! Source: "Template management" and the reference of `message_template_status_update` in the WhatsApp Business Platform's
//! documentation, editions of 2026.

/// The state as an adjective, such as `approved`.
pub(crate) fn in_words(status: &str) -> String {
    match status {
        "PENDING" => "in review".to_owned(),
        "IN_APPEAL" => "in appeal".to_owned(),
        other => other.to_lowercase().replace('_', " "),
    }
}

/// The sentence, without its full stop, that says the state of `subject` and why it was rejected.
pub(crate) fn sentence(subject: &str, status: &str, rejection: Option<&str>) -> String {
    match status {
        "PENDING" | "IN_APPEAL" => format!("WhatsApp is still reviewing {subject}"),
        "REJECTED" => match rejection {
            Some(reason) => match why_rejected(reason) {
                Some(why) => format!("WhatsApp rejected {subject} because {why} ({reason})"),
                None => format!("WhatsApp rejected {subject} for the reason {reason}"),
            },
            None => format!("WhatsApp rejected {subject} without giving a reason"),
        },
        "PAUSED" => format!("WhatsApp paused {subject} because people blocked or reported its messages"),
        "DISABLED" => format!("WhatsApp disabled {subject} for good because people blocked or reported its messages"),
        "ARCHIVED" => format!("WhatsApp archived {subject} because it was not used for a year"),
        other => format!("{subject} is {}", in_words(other)),
    }
}

fn why_rejected(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "ABUSIVE_CONTENT" | "PROMOTIONAL" | "SCAM" => "its content violates WhatsApp's policies",
        "INCORRECT_CATEGORY" | "TAG_CONTENT_MISMATCH" => "its content does not match the category AUTHENTICATION",
        "INVALID_FORMAT" => "its format is invalid",
        "CATEGORY_NOT_AVAILABLE" => "authentication templates are not available in its region",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_has_its_reason_in_words() {
        assert_eq!(
            sentence("it", "REJECTED", Some("INVALID_FORMAT")),
            "WhatsApp rejected it because its format is invalid (INVALID_FORMAT)"
        );
        assert_eq!(sentence("it", "REJECTED", Some("NEW_REASON")), "WhatsApp rejected it for the reason NEW_REASON");
        assert_eq!(sentence("it", "REJECTED", None), "WhatsApp rejected it without giving a reason");
    }

    #[test]
    fn an_unknown_state_is_shown_as_it_is() {
        assert_eq!(in_words("PENDING_DELETION"), "pending deletion");
        assert_eq!(sentence("it", "NEW_STATE", None), "it is new state");
    }
}
