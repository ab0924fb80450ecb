//! Lists that come in pages.

use serde::de::DeserializeOwned;

use super::client::{CallError, GraphClient};
use super::wire::{Page, Paging};

/// The number of entries to ask for per page.
const PAGE: &str = "100";
/// The most pages to read: a WABA holds at most 6,000 templates.
const MAX_PAGES: usize = 100;

/// Reads all entries of the list at `path`, page by page.
pub(super) async fn all<T: DeserializeOwned>(
    client: &GraphClient,
    path: &str,
    query: &[(&str, &str)],
) -> Result<Vec<T>, CallError> {
    let mut entries = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let mut query = query.to_vec();
        query.push(("limit", PAGE));
        query.extend(after.as_deref().map(|cursor| ("after", cursor)));
        let page: Page<T> = client.get(path, &query).await?;
        entries.extend(page.data);
        after = next_cursor(page.paging);
        if after.is_none() {
            return Ok(entries);
        }
    }
    Err(CallError::Unclear(format!("a list of more than {MAX_PAGES} pages")))
}

/// Returns the cursor of the next page. The list ends where `next` is absent, even if there are cursors.
fn next_cursor(paging: Paging) -> Option<String> {
    let next = paging.next?;
    paging.cursors.after.or_else(|| {
        let url = url::Url::parse(&next).ok()?;
        url.query_pairs().find(|(name, _)| name == "after").map(|(_, cursor)| cursor.into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_ends_without_a_next_page() {
        let paging = |text| serde_json::from_str::<Paging>(text).unwrap();
        assert_eq!(next_cursor(paging(r#"{"cursors":{"before":"a","after":"b"}}"#)), None);
        let next = r#"{"cursors":{"after":"b"},"next":"https://elsewhere.example/?access_token=t&after=c"}"#;
        assert_eq!(next_cursor(paging(next)).as_deref(), Some("b"));
        let bare = r#"{"next":"https://graph.facebook.com/v21.0/1/message_templates?after=c%3D&limit=5"}"#;
        assert_eq!(next_cursor(paging(bare)).as_deref(), Some("c="));
        assert_eq!(next_cursor(paging("{}")), None);
    }
}
