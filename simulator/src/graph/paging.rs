//! Paged lists: `limit`, `after`, `before`, and the cursors and links of the answer.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::{call::Call, error::GraphError};

const DEFAULT_LIMIT: usize = 25;

/// The page of `ids` that the query of `call` asks for, with each id as the object that `show` returns.
///
/// The links are absolute and repeat the access token in their query, as Graph's do: a client that follows them
/// unchanged leaks its token into a log.
pub(crate) fn page(
    call: &Call,
    ids: &[String],
    largest_limit: usize,
    bad_cursor_code: u32,
    show: impl FnMut(&String) -> Result<Value, GraphError>,
) -> Result<Value, GraphError> {
    let limit = limit(call, largest_limit)?;
    let position = |parameter: &str| {
        call.query(parameter)
            .map(|cursor| {
                decode(cursor)
                    .and_then(|id| ids.iter().position(|known| *known == id))
                    .ok_or_else(|| GraphError::new(bad_cursor_code))
            })
            .transpose()
    };
    let (start, end) = match (position("after")?, position("before")?) {
        (Some(after), _) => (after + 1, after + 1 + limit),
        (None, Some(before)) => (before.saturating_sub(limit), before),
        (None, None) => (0, limit),
    };
    let (start, end) = (start.min(ids.len()), end.min(ids.len()));

    let on_page = &ids[start..end];

    let mut paging = Map::new();
    if let (Some(first), Some(last)) = (on_page.first(), on_page.last()) {
        let (before, after) = (encode(first), encode(last));
        if end < ids.len() {
            paging.insert("next".into(), json!(link(call, limit, "after", &after)));
        }
        if start > 0 {
            paging.insert("previous".into(), json!(link(call, limit, "before", &before)));
        }
        paging.insert("cursors".into(), json!({ "before": before, "after": after }));
    }
    let data: Vec<Value> = on_page.iter().map(show).collect::<Result<_, _>>()?;
    let mut page = json!({ "data": data });
    if !paging.is_empty() {
        page["paging"] = Value::Object(paging);
    }
    Ok(page)
}

fn limit(call: &Call, largest: usize) -> Result<usize, GraphError> {
    let Some(limit) = call.query("limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    match limit.parse() {
        Ok(limit) if (1..=largest).contains(&limit) => Ok(limit),
        _ => Err(GraphError::bad_parameter(format!("Param limit must be an integer between 1 and {largest}"))),
    }
}

fn link(call: &Call, limit: usize, direction: &str, cursor: &str) -> String {
    let replaced = ["limit", "after", "before", "access_token"];
    let kept = call.query_pairs().iter().filter(|(name, _)| !replaced.contains(&name.as_str()));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("access_token", &call.token)
        .extend_pairs(kept)
        .append_pair("limit", &limit.to_string())
        .append_pair(direction, cursor)
        .finish();
    format!("http://{}{}?{query}", call.host, call.path())
}

fn encode(id: &str) -> String {
    BASE64URL_NOPAD.encode(format!("cursor:{id}").as_bytes())
}

fn decode(cursor: &str) -> Option<String> {
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.strip_prefix("cursor:").map(str::to_owned)
}
