//! Creating templates.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{DAY, copy_code, list, names, one_tap, upsert};
use crate::{
    Switches, TemplateReview,
    templates::store::TemplateStore,
    testing::{Answer, Server, changed, message_with},
};

async fn create(server: &Server, body: &Value) -> Answer {
    server.post(&server.account("message_templates"), body).await
}

fn review(server: &Server, template_review: TemplateReview) {
    server.simulator.set_switches(Switches { template_review, ..Switches::default() });
}

#[tokio::test]
async fn a_template_is_created_approved_and_can_be_sent() {
    let server = Server::start().await;
    let created = create(&server, &copy_code()).await.ok();
    assert_eq!(created["status"], "APPROVED");
    assert_eq!(created["category"], "AUTHENTICATION");
    let id = created["id"].as_str().unwrap();
    let read = server.get(&format!("/{id}?fields=components,message_send_ttl_seconds")).await.ok();
    assert_eq!(read["message_send_ttl_seconds"], 300);
    let url = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp{{1}}";
    assert_eq!(read["components"][2]["buttons"][0]["url"], url);
    assert_eq!(read["components"][2]["buttons"][0]["type"], "URL");
    let body = message_with("/template/name", Some(json!("login_code")));
    server.send(&body).await.ok();
    assert_eq!(server.simulator.inbox()[0].template, "login_code");
}

#[tokio::test]
async fn every_kind_of_button_can_be_created() {
    let server = Server::start().await;
    create(&server, &one_tap()).await.ok();
    let zero_tap = changed(one_tap(), "/components/2/buttons/0/otp_type", Some(json!("zero_tap")));
    let zero_tap = changed(zero_tap, "/name", Some(json!("zero")));
    create(&server, &zero_tap).await.refused(400, 100, None);
    let pointer = "/components/2/buttons/0/zero_tap_terms_accepted";
    let declined = changed(zero_tap.clone(), pointer, Some(json!(false)));
    create(&server, &declined).await.refused(400, 100, None);
    create(&server, &changed(zero_tap, pointer, Some(json!(true)))).await.ok();
    let lowercase = changed(copy_code(), "/category", Some(json!("authentication")));
    create(&server, &changed(lowercase, "/name", Some(json!("third")))).await.ok();
}

#[tokio::test]
async fn other_categories_are_kept_as_written() {
    let server = Server::start().await;
    let body = json!({
        "name": "reminder",
        "language": "en_US",
        "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "See you on {{1}}." }],
    });
    let id = create(&server, &body).await.ok()["id"].take();
    let read = server.get(&format!("/{}", id.as_str().unwrap())).await.ok();
    assert_eq!(read["components"], body["components"]);
    let empty = changed(body, "/components/0", None);
    create(&server, &empty).await.refused(400, 100, Some(2_388_072));
}

/// Asserts that creating `body` with one value changed is refused with code 100.
async fn assert_refused(cases: Vec<(&str, Value, &str, Option<Value>)>, subcode: Option<u64>) {
    let server = Server::start().await;
    for (what, body, pointer, value) in cases {
        let answer = create(&server, &changed(body, pointer, value)).await;
        let error = &answer.json()["error"];
        let got = (answer.status, error["code"].as_u64(), error["error_subcode"].as_u64());
        assert_eq!(got, (400, Some(100), subcode), "{what}: {answer:?}");
    }
    let page = list(&server, "?limit=100").await.ok();
    assert_eq!(names(&page).len(), 4, "something was created");
}

#[tokio::test]
async fn names_categories_and_languages_have_rules() {
    let cases = vec![
        ("no name", copy_code(), "/name", None),
        ("empty name", copy_code(), "/name", Some(json!(""))),
        ("capitals", copy_code(), "/name", Some(json!("Login"))),
        ("hyphen", copy_code(), "/name", Some(json!("login-code"))),
        ("no category", copy_code(), "/category", None),
        ("no language", copy_code(), "/language", None),
        ("unknown language", copy_code(), "/language", Some(json!("en-US"))),
        ("ttl 29", copy_code(), "/message_send_ttl_seconds", Some(json!(29))),
        ("ttl 901", copy_code(), "/message_send_ttl_seconds", Some(json!(901))),
    ];
    assert_refused(cases, None).await;
}

#[tokio::test]
async fn an_authentication_template_has_an_empty_body_and_one_passcode_button() {
    let otp = json!({ "type": "OTP", "otp_type": "COPY_CODE" });
    let minutes = "/components/1/code_expiration_minutes";
    let first_button = "/components/2/buttons/0/type";
    let cases = vec![
        ("no components", copy_code(), "/components", None),
        ("no body", copy_code(), "/components/0", None),
        ("no button", copy_code(), "/components/2", None),
        ("no buttons", copy_code(), "/components/2/buttons", Some(json!([]))),
        ("two buttons", copy_code(), "/components/2/buttons/1", Some(otp)),
        ("a link", copy_code(), first_button, Some(json!("URL"))),
        ("minutes 0", copy_code(), minutes, Some(json!(0))),
        ("minutes 91", copy_code(), minutes, Some(json!(91))),
        ("footer text", copy_code(), "/components/1/text", Some(json!("Bye"))),
    ];
    assert_refused(cases, None).await;
}

#[tokio::test]
async fn buttons_that_fill_in_the_code_name_their_apps() {
    let button = "/components/2/buttons/0";
    let apps = &*format!("{button}/supported_apps");
    let (package, hash) = (&*format!("{apps}/0/package_name"), &*format!("{apps}/0/signature_hash"));
    let misplaced = &*format!("{button}/package_name");
    let six = json!(vec![one_tap().pointer(apps).unwrap()[0].clone(); 6]);
    let cases = vec![
        ("otp_type", copy_code(), "/components/2/buttons/0/otp_type", Some(json!("TWO_TAP"))),
        ("autofill", copy_code(), "/components/2/buttons/0/autofill_text", Some(json!("Fill"))),
        ("no apps", one_tap(), apps, None),
        ("empty apps", one_tap(), apps, Some(json!([]))),
        ("six apps", one_tap(), apps, Some(six)),
        ("package", one_tap(), package, Some(json!("app"))),
        ("hash", one_tap(), hash, Some(json!("AbCdEfGh+/12"))),
        ("old place", one_tap(), misplaced, Some(json!("com.example.app"))),
    ];
    assert_refused(cases, None).await;
}

#[tokio::test]
async fn some_faults_have_a_subcode() {
    let long = |n: usize| Some(json!("x".repeat(n)));
    let label = "/components/2/buttons/0/text";
    let autofill = "/components/2/buttons/0/autofill_text";
    let cases = vec![
        ("long name", copy_code(), "/name", long(513)),
        ("long label", copy_code(), label, long(26)),
        ("long autofill", one_tap(), autofill, long(26)),
    ];
    assert_refused(cases, Some(2_388_040)).await;
    let body_text = vec![("body text", copy_code(), "/components/0/text", long(9))];
    assert_refused(body_text, Some(2_388_072)).await;
    let header = json!({ "type": "HEADER", "format": "TEXT", "text": "Hi" });
    let header = vec![("header", copy_code(), "/components/3", Some(header))];
    assert_refused(header, Some(2_388_047)).await;
}

#[tokio::test]
async fn an_unknown_category_is_answered_with_the_known_ones() {
    let server = Server::start().await;
    let body = changed(copy_code(), "/category", Some(json!("OTP")));
    let error = create(&server, &body).await.refused(400, 100, None);
    let expected = "(#100) Param category must be one of {UTILITY, MARKETING, AUTHENTICATION}";
    assert_eq!(error["message"], expected);
}

#[tokio::test]
async fn the_limits_of_times_are_inclusive() {
    let server = Server::start().await;
    for (n, (minutes, ttl)) in [(1, 30), (90, 900), (5, -1)].into_iter().enumerate() {
        let body = changed(copy_code(), "/name", Some(json!(format!("code_{n}"))));
        let pointer = "/components/1/code_expiration_minutes";
        let body = changed(body, pointer, Some(json!(minutes)));
        let body = changed(body, "/message_send_ttl_seconds", Some(json!(ttl)));
        create(&server, &body).await.ok();
    }
}

#[tokio::test]
async fn a_name_is_taken_while_it_exists_and_for_thirty_days_after() {
    let server = Server::start().await;
    create(&server, &copy_code()).await.ok();
    let error = create(&server, &copy_code()).await.refused(400, 100, Some(2_388_024));
    assert_eq!(error["error_user_title"], "Content in This Language Already Exists");
    let path = server.account("message_templates?name=login_code");
    assert_eq!(server.delete(&path).await.ok(), json!({ "success": true }));
    create(&server, &copy_code()).await.refused(400, 100, Some(2_388_023));
    server.simulator.advance(DAY * 30);
    create(&server, &copy_code()).await.ok();
}

#[tokio::test]
async fn an_ineligible_account_gets_no_authentication_template() {
    let server = Server::start().await;
    let path = format!("/v24.0{}", server.account("message_templates"));
    let request = server.plain(Method::POST, &path).bearer_auth("EAASIMULATOR0NOT0ELIGIBLE");
    let answer = Answer::to(request.json(&copy_code())).await;
    let error = answer.refused(403, 10, Some(2_388_185));
    let expected = "(#10) Application does not have permission for this action";
    assert_eq!(error["message"], expected);
    server.simulator.set_switches(Switches { authentication_eligible: false, ..Switches::default() });
    create(&server, &copy_code()).await.refused(403, 10, Some(2_388_185));
    let path = server.account("upsert_message_templates");
    server.post(&path, &upsert()).await.refused(403, 10, Some(2_388_185));
}

#[tokio::test]
async fn a_hundred_templates_are_created_in_an_hour() {
    let server = Server::start().await;
    let numbered = |n| changed(copy_code(), "/name", Some(json!(format!("code_{n}"))));
    for n in 0..100 {
        create(&server, &numbered(n)).await.ok();
    }
    create(&server, &numbered(100)).await.refused(400, 80_008, None);
    server.simulator.advance(Duration::from_hours(1));
    create(&server, &numbered(100)).await.ok();
}

#[tokio::test]
async fn a_full_account_takes_no_more_templates() {
    let server = Server::start().await;
    {
        let mut world = server.simulator.world();
        let one = world.templates.newest_first().next().unwrap().clone();
        world.templates = TemplateStore::new(vec![one; TemplateStore::CAPACITY], 1);
    }
    create(&server, &copy_code()).await.refused(400, 100, Some(2_388_019));
}

#[tokio::test]
async fn the_outcome_of_a_review_can_be_chosen() {
    let server = Server::start().await;
    review(&server, TemplateReview::Reject);
    let rejected = create(&server, &copy_code()).await.ok();
    assert_eq!(rejected["status"], "REJECTED");
    let path = format!("/{}?fields=status,rejected_reason", rejected["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await.ok()["rejected_reason"], "INVALID_FORMAT");

    review(&server, TemplateReview::ApproveAfterReads(2));
    let body = changed(copy_code(), "/name", Some(json!("slow")));
    let pending = create(&server, &body).await.ok();
    assert_eq!(pending["status"], "PENDING");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let page = list(&server, "?name=slow").await.ok();
        seen.push(page["data"][0]["status"].as_str().unwrap().to_owned());
    }
    let send = message_with("/template/name", Some(json!("slow")));
    server.send(&send).await.refused(404, 132_001, None);
    let path = format!("/{}", pending["id"].as_str().unwrap());
    seen.push(server.get(&path).await.ok()["status"].as_str().unwrap().to_owned());
    assert_eq!(seen, ["PENDING", "PENDING", "APPROVED"]);
    server.send(&send).await.ok();
}
