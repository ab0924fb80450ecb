//! Reading templates.

use reqwest::Method;
use serde_json::json;

use super::{list, names};
use crate::testing::{Answer, Server};

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let server = Server::start().await;
    let mut seen = Vec::new();
    let mut query = "?limit=1&fields=name&status=APPROVED".to_owned();
    loop {
        let page = list(&server, &query).await.ok();
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let paging = &page["paging"];
        let after = paging["cursors"]["after"].as_str().unwrap();
        let Some(next) = paging["next"].as_str() else {
            break;
        };
        let next = url::Url::parse(next).unwrap();
        assert_eq!(next.origin().ascii_serialization(), server.base);
        let pairs: Vec<_> = next.query_pairs().into_owned().collect();
        let expected = [
            ("access_token", "EAASIMULATOR0SYSTEM0USER0TOKEN"),
            ("fields", "name"),
            ("status", "APPROVED"),
            ("limit", "1"),
            ("after", after),
        ];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        query = format!("?limit=1&fields=name&status=APPROVED&after={after}");
    }
    assert_eq!(seen, ["order_shipped", "hello_world", "otp_login"]);
    assert_eq!(server.simulator.tokens_in_query(), 0);
}

#[tokio::test]
async fn the_link_to_the_next_page_works_but_puts_the_token_in_a_query() {
    let server = Server::start().await;
    let first = list(&server, "?limit=3").await.ok();
    let next = first["paging"]["next"].as_str().unwrap();
    let second = Answer::to(server.client.get(next)).await.ok();
    assert_eq!(names(&second), ["otp_login"]);
    assert!(second["paging"].get("next").is_none());
    assert_eq!(server.simulator.tokens_in_query(), 1);
    let previous = second["paging"]["previous"].as_str().unwrap();
    let back = Answer::to(server.client.get(previous)).await.ok();
    assert_eq!(back["data"], first["data"]);
    assert!(back["paging"].get("previous").is_none());
}

#[tokio::test]
async fn an_invalid_cursor_is_refused() {
    let server = Server::start().await;
    for parameter in ["after", "before"] {
        for cursor in ["bad", "Y3Vyc29yOjE"] {
            let query = format!("?{parameter}={cursor}");
            list(&server, &query).await.refused(400, 131_059, None);
            let path = server.account(&format!("message_templates{query}"));
            let old = server.plain(Method::GET, &format!("/v23.0{path}"));
            let old = old.bearer_auth("EAASIMULATOR0SYSTEM0USER0TOKEN");
            Answer::to(old).await.refused(400, 100, None);
        }
    }
}

#[tokio::test]
async fn an_invalid_limit_is_refused() {
    let server = Server::start().await;
    for limit in ["0", "-1", "many", "1001"] {
        list(&server, &format!("?limit={limit}")).await.refused(400, 100, None);
    }
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let server = Server::start().await;
    for (query, expected) in [
        ("?name=otp_login", &["otp_login"][..]),
        ("?name=login", &["retired_login", "otp_login"]),
        ("?category=UTILITY", &["order_shipped", "hello_world"]),
        ("?status=disabled", &["retired_login"]),
        ("?language=en", &[]),
        ("?content=verification", &["retired_login", "otp_login"]),
        ("?name_or_content=order", &["order_shipped"]),
        ("?name=otp_login&language=en_US&status=APPROVED", &["otp_login"]),
    ] {
        let page = list(&server, query).await.ok();
        assert_eq!(names(&page), expected, "{query}");
    }
    assert_eq!(list(&server, "?language=en").await.ok(), json!({ "data": [] }));
}

#[tokio::test]
async fn fields_choose_what_is_shown() {
    let server = Server::start().await;
    let default = list(&server, "?name=otp_login").await.ok()["data"][0].take();
    let mut keys: Vec<_> = default.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = ["category", "components", "id", "language", "name", "parameter_format", "status"];
    assert_eq!(keys, expected);
    let chosen = list(&server, "?name=otp_login&fields=status,message_send_ttl_seconds,rejected_reason").await;
    let expected = json!({
        "id": "300000000000001",
        "status": "APPROVED",
        "message_send_ttl_seconds": 600,
        "rejected_reason": "NONE",
    });
    assert_eq!(chosen.ok()["data"], json!([expected]));
    list(&server, "?fields=colour").await.refused(400, 100, None);
}
