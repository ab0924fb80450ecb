//! One template in many languages, and its previews.

use serde_json::json;

use super::{list, names, upsert};
use crate::testing::{Server, changed};

#[tokio::test]
async fn an_upsert_creates_missing_translations_and_updates_existing_ones() {
    let server = Server::start().await;
    let path = server.account("upsert_message_templates");
    let first = server.post(&path, &upsert()).await.ok();
    assert_eq!(first["data"][0]["language"], "en_US");
    assert_eq!(first["data"][1]["language"], "es_ES");
    assert_eq!(first["data"][1]["status"], "APPROVED");
    let id = first["data"][1]["id"].as_str().unwrap();
    let spanish = server.get(&format!("/{id}")).await.ok();
    let text = "Tu código de verificación es *{{1}}*. Por tu seguridad, no lo compartas.";
    assert_eq!(spanish["components"][0]["text"], text);

    let more = changed(upsert(), "/languages", Some(json!(["es_ES", "de", "de"])));
    let more = changed(more, "/components/1/code_expiration_minutes", Some(json!(1)));
    let second = server.post(&path, &more).await.ok();
    assert_eq!(second["data"].as_array().unwrap().len(), 2);
    assert_eq!(second["data"][0]["id"], id);
    let spanish = server.get(&format!("/{id}")).await.ok();
    assert_eq!(spanish["components"][1]["text"], "Este código caduca en 1 minuto.");
}

#[tokio::test]
async fn an_upsert_takes_fewer_parameters_than_a_creation() {
    let server = Server::start().await;
    let path = server.account("upsert_message_templates");
    for (pointer, value) in [
        ("/language", Some(json!("en_US"))),
        ("/languages", None),
        ("/languages", Some(json!([]))),
        ("/languages", Some(json!("en_US"))),
        ("/languages", Some(json!(["en_US", "xx"]))),
        ("/category", Some(json!("UTILITY"))),
        ("/components/2/buttons/0/text", Some(json!("Copy"))),
        ("/components/2/buttons/0/autofill_text", Some(json!("Fill"))),
        ("/components/1/code_expiration_minutes", Some(json!(0))),
        ("/name", Some(json!("Login"))),
    ] {
        let answer = server.post(&path, &changed(upsert(), pointer, value)).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!(100)), "{pointer}");
    }
    assert_eq!(names(&list(&server, "?name=login_code").await.ok()), Vec::<&str>::new());
}

#[tokio::test]
async fn previews_show_the_texts_of_every_language() {
    let server = Server::start().await;
    let preview = async |query: &str| {
        let edge = format!("message_template_previews?category=AUTHENTICATION{query}");
        server.get(&server.account(&edge)).await
    };
    let query = "&add_security_recommendation=true&code_expiration_minutes=10&button_types=OTP";
    let some = preview(&format!("{query}&languages=en_US,fr")).await.ok();
    let expected = json!([
        {
            "language": "en_US",
            "body": "*{{1}}* is your verification code. For your security, do not share this code.",
            "footer": "This code expires in 10 minutes.",
            "buttons": [{ "text": "Copy code", "autofill_text": "Autofill" }],
        },
        {
            "language": "fr",
            "body": "*{{1}}* est votre code de vérification. Pour votre sécurité, ne le partagez pas.",
            "footer": "Ce code expire dans 10 minutes.",
            "buttons": [{ "text": "Copier le code", "autofill_text": "Remplir" }],
        },
    ]);
    assert_eq!(some["data"], expected);
    let one = preview("&language=de").await.ok();
    assert_eq!(one["data"][0]["body"], "*{{1}}* ist dein Verifizierungscode.");
    assert!(one["data"][0].get("footer").is_none());
    assert_eq!(preview("").await.ok()["data"].as_array().unwrap().len(), 111);
    for query in
        ["&languages=xx", "&code_expiration_minutes=91", "&add_security_recommendation=perhaps", "&button_types=URL"]
    {
        preview(query).await.refused(400, 100, None);
    }
    let path = server.account("message_template_previews");
    server.get(&path).await.refused(400, 100, None);
    server.get(&format!("{path}?category=UTILITY")).await.refused(400, 100, None);
}
