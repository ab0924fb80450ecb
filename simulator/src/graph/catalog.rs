//! The error codes that an OTP sender can receive, with HTTP status and title as in Meta's table of December 2025.

use serde::Serialize;

/// One row of Meta's table.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Entry {
    pub(crate) code: u32,
    pub(crate) http: u16,
    pub(crate) title: &'static str,
}

/// The rows, sorted by code.
pub(crate) fn all() -> impl Iterator<Item = Entry> {
    ROWS.iter().map(|(code, http, title)| Entry { code: *code, http: *http, title })
}

/// The row for a code. A code that Meta does not list is a 400 with a generic title.
pub(crate) fn entry(code: u32) -> Entry {
    let row = ROWS.iter().find(|(listed, ..)| *listed == code);
    let (http, title) = row.map_or((400, "Unknown error"), |(_, http, title)| (*http, *title));
    Entry { code, http, title }
}

#[rustfmt::skip]
const ROWS: &[(u32, u16, &str)] = &[
    (0,       401, "AuthException"),
    (1,       400, "An unknown error occurred"),
    (2,       503, "Service temporarily unavailable"),
    (3,       500, "Capability or permissions issue"),
    (4,       400, "Application request limit reached"),
    (10,      403, "Application does not have permission for this action"),
    (33,      400, "Parameter value is not valid"),
    (100,     400, "Invalid parameter"),
    (104,     400, "An access token is required to request this resource."),
    (190,     401, "Invalid OAuth access token - Cannot parse access token"),
    (200,     403, "You do not have the necessary permissions to send messages on behalf of this WhatsApp Business Account"),
    (368,     403, "Temporarily blocked for policies violations"),
    (613,     400, "Calls to this api have exceeded the rate limit."),
    (2_500,   400, "Unknown path components"),
    (80_007,  400, "Rate limit issues"),
    (80_008,  400, "There have been too many calls to this WhatsApp Business account. Wait a bit and try again."),
    (130_403, 400, "Business has blocked this user"),
    (130_429, 400, "Rate limit hit"),
    (130_472, 400, "User's number is part of an experiment"),
    (130_497, 403, "Business account is restricted from messaging users in this country"),
    (131_000, 500, "Something went wrong"),
    (131_005, 403, "Access denied"),
    (131_008, 400, "Required parameter is missing"),
    (131_009, 400, "Parameter value is not valid"),
    (131_016, 500, "Service unavailable"),
    (131_021, 400, "Recipient cannot be sender"),
    (131_026, 400, "Message undeliverable"),
    (131_030, 400, "Recipient phone number not in allowed list"),
    (131_031, 403, "Account has been locked"),
    (131_037, 400, "Display name approval needed before messages can be sent"),
    (131_042, 400, "Business eligibility payment issue"),
    (131_045, 500, "Incorrect certificate"),
    (131_047, 400, "Re-engagement message"),
    (131_048, 400, "Spam rate limit hit"),
    (131_049, 400, "This message was not delivered to maintain healthy ecosystem engagement."),
    (131_050, 400, "User has stopped receiving marketing messages from your business"),
    (131_051, 400, "Unsupported message type"),
    (131_052, 400, "Media download error"),
    (131_053, 400, "Media upload error"),
    (131_056, 400, "(Business Account, Consumer Account) pair rate limit hit"),
    (131_057, 500, "Account in maintenance mode"),
    (131_059, 400, "Paging cursor is not valid or has expired"),
    (131_062, 400, "Business-scoped User ID recipients are not supported for this message"),
    (131_063, 400, "Marketing templates are disabled on Cloud API"),
    (131_064, 400, "Account messaging limit reduced for template misclassification"),
    (132_000, 400, "Number of parameters does not match the expected number of params"),
    (132_001, 404, "Template name does not exist in the translation"),
    (132_005, 400, "Translated text too long"),
    (132_007, 400, "Template format character policy violated"),
    (132_008, 400, "Parameter value is not valid"),
    (132_012, 400, "Parameter format does not match format in the created template"),
    (132_015, 400, "Template is paused"),
    (132_016, 400, "Template is disabled"),
    (132_018, 400, "There was an issue with the template parameters"),
    (132_068, 400, "Flow is blocked"),
    (132_069, 400, "Flow is throttled"),
    (133_000, 500, "Incomplete deregistration"),
    (133_004, 503, "Server temporarily unavailable"),
    (133_005, 400, "Two-step verification PIN mismatch"),
    (133_006, 400, "Phone number re-verification needed"),
    (133_008, 400, "Too many two-step verification PIN guesses"),
    (133_009, 400, "Two-step verification PIN guessed too fast"),
    (133_010, 400, "Account not registered"),
    (133_015, 400, "Please wait a few minutes before attempting to register this phone number"),
    (133_016, 400, "Account register/deregister rate limit exceeded"),
    (134_011, 400, "WhatsApp Payments terms of service have not been accepted"),
    (135_000, 400, "Generic user error"),
    (137_000, 400, "Recipient identity key hash mismatch"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_unique() {
        assert!(ROWS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn an_unlisted_code_is_a_bad_request() {
        let unknown = entry(999_999);
        assert_eq!((unknown.code, unknown.http), (999_999, 400));
    }

    #[test]
    fn statuses_are_those_of_metas_table() {
        for (code, http) in [(131_026, 400), (132_001, 404), (131_000, 500), (2, 503), (190, 401)] {
            assert_eq!(entry(code).http, http, "code {code}");
        }
    }
}
