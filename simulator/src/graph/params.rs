//! Parameters from JSON, with errors that name the path at fault as Graph does: `template['components'][1]['sub_type']`.

use serde_json::{Map, Value};

use super::error::GraphError;

/// A JSON object and its path in the body.
#[derive(Debug, Clone)]
pub(crate) struct Params<'a> {
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Params<'a> {
    /// The whole body.
    pub(crate) fn root(object: &'a Map<String, Value>) -> Self {
        Self { path: String::new(), object }
    }

    /// The full name of one of its parameters.
    pub(crate) fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}['{key}']", self.path) }
    }

    /// An optional parameter; `null` counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn required(&self, key: &str) -> Result<&'a Value, GraphError> {
        self.get(key).ok_or_else(|| GraphError::required(&self.name(key)))
    }

    /// An optional string.
    pub(crate) fn string(&self, key: &str) -> Result<Option<&'a str>, GraphError> {
        self.get(key)
            .map(|value| value.as_str().ok_or_else(|| GraphError::wrong_type(&self.name(key), "a string")))
            .transpose()
    }

    /// A required string, not empty.
    pub(crate) fn required_string(&self, key: &str) -> Result<&'a str, GraphError> {
        self.string(key)?.filter(|text| !text.is_empty()).ok_or_else(|| GraphError::required(&self.name(key)))
    }

    /// An optional Boolean.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, GraphError> {
        self.get(key)
            .map(|value| value.as_bool().ok_or_else(|| GraphError::wrong_type(&self.name(key), "a boolean")))
            .transpose()
    }

    /// An optional value of an enumeration, in any letter case. Returned as the list spells it.
    pub(crate) fn choice(&self, key: &str, legal: &[&'static str]) -> Result<Option<&'static str>, GraphError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let got = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        legal
            .iter()
            .find(|legal| legal.eq_ignore_ascii_case(&got))
            .map(|legal| Some(*legal))
            .ok_or_else(|| GraphError::not_one_of(&self.name(key), legal, &got))
    }

    /// A required value of an enumeration.
    pub(crate) fn required_choice(&self, key: &str, legal: &[&'static str]) -> Result<&'static str, GraphError> {
        self.choice(key, legal)?.ok_or_else(|| GraphError::required(&self.name(key)))
    }

    /// A required object.
    pub(crate) fn required_object(&self, key: &str) -> Result<Self, GraphError> {
        let path = self.name(key);
        match self.required(key)? {
            Value::Object(object) => Ok(Self { path, object }),
            _ => Err(GraphError::wrong_type(&path, "an object")),
        }
    }

    /// A list of objects; an absent one is empty.
    pub(crate) fn objects(&self, key: &str) -> Result<Vec<Self>, GraphError> {
        let path = self.name(key);
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let list = value.as_array().ok_or_else(|| GraphError::wrong_type(&path, "an array"))?;
        list.iter()
            .enumerate()
            .map(|(n, item)| {
                let path = format!("{path}[{n}]");
                match item {
                    Value::Object(object) => Ok(Self { path, object }),
                    _ => Err(GraphError::wrong_type(&path, "an object")),
                }
            })
            .collect()
    }
}
