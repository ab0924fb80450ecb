//! The `fields` parameter: the parts of an object to return.

use serde_json::{Map, Value};

use super::error::GraphError;

/// Keeps the fields of `node` that `requested` names, or `defaults` if it is `None`, and always `id`.
///
/// Omits fields that are known but empty, as Graph does.
pub(crate) fn select(
    node: &Value,
    requested: Option<&str>,
    defaults: &[&str],
    node_type: &str,
) -> Result<Value, GraphError> {
    let names = requested.map_or_else(|| defaults.to_vec(), top_level_names);
    let mut selected = Map::new();
    for name in names.into_iter().chain(["id"]) {
        let value = node.get(name).ok_or_else(|| {
            GraphError::bad_parameter(format!("Tried accessing nonexisting field ({name}) on node type ({node_type})"))
        })?;
        if !value.is_null() {
            selected.insert(name.to_owned(), value.clone());
        }
    }
    Ok(Value::Object(selected))
}

/// The names in `a,b{c,d},e.limit(3)`: `a`, `b`, `e`.
fn top_level_names(requested: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    requested
        .split(|c: char| {
            match c {
                '{' | '(' => depth += 1,
                '}' | ')' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        })
        .map(|item| item.split(['{', '.', '(']).next().unwrap_or_default())
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_requested_fields_and_the_id_are_kept() {
        let node = json!({ "id": "1", "name": "x", "status": "y", "note": null });
        let select = |requested| select(&node, requested, &["name"], "Thing").unwrap();
        assert_eq!(select(None), json!({ "id": "1", "name": "x" }));
        assert_eq!(select(Some("status,note")), json!({ "id": "1", "status": "y" }));
    }

    #[test]
    fn nested_selections_count_by_their_outer_name() {
        let names = top_level_names("id, throughput{level,other},items.limit(3){a},name");
        assert_eq!(names, ["id", "throughput", "items", "name"]);
    }
}
