//! Editing and deleting templates.

use serde_json::json;

use super::{DAY, copy_code, list, names, one_tap, upsert};
use crate::{
    TemplateStatus,
    testing::{Server, changed},
};

#[tokio::test]
async fn an_edit_replaces_the_templates_content() {
    let server = Server::start().await;
    let path = "/300000000000001";
    let components = changed(one_tap(), "/components/1/code_expiration_minutes", Some(json!(9)));
    let edit = json!({ "components": components["components"] });
    assert_eq!(server.post(path, &edit).await.ok(), json!({ "success": true }));
    let read = server.get(path).await.ok();
    assert_eq!(read["components"][1]["text"], "This code expires in 9 minutes.");
    let url = read["components"][2]["buttons"][0]["url"].as_str().unwrap();
    assert!(url.contains("otp_type=ONE_TAP&code_expiration_minutes=9"), "{url}");

    let error = server.post(path, &edit).await.refused(400, 100, Some(2_388_039));
    assert!(error["error_user_msg"].as_str().unwrap().contains("once a day"));
    server.simulator.advance(DAY);
    let ttl = json!({ "message_send_ttl_seconds": 60 });
    server.post(path, &ttl).await.ok();
    let read = server.get(&format!("{path}?fields=message_send_ttl_seconds,components")).await.ok();
    assert_eq!(read["message_send_ttl_seconds"], 60);
    assert_eq!(read["components"][1]["code_expiration_minutes"], 9);
}

#[tokio::test]
async fn invalid_edits_are_refused() {
    let server = Server::start().await;
    let path = "/300000000000001";
    let edit = json!({ "components": copy_code()["components"] });
    for status in [TemplateStatus::Pending, TemplateStatus::Disabled] {
        assert!(server.simulator.set_template_status("300000000000001", status));
        server.post(path, &edit).await.refused(400, 100, Some(2_388_039));
    }
    assert!(server.simulator.set_template_status("300000000000001", TemplateStatus::Approved));
    let recategorised = json!({
        "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "Hello" }],
    });
    server.post(path, &recategorised).await.refused(400, 100, Some(2_388_039));
    let error = server.post(path, &json!({})).await.refused(400, 100, None);
    assert_eq!(error["message"], "(#100) The parameter components is required.");
}

#[tokio::test]
async fn templates_are_deleted_by_name_by_id_or_by_several_ids() {
    let server = Server::start().await;
    let path = server.account("upsert_message_templates");
    let created = server.post(&path, &upsert()).await.ok();
    let id = |n: usize| created["data"][n]["id"].as_str().unwrap().to_owned();
    let delete = async |query: String| server.delete(&server.account(&format!("message_templates?{query}"))).await;
    delete(format!("hsm_id={}&name=other", id(0))).await.refused(400, 100, None);
    delete(format!("hsm_id={}&name=login_code", id(0))).await.ok();
    server.get(&format!("/{}", id(0))).await.refused(400, 100, Some(33));
    server.get(&format!("/{}", id(1))).await.ok();
    delete(format!("hsm_ids=[{},310000000000002]", id(1))).await.ok();
    delete("name=order_shipped".to_owned()).await.ok();
    assert_eq!(names(&list(&server, "").await.ok()), ["retired_login", "otp_login"]);
    delete("name=order_shipped".to_owned()).await.refused(400, 100, None);
    delete(String::new()).await.refused(400, 100, None);
    delete(format!("hsm_ids={}", vec!["1"; 101].join(","))).await.refused(400, 100, None);
}

#[tokio::test]
async fn a_disabled_template_cannot_be_deleted() {
    let server = Server::start().await;
    let path = server.account("message_templates?name=retired_login");
    server.delete(&path).await.refused(400, 100, None);
    assert_eq!(names(&list(&server, "?name=retired").await.ok()), ["retired_login"]);
}
