//! JSON bodies, read strictly: every member that a call does not take, and every one that is not what it takes, is
//! reported with its place.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::http::edge::outcome::{InvalidMember, Outcome};

/// The most faults that one answer lists.
const MOST_FAULTS: usize = 10;

/// Characters that a URI fragment may not contain (RFC 3986, section 3.5).
const FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A JSON value, as far as calls take it: objects with all their members, and strings.
pub(super) enum Json {
    /// The members in the order of the text; a name may occur twice.
    Object(Vec<(String, Json)>),
    Text(String),
    /// Another value, by its type in a sentence.
    Other(&'static str),
}

impl Json {
    /// Parses a body.
    ///
    /// # Errors
    ///
    /// [`Outcome::MalformedJson`].
    pub(super) fn parse(body: &[u8]) -> Result<Self, Outcome> {
        serde_json::from_slice(body).map_err(|_| Outcome::MalformedJson)
    }

    /// Writes the value so that two texts with the same members, in any order and with any white space, are equal.
    pub(super) fn write_canonical(&self, out: &mut String) {
        match self {
            Self::Object(members) => {
                let sorted: BTreeMap<_, _> = members.iter().map(|(name, value)| (name, value)).collect();
                out.push('{');
                for (index, (name, value)) in sorted.into_iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    write_text(name, out);
                    out.push(':');
                    value.write_canonical(out);
                }
                out.push('}');
            }
            Self::Text(text) => write_text(text, out),
            Self::Other(kind) => out.push_str(kind),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::Text(_) => "a string",
            Self::Other(kind) => kind,
        }
    }
}

/// Writes a string of JSON.
fn write_text(text: &str, out: &mut String) {
    // Strings can always be written.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;

        impl<'de> Visitor<'de> for AnyValue {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Json::Other("an array"))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Json, E> {
                Ok(Json::Text(text))
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Other("null"))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Other("a boolean"))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Other("a number"))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Other("a number"))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other("a number"))
            }
        }

        deserializer.deserialize_any(AnyValue)
    }
}

/// The faults of a body, as they are found.
#[derive(Default)]
pub(super) struct Faults(Vec<InvalidMember>);

impl Faults {
    fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        if self.0.len() < MOST_FAULTS {
            self.0.push(InvalidMember { pointer: pointer.to_owned(), detail: detail.into() });
        }
    }

    /// Adds that something else was expected.
    pub(super) fn unexpected(&mut self, pointer: &str, expected: &dyn fmt::Display) {
        self.add(pointer, format!("Expected {expected}."));
    }

    /// Returns the number of faults.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the value if there are no faults.
    pub(super) fn or<T>(self, value: Option<T>) -> Result<T, Outcome> {
        value.filter(|_| self.0.is_empty()).ok_or(Outcome::InvalidRequest(self.0))
    }
}

/// The members of an object that were not taken yet.
pub(super) struct Members {
    pointer: String,
    left: Vec<(String, Json)>,
    /// The names that were asked for.
    known: Vec<&'static str>,
}

impl Members {
    /// Returns the members of a body, none if it is not an object.
    pub(super) fn of_body(body: Json, faults: &mut Faults) -> Self {
        Self::of("#".to_owned(), body, faults)
    }

    fn of(pointer: String, value: Json, faults: &mut Faults) -> Self {
        let left = match value {
            Json::Object(members) => members,
            other => {
                faults.add(&pointer, format!("An object was expected, not {}.", other.kind()));
                Vec::new()
            }
        };
        Self { pointer, left, known: Vec::new() }
    }

    /// Takes a member.
    fn take(&mut self, name: &'static str) -> Option<Json> {
        self.known.push(name);
        let at = self.left.iter().position(|(member, _)| member == name)?;
        Some(self.left.remove(at).1)
    }

    /// Takes a member that is a string, in the form that `parse` returns.
    pub(super) fn optional<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.take(name)?;
        parsed(&self.pointer_to(name), value, faults, parse)
    }

    /// Takes a member that must be there.
    pub(super) fn required<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.take(name);
        if value.is_none() {
            faults.add(&self.pointer_to(name), "This member is required.");
        }
        parsed(&self.pointer_to(name), value?, faults, parse)
    }

    /// Takes a member that is an object; an absent one has no members.
    pub(super) fn object(&mut self, name: &'static str, faults: &mut Faults) -> Self {
        let value = self.take(name).unwrap_or_else(|| Json::Object(Vec::new()));
        Self::of(self.pointer_to(name), value, faults)
    }

    /// Takes all members of an object with names of the caller's choice, which are strings.
    pub(super) fn into_texts(self, faults: &mut Faults) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        let pointer = self.pointer.clone();
        for (name, value) in self.left {
            let pointer = pointer_below(&pointer, &name);
            let text = parsed(&pointer, value, faults, |text| Ok::<_, fmt::Error>(text.to_owned()));
            if texts.insert(name, text.unwrap_or_default()).is_some() {
                faults.add(&pointer, "This member occurs twice.");
            }
        }
        texts
    }

    /// Reports the members that were not taken.
    pub(super) fn end(self, faults: &mut Faults) {
        for (name, _) in &self.left {
            let pointer = self.pointer_to(name);
            if self.known.contains(&name.as_str()) {
                faults.add(&pointer, "This member occurs twice.");
            } else if self.known.is_empty() {
                faults.add(&pointer, "This object has no members.");
            } else {
                faults.add(&pointer, format!("There is no such member here, only {}.", self.known.join(", ")));
            }
        }
    }

    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    fn pointer_to(&self, name: &str) -> String {
        pointer_below(&self.pointer, name)
    }
}

fn parsed<T, E: fmt::Display>(
    pointer: &str,
    value: Json,
    faults: &mut Faults,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    match value {
        Json::Text(text) => parse(&text).map_err(|error| faults.unexpected(pointer, &error)).ok(),
        Json::Other("null") => {
            faults.add(pointer, "A string was expected, not null; leave out what does not apply.");
            None
        }
        other => {
            faults.add(pointer, format!("A string was expected, not {}.", other.kind()));
            None
        }
    }
}

/// Returns the pointer to a member (RFC 6901, section 6).
fn pointer_below(pointer: &str, name: &str) -> String {
    let escaped = name.replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{}", utf8_percent_encode(&escaped, FRAGMENT))
}
