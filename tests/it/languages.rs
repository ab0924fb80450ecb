//! Several languages: the one of each message, and what happens while WhatsApp does not allow all of them.

use std::time::{Duration, Instant};

use rand::rngs::SysRng;
use serde_json::json;
use whatsapp_otp::otp::{
    AppName, CodeLength, CodeSender, KeyRing, Locale, OtpSecret, OutgoingCode, PhoneNumber, Refusal, RefusalKind, Sent,
    Unpaced,
};
use whatsapp_otp::whatsapp::template::CurrentTemplate;
use whatsapp_otp::whatsapp::{ApiVersion, GraphClient, WhatsAppSender};
use whatsapp_otp_simulator::{Simulator, SimulatorSettings, TemplateStatus};

use crate::harness::app::{TestApp, TestAppBuilder, serve_simulator};
use crate::harness::backend::{post, with_backend};
use crate::harness::eventually;
use crate::harness::process::{Program, serve_settings};
use crate::harness::redis::RedisServer;
use crate::harness::reply::says;
use crate::harness::unique_prefix;

const PHONE: &str = "5511987654321";
const LANGUAGES: [&str; 3] = ["en_US", "pt_PT", "pt_BR"];

fn locale(text: &str) -> Locale {
    Locale::parse(text).unwrap()
}

fn world() -> SimulatorSettings {
    SimulatorSettings { languages: LANGUAGES.map(str::to_owned).into(), ..SimulatorSettings::default() }
}

/// Changes the review of the template in one language.
fn review(simulator: &Simulator, language: &str, status: TemplateStatus) {
    let (id, _) = simulator.settings().translations().find(|(_, other)| *other == language).unwrap();
    assert!(simulator.set_template_status(&id, status));
}

fn languages(simulator: &Simulator) -> Vec<String> {
    simulator.inbox().into_iter().map(|message| message.language).collect()
}

/// A sender that has not noticed what happened to its template since the start.
struct Scene {
    simulator: Simulator,
    sender: WhatsAppSender,
}

impl Scene {
    async fn start() -> Self {
        whatsapp_otp::cli::install_tls_provider();
        let simulator = Simulator::new(SimulatorSettings { pair_limit: false, ..world() });
        let base_url = format!("http://{}", serve_simulator(&simulator).await).parse().unwrap();
        let account = simulator.settings();
        let (version, timeout) = (ApiVersion::parse("v21.0").unwrap(), Duration::from_secs(5));
        let token = account.access_token.clone().into();
        let client = GraphClient::with_token(&base_url, &version, timeout, &token).unwrap();
        let template = CurrentTemplate::always(account.template_name.clone(), LANGUAGES.map(locale).into());
        let sender = WhatsAppSender::new(client, &account.phone_number_id, template, 0);
        Self { simulator, sender }
    }

    async fn send(&self, wanted: Option<&str>) -> Result<Sent, Refusal> {
        let keys = KeyRing::new(OtpSecret::new(vec![1; 32]).unwrap(), Vec::new());
        let phone = PhoneNumber::parse(PHONE).unwrap();
        let issued = keys.issue(&AppName::default(), &phone, CodeLength::new(6).unwrap(), &mut SysRng).unwrap();
        let wanted = wanted.map(locale);
        let (id, code, locale, client) = (&issued.id, &issued.code, wanted.as_ref(), None);
        let message = OutgoingCode { id, delivery: 1, phone: &phone, code, locale, client };
        self.sender.send(message, &Unpaced, Instant::now() + Duration::from_secs(10)).await
    }
}

#[tokio::test]
async fn a_message_is_in_the_language_nearest_to_its_locale() {
    let scene = Scene::start().await;
    for (wanted, sent) in [
        (None, "en_US"),
        (Some("pt-BR"), "pt_BR"),
        (Some("pt_AO"), "pt_PT"),
        (Some("en-GB"), "en_US"),
        (Some("ja"), "en_US"),
        (Some("xx"), "en_US"),
    ] {
        assert_eq!(scene.sender.locale(wanted.map(locale).as_ref()), Some(locale(sent)), "{wanted:?}");
        assert_eq!(scene.send(wanted).await.unwrap(), Sent::Accepted);
        assert_eq!(languages(&scene.simulator)[0], sent, "{wanted:?}");
    }
}

#[tokio::test]
async fn a_language_that_was_just_paused_is_replaced_by_the_next_of_the_chain_once() {
    let scene = Scene::start().await;
    review(&scene.simulator, "pt_PT", TemplateStatus::Paused);
    assert_eq!(scene.send(Some("pt_AO")).await.unwrap(), Sent::Accepted);
    assert_eq!(languages(&scene.simulator), ["pt_BR"]);
    review(&scene.simulator, "pt_BR", TemplateStatus::Disabled);
    let before = scene.simulator.send_requests();
    let refused = scene.send(Some("pt_AO")).await.unwrap_err();
    assert_eq!(refused.kind, RefusalKind::Operator);
    assert_eq!(scene.simulator.send_requests(), before + 2, "no third language is tried");
}

fn service() -> TestAppBuilder {
    TestApp::builder().simulator(|simulator| simulator.languages = LANGUAGES.map(str::to_owned).into())
}

#[tokio::test]
async fn a_language_that_is_paused_is_named_and_the_others_are_sent() {
    let app = service().set("whatsapp.languages", "pt-PT,pt-BR,de").start().await;
    app.request(PHONE).await.is(200, "OK");
    assert_eq!(languages(&app.simulator), ["pt_PT"]);
    let gauge = async |language| {
        let metrics = app.ops().call(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let series = format!("\nwhatsapp_otp_template_approved{{app=\"default\",language=\"{language}\"}} ");
        metrics.split_once(&series).unwrap_or_else(|| panic!("no {series} in {metrics}")).1.starts_with('1')
    };
    assert_eq!((gauge("pt_PT").await, gauge("pt_BR").await, gauge("de").await), (true, true, false));

    review(&app.simulator, "pt_PT", TemplateStatus::Paused);
    // The next of the list takes its place at once, and the refusal makes the service look.
    app.request("15557654321").await.is(200, "OK");
    assert_eq!(app.simulator.latest("15557654321").unwrap().language, "pt_BR");
    eventually("it is noticed", async || !gauge("pt_PT").await).await;
    let sent = app.sends();
    app.request("15551234567").await.is(200, "OK");
    assert_eq!((app.sends(), &*app.simulator.latest("15551234567").unwrap().language), (sent + 1, "pt_BR"));
    let (status, body) = app.ready().await;
    let template = &body["dependencies"]["template"];
    assert_eq!((status, &template["status"]), (200, &json!("degraded")), "{body}");
    let reason = template["reason"].as_str().unwrap();
    assert!(reason.contains("pt_PT: ") && reason.contains("PAUSED") && reason.contains("de: Template"), "{reason}");
    assert_eq!(template["languages"]["pt_BR"], json!({ "status": "ok" }));
    app.finish().await;
}

#[tokio::test]
async fn a_service_starts_if_whatsapp_allows_one_of_its_languages() {
    let whatsapp = || service().require_whatsapp().set("whatsapp.languages", "de,pt_BR");
    let app = whatsapp().start().await;
    app.request(PHONE).await.is(200, "OK");
    assert_eq!(languages(&app.simulator), ["pt_BR"]);
    app.finish().await;
    let simulator = Simulator::new(world());
    review(&simulator, "pt_BR", TemplateStatus::Rejected);
    let error = whatsapp().start_fails(simulator).await;
    assert!(error.contains("de: Template 'otp_login'") && error.contains("its status is REJECTED"), "{error}");
}

#[tokio::test]
async fn without_any_approved_language_nothing_is_sent() {
    let simulator = Simulator::new(world());
    for language in LANGUAGES {
        review(&simulator, language, TemplateStatus::Paused);
    }
    let app = TestApp::builder().set("whatsapp.languages", "en_US,pt_BR").start_on(simulator).await.unwrap();
    app.request(PHONE).await.is(503, says::UNAVAILABLE);
    assert_eq!(app.sends(), 0);
    app.finish().await;
}

#[tokio::test]
async fn an_app_has_its_own_languages() {
    let app = service().set("apps.shop.whatsapp.languages", "pt_BR,it").start().await;
    let (_, body) = app.ready().await;
    assert_eq!(body["dependencies"]["template"]["status"], "ok", "{body}");
    let shop = &body["dependencies"]["template_shop"];
    assert!(shop["status"] == "degraded" && shop["languages"]["pt_BR"]["status"] == "ok", "{body}");
    assert!(shop["reason"].as_str().unwrap().starts_with("it: "), "{body}");
    app.finish().await;
}

#[tokio::test]
async fn a_verification_has_the_language_nearest_to_its_locale_and_keeps_it() {
    let service = with_backend(service(), "default,shop").set("limits.resend_cooldown", "0s");
    let service = service.set("whatsapp.languages", "en_US,pt_PT,pt_BR").set("apps.shop.whatsapp.languages", "pt_BR");
    let app = service.start().await;
    for (n, (body, language)) in [
        (json!({}), "en_US"),
        (json!({ "locale": "pt-AO" }), "pt_PT"),
        (json!({ "locale": "pt_BR" }), "pt_BR"),
        (json!({ "locale": "xx-YY" }), "en_US"),
        (json!({ "locale": "en", "app": "shop" }), "pt_BR"),
    ]
    .into_iter()
    .enumerate()
    {
        let digits = format!("155577700{n:02}");
        let mut body = body;
        body["to"] = json!(format!("+{digits}"));
        let (status, verification) = post(&app, "", &body).await;
        assert_eq!((status, &verification["locale"]), (201, &json!(language)), "{body}: {verification}");
        assert_eq!(app.simulator.latest(&digits).unwrap().language, language, "{body}");
        let path = format!("/{}/resend", verification["id"].as_str().unwrap());
        let (status, resent) = post(&app, &path, &json!({})).await;
        assert_eq!((status, &resent["locale"]), (200, &json!(language)), "{resent}");
        assert_eq!((app.messages_to(&digits), &*app.simulator.latest(&digits).unwrap().language), (2, language));
    }
    let (status, problem) = post(&app, "", &json!({ "to": "+15557770099", "locale": "Portuguese" })).await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "#/locale", "{problem}");
    app.finish().await;
}

#[tokio::test]
async fn check_tries_every_language() {
    let server = RedisServer::start();
    let simulator = Simulator::new(world());
    review(&simulator, "pt_PT", TemplateStatus::Paused);
    let whatsapp = serve_simulator(&simulator).await;
    let settings = serve_settings(&simulator, whatsapp, server.url(), &unique_prefix());
    let check = Program::new(&["check"]).settings(&settings).set("whatsapp.languages", "en_US,pt_PT,de");
    let ended = check.run().await;
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    let tried = |text: &str| format!("{text:<9}Template: 300000000000001 in ");
    for text in [
        tried("ok") + "en_US\n",
        tried("FAILED") + "pt_PT\n",
        tried("FAILED") + "de\n",
        "its status is PAUSED".to_owned(),
        "To fix it: Add the language with `whatsapp-otp-setup`, or remove it from whatsapp.languages.".to_owned(),
    ] {
        assert!(ended.stdout.contains(&text), "{}", ended.stdout);
    }
}
