//! The bodies of calls.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use super::json::{Faults, Json, Members};
use crate::http::edge::body::ContentType;
use crate::http::edge::outcome::Outcome;
use crate::otp::{
    AppName, Audience, Channel, ClientAddress, CodeLength, Details, Guess, Locale, Metadata, Nonce, PhoneNumber,
    Reference,
};

/// The value of `channel` that leaves the choice to the service.
const AUTO: &str = "auto";

/// The body of a create.
#[derive(Debug)]
pub(super) struct CreateBody {
    /// The number to prove.
    pub(super) to: PhoneNumber,
    /// The app, if not the key's first.
    pub(super) app: Option<AppName>,
    /// The client that the caller acts for.
    pub(super) client: Option<ClientAddress>,
    /// The caller's details: the wanted channel and locale, among others.
    pub(super) details: Details,
    /// The body in its canonical form.
    pub(super) canonical: Canonical,
}

/// The body of a check.
#[derive(Debug)]
pub(super) struct CheckBody {
    /// The code.
    pub(super) code: TypedCode,
    /// The client that the caller acts for.
    pub(super) client: Option<ClientAddress>,
    /// The proof, if not the one that the create asked for.
    pub(super) proof: ProofWishes,
}

/// The body of a check by number.
#[derive(Debug)]
pub(super) struct CheckByNumberBody {
    /// The number to prove.
    pub(super) to: PhoneNumber,
    /// The app, if not the key's first.
    pub(super) app: Option<AppName>,
    /// The code.
    pub(super) code: TypedCode,
    /// The client that the caller acts for.
    pub(super) client: Option<ClientAddress>,
    /// The proof, if not the one that the create asked for.
    pub(super) proof: ProofWishes,
}

/// The body of a resend, which may be empty.
#[derive(Debug)]
pub(super) struct ResendBody {
    /// The client that the caller acts for.
    pub(super) client: Option<ClientAddress>,
    /// The body in its canonical form.
    pub(super) canonical: Canonical,
}

/// The body of a call that takes no members: nothing, or `{}`.
#[derive(Debug)]
pub(super) struct NoBody;

/// A code as a person typed it.
#[derive(Debug)]
pub(super) struct TypedCode(SecretString);

/// A body as JSON with sorted members and without white space: two bodies that say the same are equal.
pub(super) struct Canonical(String);

impl Canonical {
    fn of(body: &Json) -> Self {
        let mut text = String::new();
        body.write_canonical(&mut text);
        Self(text)
    }

    /// Returns the bytes, for a keyed fingerprint: they contain the number.
    pub(super) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canonical([REDACTED])")
    }
}

impl TypedCode {
    /// Returns the code as a guess.
    ///
    /// # Errors
    ///
    /// [`Outcome::NotACode`] if it cannot be one of `length` digits.
    pub(super) fn guess(&self, length: CodeLength) -> Result<Guess, Outcome> {
        Guess::parse(self.0.expose_secret(), length).map_err(|_| Outcome::NotACode { length })
    }
}

impl CreateBody {
    /// Parses a body.
    ///
    /// # Errors
    ///
    /// The outcome that says what was expected.
    pub(super) fn parse(content_type: ContentType, body: &[u8]) -> Result<Self, Outcome> {
        let json = json(content_type, body)?;
        let canonical = Canonical::of(&json);
        let mut faults = Faults::default();
        let mut members = Members::of_body(json, &mut faults);
        let to = To::take(&mut members, &mut faults);
        let app = members.optional("app", &mut faults, AppName::parse);
        let channel = members.optional("channel", &mut faults, channel).flatten();
        let locale = members.optional("locale", &mut faults, Locale::parse);
        let client = client(&mut members, &mut faults);
        let reference = members.optional("reference", &mut faults, Reference::parse);
        let metadata = metadata(&mut members, &mut faults);
        let ProofWishes { audience, nonce } = ProofWishes::take(&mut members, &mut faults);
        members.end(&mut faults);
        let to = to.or_outcome(faults)?;
        let details = Details { locale, channel, reference, metadata, audience, nonce };
        Ok(Self { to, app, client, details, canonical })
    }
}

impl CheckBody {
    /// Parses a body.
    ///
    /// # Errors
    ///
    /// The outcome that says what was expected.
    pub(super) fn parse(content_type: ContentType, body: &[u8]) -> Result<Self, Outcome> {
        let mut faults = Faults::default();
        let mut members = Members::of_body(json(content_type, body)?, &mut faults);
        let code = code(&mut members, &mut faults);
        let client = client(&mut members, &mut faults);
        let proof = ProofWishes::take(&mut members, &mut faults);
        members.end(&mut faults);
        faults.or(code).map(|code| Self { code, client, proof })
    }
}

impl CheckByNumberBody {
    /// Parses a body.
    ///
    /// # Errors
    ///
    /// The outcome that says what was expected.
    pub(super) fn parse(content_type: ContentType, body: &[u8]) -> Result<Self, Outcome> {
        let mut faults = Faults::default();
        let mut members = Members::of_body(json(content_type, body)?, &mut faults);
        let to = To::take(&mut members, &mut faults);
        let app = members.optional("app", &mut faults, AppName::parse);
        let code = code(&mut members, &mut faults);
        let client = client(&mut members, &mut faults);
        let proof = ProofWishes::take(&mut members, &mut faults);
        members.end(&mut faults);
        let to = to.or_outcome(faults)?;
        Faults::default().or(code).map(|code| Self { to, app, code, client, proof })
    }
}

impl ResendBody {
    /// Parses a body.
    ///
    /// # Errors
    ///
    /// The outcome that says what was expected.
    pub(super) fn parse(content_type: ContentType, body: &[u8]) -> Result<Self, Outcome> {
        let json = json(content_type, body)?;
        let canonical = Canonical::of(&json);
        let mut faults = Faults::default();
        let mut members = Members::of_body(json, &mut faults);
        let client = client(&mut members, &mut faults);
        members.end(&mut faults);
        faults.or(Some(Self { client, canonical }))
    }
}

impl NoBody {
    /// Parses a body.
    ///
    /// # Errors
    ///
    /// The outcome that says what was expected.
    pub(super) fn parse(content_type: ContentType, body: &[u8]) -> Result<Self, Outcome> {
        let mut faults = Faults::default();
        Members::of_body(json(content_type, body)?, &mut faults).end(&mut faults);
        faults.or(Some(Self))
    }
}

/// Returns the JSON of a body; that of an empty one has no members.
fn json(content_type: ContentType, body: &[u8]) -> Result<Json, Outcome> {
    if body.trim_ascii().is_empty() {
        return Ok(Json::Object(Vec::new()));
    }
    match content_type {
        ContentType::Json => Json::parse(body),
        ContentType::Other => Err(Outcome::UnsupportedMediaType),
    }
}

/// The member `to`, which has a problem code of its own.
struct To {
    phone: Option<PhoneNumber>,
    /// `true` if it is a text, but not a phone number.
    is_no_number: bool,
}

/// The text is not a phone number in E.164.
#[derive(Debug, thiserror::Error)]
#[error("a phone number in E.164 form, such as +15551234567")]
struct NoNumber;

impl To {
    fn take(members: &mut Members, faults: &mut Faults) -> Self {
        let mut is_no_number = false;
        let parse = |text: &str| {
            let digits = text.strip_prefix('+').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let phone = digits.and_then(|digits| PhoneNumber::parse(digits).ok());
            is_no_number = phone.is_none();
            phone.ok_or(NoNumber)
        };
        let phone = members.required("to", faults, parse);
        Self { phone, is_no_number }
    }

    /// Returns the number, if nothing else in the body is wrong either.
    fn or_outcome(self, faults: Faults) -> Result<PhoneNumber, Outcome> {
        if self.is_no_number && faults.count() == 1 { Err(Outcome::InvalidPhone) } else { faults.or(self.phone) }
    }
}

/// The member `proof`.
#[derive(Debug, Default)]
pub(super) struct ProofWishes {
    /// The recipient, if not the default one.
    pub(super) audience: Option<Audience>,
    /// The caller's own value.
    pub(super) nonce: Option<Nonce>,
}

impl ProofWishes {
    fn take(members: &mut Members, faults: &mut Faults) -> Self {
        let mut proof = members.object("proof", faults);
        let audience = proof.optional("audience", faults, Audience::parse);
        let nonce = proof.optional("nonce", faults, Nonce::parse);
        proof.end(faults);
        Self { audience, nonce }
    }

    /// Returns the wishes as text, which differs for different wishes.
    pub(super) fn as_text(&self) -> String {
        let audience = self.audience.as_ref().map_or("", Audience::as_str);
        let nonce = self.nonce.as_ref().map_or("", Nonce::as_str);
        // Neither contains a space.
        format!("{audience} {nonce}")
    }
}

/// Takes the member `code`.
fn code(members: &mut Members, faults: &mut Faults) -> Option<TypedCode> {
    members.required("code", faults, |code| Ok::<_, Infallible>(TypedCode(code.into())))
}

/// Takes the member `client`.
fn client(members: &mut Members, faults: &mut Faults) -> Option<ClientAddress> {
    let mut client = members.object("client", faults);
    let ip = client.optional("ip", faults, |text| text.parse::<IpAddr>().map_err(|_| "one IP address"));
    client.end(faults);
    ip.map(ClientAddress::from)
}

/// Takes the member `metadata`.
fn metadata(members: &mut Members, faults: &mut Faults) -> Metadata {
    let metadata = members.object("metadata", faults);
    let pointer = metadata.pointer().to_owned();
    let parsed = Metadata::parse(metadata.into_texts(faults));
    parsed.map_err(|error| faults.unexpected(&pointer, &error)).unwrap_or_default()
}

/// Parses the name of a channel; `None` leaves the choice to the service.
fn channel(text: &str) -> Result<Option<Channel>, String> {
    let channel = (text != AUTO).then(|| Channel::parse(text)).transpose();
    channel.map_err(|_| format!("{AUTO} or the name of a channel, such as {}", Channel::WHATSAPP))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn create(body: &str) -> Result<CreateBody, Outcome> {
        CreateBody::parse(ContentType::Json, body.as_bytes())
    }

    /// Returns the faults as `POINTER DETAIL`.
    fn faults(outcome: Outcome) -> Vec<String> {
        match outcome {
            Outcome::InvalidRequest(members) => {
                members.iter().map(|member| format!("{} {}", member.pointer, member.detail)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_create_has_all_members_or_only_the_number() {
        let body = json!({
            "to": "+15551234567",
            "app": "shop",
            "channel": "whatsapp",
            "locale": "pt-BR",
            "client": {"ip": "203.0.113.7"},
            "reference": "order-42",
            "metadata": {"cart": "77", "a/b~c d": "x"},
            "proof": {"audience": "https://shop.example.com", "nonce": "n-0S6_WzA2Mj"},
        });
        let body = create(&body.to_string()).unwrap();
        assert_eq!((body.to.digits(), body.app.unwrap().as_str()), ("15551234567", "shop"));
        assert_eq!(body.client, Some(IpAddr::from([203, 0, 113, 7]).into()));
        let Details { locale, channel, reference, metadata, audience, nonce } = body.details;
        assert_eq!((channel, locale.unwrap().as_str()), (Some(Channel::whatsapp()), "pt_BR"));
        assert_eq!(reference.unwrap().as_str(), "order-42");
        assert_eq!((metadata.pairs().len(), &metadata.pairs()["cart"][..]), (2, "77"));
        assert_eq!(audience.unwrap().as_str(), "https://shop.example.com");
        assert_eq!(nonce.unwrap().as_str(), "n-0S6_WzA2Mj");

        let body = create(r#"{"to": "+15551234567", "channel": "auto"}"#).unwrap();
        assert!(body.app.is_none() && body.client.is_none() && body.details.is_empty());
    }

    #[test]
    fn every_fault_of_a_body_is_named_with_its_place() {
        let body = r#"{
            "app": "Shop", "purpose": "login", "client": {"ip": "203.0.113.7, 10.0.0.1", "a/b~c d": 1},
            "reference": "", "metadata": {"cart": 77}, "proof": [], "locale": null, "channel": "SMS", "app": "shop"
        }"#;
        assert_eq!(
            faults(create(body).unwrap_err()),
            [
                "#/to This member is required.",
                "#/app Expected a name of 1 to 32 lower-case letters, digits, '-' and '_' that starts with a letter.",
                "#/channel Expected auto or the name of a channel, such as whatsapp.",
                "#/locale A string was expected, not null; leave out what does not apply.",
                "#/client/ip Expected one IP address.",
                "#/client/a~1b~0c%20d There is no such member here, only ip.",
                "#/reference Expected a text of 1 to 128 characters.",
                "#/metadata/cart A string was expected, not a number.",
                "#/proof An object was expected, not an array.",
                "#/purpose There is no such member here, only to, app, channel, locale, client, reference, metadata, \
                 proof.",
            ],
            "and no more than ten"
        );
        for (body, expected) in [
            (r#"{"to":"+15551234567","to":"+15551234568"}"#, "#/to This member occurs twice."),
            (r#"{"to":"+15551234567","metadata":{"a":"1","a":"2"}}"#, "#/metadata/a This member occurs twice."),
            (r#"{"to":"+15551234567","metadata":{"":"1"}}"#, "#/metadata Expected keys of 1 to 128 characters."),
            (r#"{"to":15551234567}"#, "#/to A string was expected, not a number."),
            (r#"{"to":"+15551234567","proof":{"nonce":"a b"}}"#, "#/proof/nonce"),
            (r#"["+15551234567"]"#, "# An object was expected, not an array."),
            ("", "#/to This member is required."),
        ] {
            let faults = faults(create(body).unwrap_err());
            assert!(faults[0].starts_with(expected), "{body}: {faults:?}");
        }
    }

    #[test]
    fn a_number_is_written_in_e164() {
        for to in ["15551234567", "+1 555 123 4567", "+", "", "+999123456789", "+1555123456", "tel:+15551234567"] {
            assert_eq!(create(&json!({"to": to}).to_string()).unwrap_err(), Outcome::InvalidPhone, "{to}");
        }
        let faults = faults(create(r#"{"to":"5551234567","app":"Shop"}"#).unwrap_err());
        assert_eq!(faults[0], "#/to Expected a phone number in E.164 form, such as +15551234567.");
        assert_eq!(faults.len(), 2);
    }

    #[test]
    fn a_code_is_read_as_people_type_it_and_does_not_print() {
        let parse = |body: &str| CheckBody::parse(ContentType::Json, body.as_bytes());
        let six = CodeLength::new(6).unwrap();
        let body = parse(r#"{"code": "012-345", "client": {"ip": "2001:db8:1:2::5"}}"#).unwrap();
        assert_eq!(body.code.guess(six).unwrap().expose(), "012345");
        assert_eq!(body.client.unwrap().to_string(), "2001:db8:1:2::/64");
        assert!(!format!("{body:?}").contains("345"));
        let not_a_code = parse(r#"{"code": "12345"}"#).unwrap().code.guess(six).unwrap_err();
        assert_eq!(not_a_code, Outcome::NotACode { length: six });
        for (body, expected) in [
            ("{}", "#/code This member is required."),
            (r#"{"code":123456}"#, "#/code A string was expected, not a number."),
            (r#"{"code":"1","Code":"2"}"#, "#/Code There is no such member here, only code, client, proof."),
        ] {
            assert_eq!(faults(parse(body).unwrap_err()), [expected]);
        }
    }

    #[test]
    fn a_check_by_number_takes_number_and_code() {
        let parse = |body: &str| CheckByNumberBody::parse(ContentType::Json, body.as_bytes());
        let body = parse(r#"{"to": "+15551234567", "code": "123456", "app": "shop"}"#).unwrap();
        assert_eq!((body.to.digits(), body.app.unwrap().as_str(), body.client), ("15551234567", "shop", None));
        assert_eq!(parse(r#"{"to": "555", "code": "123456"}"#).unwrap_err(), Outcome::InvalidPhone);
        let expected = ["#/to This member is required.", "#/code This member is required."];
        assert_eq!(faults(parse("{}").unwrap_err()), expected);
    }

    #[test]
    fn other_bodies_may_be_empty_and_must_be_json() {
        for body in ["", " \n", "{}"] {
            assert!(NoBody::parse(ContentType::Json, body.as_bytes()).is_ok());
            assert!(ResendBody::parse(ContentType::Json, body.as_bytes()).unwrap().client.is_none());
        }
        assert!(NoBody::parse(ContentType::Other, b"").is_ok());
        assert_eq!(NoBody::parse(ContentType::Other, b"{}").unwrap_err(), Outcome::UnsupportedMediaType);
        let fault = faults(NoBody::parse(ContentType::Json, br#"{"reason":"x"}"#).unwrap_err());
        assert_eq!(fault, ["#/reason This object has no members."]);
        for body in ["{", "{} x", "a=b", "\u{feff}{}", &"[".repeat(4_000)] {
            assert_eq!(create(body).unwrap_err(), Outcome::MalformedJson, "{body}");
        }
    }

    #[test]
    fn bodies_that_say_the_same_have_one_canonical_form() {
        let canonical = |body: &str| create(body).unwrap().canonical.expose().to_vec();
        let body = canonical(r#"{"to":"+15551234567","metadata":{"a":"1","b":"\u00e9"}}"#);
        assert_eq!(body, canonical(r#" {"metadata": {"b": "é", "a": "1"}, "to": "+15551234567"}"#));
        assert_eq!(body, r#"{"metadata":{"a":"1","b":"é"},"to":"+15551234567"}"#.as_bytes());
        assert_ne!(body, canonical(r#"{"to":"+15551234567","metadata":{"a":"1","b":"e"}}"#));
        assert!(!format!("{:?}", create(r#"{"to":"+15551234567"}"#)).contains("5551234567"));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = CreateBody::parse(ContentType::Json, &body);
        }

        #[test]
        fn every_name_has_its_pointer(name in "\\PC{1,12}") {
            let body = json!({ &name: 1 }).to_string();
            let fault = faults(NoBody::parse(ContentType::Json, body.as_bytes()).unwrap_err()).remove(0);
            let pointer = fault.split(' ').next().unwrap().strip_prefix("#/").unwrap().to_owned();
            let decoded = percent_encoding::percent_decode_str(&pointer).decode_utf8().unwrap();
            prop_assert_eq!(decoded.replace("~1", "/").replace("~0", "~"), name);
        }
    }
}
