//! The description of the verification API in OpenAPI.

use std::collections::BTreeMap;

use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Header, Ref, RefOr, Required, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::problem::{MEDIA_TYPE, Problem};
use super::problem_code::ProblemCode;
use super::{cancel, check, check_by_number, create, examples, get, resend};

/// The name of the way to authenticate.
const API_KEY: &str = "apiKey";

/// The problems of every call.
const OF_EVERY_CALL: &[ProblemCode] =
    &[ProblemCode::InvalidRequest, ProblemCode::Unauthenticated, ProblemCode::InternalError, ProblemCode::Unavailable];

/// The problems of calls with bodies.
const OF_BODIES: &[ProblemCode] =
    &[ProblemCode::RequestTimeout, ProblemCode::ContentTooLarge, ProblemCode::UnsupportedMediaType];

#[derive(OpenApi)]
#[openapi(
    paths(
        create::create,
        get::get,
        check::check,
        resend::resend,
        cancel::cancel,
        check_by_number::check_by_number
    ),
    components(schemas(Problem)),
    tags((name = "verifications", description = "Prove that somebody holds a phone number.")),
    modifiers(&Keys)
)]
struct Description;

/// Adds the way to authenticate.
struct Keys;

impl Modify for Keys {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "An API key, made with `whatsapp-otp api-key`: `otp_sk_…` for backends, `otp_pk_…` for apps and web pages, \
             `otp_test_…` for tests, which send nothing.",
        ));
        let components = api.components.get_or_insert_default();
        components.add_security_scheme(API_KEY, SecurityScheme::Http(http.build()));
        api.security = Some(vec![SecurityRequirement::new(API_KEY, [""; 0])]);
    }
}

/// Returns the description.
pub(in crate::http) fn describe() -> utoipa::openapi::OpenApi {
    let mut api = Description::openapi();
    let examples = ProblemCode::all().map(|code| (code.as_str().to_owned(), example(code).into()));
    api.components.get_or_insert_default().examples.extend(examples);
    for item in api.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            complete(operation);
        }
    }
    api
}

/// Adds the examples and the problems of a call.
fn complete(operation: &mut Operation) {
    let name = operation.operation_id.as_deref().unwrap_or_default();
    let own = match name {
        "createVerification" => create::PROBLEMS,
        "getVerification" => get::PROBLEMS,
        "checkVerification" => check::PROBLEMS,
        "checkNumber" => check_by_number::PROBLEMS,
        "resendVerification" => resend::PROBLEMS,
        "cancelVerification" => cancel::PROBLEMS,
        _ => &[],
    };
    let of_bodies = if operation.request_body.is_some() { OF_BODIES } else { &[] };
    let is_own = |code: &ProblemCode| [own, OF_EVERY_CALL, of_bodies].iter().any(|codes| codes.contains(code));
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in ProblemCode::all().filter(is_own) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    if let ("resendVerification" | "cancelVerification", Some(RefOr::T(body))) = (name, &mut operation.request_body) {
        body.required = Some(Required::False);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            add_success(name, status, response);
        }
    }
    let problems = by_status.into_iter().map(|(status, codes)| (status.to_string(), problem(&codes).into()));
    operation.responses.responses.extend(problems);
    // The header is there in every answer.
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response
                .headers
                .insert("X-Request-Id".to_owned(), text("The id of the request in the service's log.").into());
        }
    }
}

/// Adds an example and the headers of a success.
fn add_success(operation: &str, status: &str, response: &mut Response) {
    if let Some(RefOr::T(content)) = response.content.get_mut("application/json") {
        content.example = Some(examples::verification(operation));
    }
    let mut add = |name: &str, header: Header| response.headers.insert(name.to_owned(), header.into());
    if status == "201" {
        add("Location", text("The path of the verification."));
    }
    if ["createVerification", "resendVerification"].contains(&operation) {
        for (name, header) in rate_limit_fields() {
            add(name, header);
        }
    }
    if ["createVerification", "checkVerification", "resendVerification"].contains(&operation) {
        add("Idempotent-Replayed", text("`true` if this repeats an earlier answer to the same `Idempotency-Key`."));
    }
}

fn example(code: ProblemCode) -> Example {
    let value = serde_json::to_value(examples::problem(code)).ok();
    ExampleBuilder::new().summary(code.title()).value(value).build()
}

/// Returns the answer with any of these problems, which have one status.
fn problem(codes: &[ProblemCode]) -> Response {
    let links = codes.iter().map(|code| format!("[`{0}`](/problems/{0}): {1}.", code.as_str(), code.title()));
    let example = |code: &ProblemCode| {
        let example = Ref::new(format!("#/components/examples/{}", code.as_str()));
        (code.as_str(), RefOr::<Example>::Ref(example))
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(codes.iter().map(example));
    let mut response = ResponseBuilder::new()
        .description(links.collect::<Vec<_>>().join("\n\n"))
        .content(MEDIA_TYPE, content.build())
        .build();
    let mut add = |name: &str, header: Header| response.headers.insert(name.to_owned(), header.into());
    if codes.iter().any(|&code| examples::problem(code).retry_after_seconds().is_some()) {
        add("Retry-After", seconds("The seconds after which the same request may succeed."));
    }
    if codes.contains(&ProblemCode::Unauthenticated) {
        add("WWW-Authenticate", text("`Bearer`."));
    }
    if codes.iter().any(|code| code.status().as_u16() == 429) {
        for (name, header) in rate_limit_fields() {
            add(name, header);
        }
    }
    response
}

fn rate_limit_fields() -> [(&'static str, Header); 2] {
    [
        ("RateLimit-Policy", text("The limits, such as `\"per_phone\";q=5;w=3600`. Never with a client key.")),
        ("RateLimit", text("What is left of them, such as `\"per_phone\";r=2;t=1800`. Never with a client key.")),
    ]
}

fn text(description: &str) -> Header {
    header(Type::String, description)
}

fn seconds(description: &str) -> Header {
    header(Type::Integer, description)
}

fn header(kind: Type, description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::http::edge::body::ContentType;
    use crate::http::edge::outcome::Outcome;
    use crate::http::v1::request::{CheckBody, CheckByNumberBody, CreateBody, NoBody, ResendBody};
    use crate::http::v1::{ROUTES, resource};

    fn description() -> Value {
        serde_json::to_value(describe()).unwrap()
    }

    fn names(object: &Value) -> BTreeSet<&str> {
        object.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn every_route_is_described() {
        let description = description();
        let described = description["paths"].as_object().unwrap().iter();
        let described =
            described.flat_map(|(path, item)| names(item).into_iter().map(move |name| (path.as_str(), name)));
        let routed = ROUTES.iter().flat_map(|route| {
            route.endpoints.iter().map(|(method, _)| (route.pattern, method.as_str().to_lowercase()))
        });
        let described: BTreeSet<_> = described.map(|(path, method)| (path, method.to_owned())).collect();
        assert_eq!(described, routed.collect());
    }

    #[test]
    fn the_described_members_are_those_that_are_parsed() {
        type Parse = fn(&[u8]) -> Option<Outcome>;
        let description = description();
        let parsers: [(&str, &str, Parse); 7] = [
            ("CreateVerification", "", |body| CreateBody::parse(ContentType::Json, body).err()),
            ("Client", "client", |body| CreateBody::parse(ContentType::Json, body).err()),
            ("ProofWishes", "proof", |body| CreateBody::parse(ContentType::Json, body).err()),
            ("Check", "", |body| CheckBody::parse(ContentType::Json, body).err()),
            ("CheckNumber", "", |body| CheckByNumberBody::parse(ContentType::Json, body).err()),
            ("Resend", "", |body| ResendBody::parse(ContentType::Json, body).err()),
            ("Nothing", "", |body| NoBody::parse(ContentType::Json, body).err()),
        ];
        for (schema, member, parse) in parsers {
            let (open, close) = if member.is_empty() { (String::new(), "") } else { (format!("{{\"{member}\":"), "}") };
            let body = format!("{open}{{\"no_such\":1}}{close}");
            let Some(Outcome::InvalidRequest(faults)) = parse(body.as_bytes()) else { panic!("{schema}") };
            let fault = faults.iter().find(|fault| fault.pointer.ends_with("/no_such")).unwrap();
            let listed = fault.detail.strip_prefix("There is no such member here, only ").unwrap_or_default();
            let listed: BTreeSet<_> =
                listed.trim_end_matches('.').split(", ").filter(|name| !name.is_empty()).collect();
            let schema = &description["components"]["schemas"][schema];
            assert_eq!((names(&schema["properties"]), &schema["additionalProperties"]), (listed, &Value::Bool(false)));
        }
    }

    #[test]
    fn examples_have_the_described_members() {
        let description = description();
        let properties = |schema: &str| names(&description["components"]["schemas"][schema]["properties"]);
        let mut shown = BTreeSet::new();
        for code in ProblemCode::all() {
            let example = serde_json::to_value(examples::problem(code)).unwrap();
            shown.extend(names(&example).into_iter().map(str::to_owned));
        }
        assert_eq!(shown.iter().map(String::as_str).collect::<BTreeSet<_>>(), properties("Problem"));
        let of_each = ["createVerification", "checkVerification"].map(examples::verification);
        let shown: BTreeSet<_> = of_each.iter().flat_map(names).collect();
        assert_eq!(shown, properties("Verification"));
        let real = resource::tests::shown();
        let real = serde_json::to_value(resource::Resource::of(&real, crate::otp::KeyKind::Server)).unwrap();
        assert!(names(&real).is_subset(&properties("Verification")));
    }
}
