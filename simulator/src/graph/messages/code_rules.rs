//! The rules for the text of template parameters, and for one-time passcodes.

const LONGEST_CODE: usize = 15;

/// The rule for any template's text that this breaks, if any.
pub(crate) fn broken_by_text(text: &str) -> Option<String> {
    let broken = text.contains(['\n', '\r', '\t']) || text.contains("     ");
    broken.then(|| "Param text cannot have new-line/tab characters or more than 4 consecutive spaces".to_owned())
}

/// The rule for one-time passcodes that this breaks, if any. Letters and symbols are legal.
pub(crate) fn broken_by_code(code: &str) -> Option<String> {
    let lowercase = code.to_ascii_lowercase();
    let links = ["http://", "https://", "www."];
    if code.chars().count() > LONGEST_CODE {
        Some(format!(
            "template parameter at index 0 exceeds the maximum length in the AUTHENTICATION \
             category ({LONGEST_CODE} characters)."
        ))
    } else if links.iter().any(|link| lowercase.contains(link)) {
        Some("Param text in the AUTHENTICATION category cannot have URLs".to_owned())
    } else if code.chars().any(is_emoji) {
        Some("Param text in the AUTHENTICATION category cannot have emojis".to_owned())
    } else {
        None
    }
}

fn is_emoji(c: char) -> bool {
    matches!(
        c,
        '\u{1F000}'..='\u{1FAFF}'
            | '\u{2300}'..='\u{23FF}'
            | '\u{2600}'..='\u{27BF}'
            | '\u{2B00}'..='\u{2BFF}'
            | '\u{20E3}'
            | '\u{FE0F}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_digits_letters_and_symbols_are_accepted() {
        for code in ["1", "482913", "J$FpnYnP", "123456789012345", "éüñ-#1", "1    2"] {
            assert_eq!(broken_by_text(code), None, "{code}");
            assert_eq!(broken_by_code(code), None, "{code}");
        }
    }

    #[test]
    fn line_breaks_tabs_and_wide_gaps_are_refused() {
        for text in ["1\n2", "1\r2", "1\t2", "1     2"] {
            assert!(broken_by_text(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn long_codes_links_and_emoji_are_refused() {
        for code in ["1234567890123456", "HTTP://a.io", "www.a.io", "12😀", "1️⃣", "☎123", "⭐1"] {
            assert!(broken_by_code(code).is_some(), "{code}");
        }
    }
}
