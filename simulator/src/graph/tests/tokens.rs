//! Access tokens.

use reqwest::Method;
use serde_json::json;

use super::with_token;
use crate::{
    SimulatorSettings,
    testing::{Answer, Server},
};

fn paths(server: &Server) -> [(Method, String); 2] {
    [(Method::POST, server.messages()), (Method::GET, server.account("message_templates"))]
}

#[tokio::test]
async fn calls_without_a_bearer_token_are_refused() {
    let server = Server::start().await;
    for (method, path) in paths(&server) {
        let path = format!("/v24.0{path}");
        for header in [None, Some("Basic dTpw"), Some("Bearer "), Some("EAA")] {
            let mut request = server.plain(method.clone(), &path);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = Answer::to(request).await;
            answer.refused(401, 190, None);
            assert!(answer.header("www-authenticate").contains(r#""invalid_token""#));
        }
    }
}

#[tokio::test]
async fn an_unknown_token_is_malformed() {
    let server = Server::start().await;
    for (method, path) in paths(&server) {
        let answer = with_token(&server, method, &path, "EAAB").await;
        let error = answer.refused(401, 190, None);
        let expected = "Invalid OAuth access token - Cannot parse access token";
        assert_eq!(error["message"], expected);
    }
}

#[tokio::test]
async fn the_refusal_of_an_invalid_token_says_why() {
    let server = Server::start().await;
    for (token, subcode, message) in [
        ("EAASIMULATOR0EXPIRED0TOKEN", 463, "Session has expired on"),
        ("EAASIMULATOR0INVALIDATED0TOKEN", 460, "changed their password"),
    ] {
        for (method, path) in paths(&server) {
            let answer = with_token(&server, method, &path, token).await;
            let error = answer.refused(401, 190, Some(subcode));
            assert!(error["message"].as_str().unwrap().contains(message), "{error}");
        }
    }
}

#[tokio::test]
async fn a_token_does_only_what_its_scopes_and_its_account_allow() {
    let server = Server::start().await;
    let settings = SimulatorSettings::default();
    let send = (Method::POST, server.messages());
    let list = (Method::GET, server.account("message_templates"));
    let number = (Method::GET, format!("/{}", settings.phone_number_id));
    let template = (Method::GET, format!("/{}", settings.template_id));
    let refused = Some((403, 200, None));
    let hidden = Some((400, 100, Some(33)));
    let (no_management, no_messaging, stranger) =
        ("EAASIMULATOR0NO0MANAGEMENT0SCOPE", "EAASIMULATOR0NO0MESSAGING0SCOPE", "EAASIMULATOR0NOT0ASSIGNED");
    for (token, (method, path), expected) in [
        (no_management, &send, None),
        (no_management, &list, refused),
        (no_management, &number, refused),
        (no_management, &template, refused),
        (no_messaging, &send, refused),
        (no_messaging, &list, None),
        (no_messaging, &number, None),
        (stranger, &send, refused),
        (stranger, &list, refused),
        (stranger, &number, hidden),
        (stranger, &template, hidden),
    ] {
        let answer = with_token(&server, method.clone(), path, token).await;
        match expected {
            None => drop(answer.ok()),
            Some((status, code, subcode)) => drop(answer.refused(status, code, subcode)),
        }
    }
}

#[tokio::test]
async fn a_token_in_the_query_works_and_is_counted() {
    let server = Server::start().await;
    server.get("/100000000000001").await.ok();
    assert_eq!(server.simulator.tokens_in_query(), 0);
    let path = "/v24.0/100000000000001?access_token=EAASIMULATOR0SYSTEM0USER0TOKEN";
    Answer::to(server.plain(Method::GET, path)).await.ok();
    assert_eq!(server.simulator.tokens_in_query(), 1);
    assert!(server.simulator.requests()[0].has_token_in_query());
    assert!(!server.simulator.requests()[1].has_token_in_query());
}

#[tokio::test]
async fn a_token_can_be_inspected() {
    let server = Server::start().await;
    let inspect = async |token: &str| {
        let path = format!("/debug_token?input_token={token}");
        server.get(&path).await.ok()["data"].take()
    };
    let good = inspect("EAASIMULATOR0SYSTEM0USER0TOKEN").await;
    assert_eq!(good["is_valid"], true);
    assert_eq!(good["type"], "SYSTEM_USER");
    assert_eq!(good["expires_at"], 0);
    let scopes = json!(["whatsapp_business_management", "whatsapp_business_messaging"]);
    assert_eq!(good["scopes"], scopes);
    assert_eq!(good["granular_scopes"][0]["target_ids"], json!(["100000000000001"]));
    let narrow = inspect("EAASIMULATOR0NO0MESSAGING0SCOPE").await;
    assert_eq!(narrow["scopes"], json!(["whatsapp_business_management"]));
    let expired = inspect("EAASIMULATOR0EXPIRED0TOKEN").await;
    assert_eq!(expired["is_valid"], false);
    assert_eq!(expired["error"]["subcode"], 463);
    let unknown = inspect("EAAB").await;
    assert_eq!((&unknown["is_valid"], &unknown["error"]["code"]), (&json!(false), &json!(190)));
    let error = server.get("/debug_token").await.refused(400, 100, None);
    assert_eq!(error["message"], "(#100) The parameter input_token is required.");
}
