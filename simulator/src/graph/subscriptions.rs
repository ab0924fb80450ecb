//! `POST /{waba-id}/subscribed_apps`, `POST /{phone-number-id}` and `POST /{app-id}/subscriptions`: the URLs of webhooks.
//!
//! Before a URL is used, it has to repeat a challenge, as the owner of the verify token would.

use axum::{Json, extract::Path};
use serde_json::{Map, Value, json};
use url::Url;

use super::{body::GraphBody, call::Call, error::GraphError, params::Params};
use crate::{WebhookSettings, lock, same_origin::is_local, tokens::Standing};

const LONGEST_URL: usize = 200;

/// The fields that an app can subscribe to.
const FIELDS: &[&str] = &[
    "account_alerts",
    "account_review_update",
    "account_update",
    "business_capability_update",
    "business_username_update",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    "messages",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "template_category_update",
];

/// `GET /{waba-id}/subscribed_apps`.
pub(crate) async fn subscribed(call: Call, Path((_, id)): Path<(String, String)>) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    if !call.simulator.switches().app_subscribed {
        return Ok(Json(json!({ "data": [] })));
    }
    let app_id = &call.settings().app_id;
    let link = format!("https://www.facebook.com/games/?app_id={app_id}");
    let mut app = json!({ "whatsapp_business_api_data": { "link": link, "name": "Simulated app", "id": app_id } });
    if let Some(url) = &lock(&call.simulator.shared.webhooks.targets).of_account {
        app["override_callback_uri"] = json!(url.as_str());
    }
    Ok(Json(json!({ "data": [app] })))
}

/// `POST /{waba-id}/subscribed_apps`: subscribes the token's app. Without a URL, webhooks go to the app's.
pub(crate) async fn subscribe(
    call: Call,
    Path((_, id)): Path<(String, String)>,
    body: GraphBody,
) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    let body = body.into_parameters()?;
    let url = own_url(&call, &Params::root(&body)).await?;
    lock(&call.simulator.shared.webhooks.targets).of_account = url;
    call.simulator.world().switches.app_subscribed = true;
    Ok(success())
}

/// `DELETE /{waba-id}/subscribed_apps`.
pub(crate) async fn unsubscribe(call: Call, Path((_, id)): Path<(String, String)>) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    lock(&call.simulator.shared.webhooks.targets).of_account = None;
    call.simulator.world().switches.app_subscribed = false;
    Ok(success())
}

/// `POST /{phone-number-id}` with `webhook_configuration`: the number's own URL, or an empty one for none.
pub(crate) async fn configure_number(call: &Call, id: &str, body: GraphBody) -> Result<Json<Value>, GraphError> {
    call.authorize_object(id)?;
    let body = body.into_parameters()?;
    let url = own_url(call, &Params::root(&body).required_object("webhook_configuration")?).await?;
    lock(&call.simulator.shared.webhooks.targets).of_number = url;
    Ok(success())
}

/// A number's `webhook_configuration`.
pub(crate) fn configuration(call: &Call, number_id: &str) -> Value {
    let targets = lock(&call.simulator.shared.webhooks.targets);
    let app = targets.app.as_ref().and_then(|app| app.urls.first());
    let own = targets.of_number.as_ref().filter(|_| number_id == call.settings().phone_number_id);
    let urls =
        [("phone_number", own), ("whatsapp_business_account", targets.of_account.as_ref()), ("application", app)];
    let urls: Map<_, _> =
        urls.into_iter().filter_map(|(name, url)| Some((name.to_owned(), json!(url?.as_str())))).collect();
    if urls.is_empty() { Value::Null } else { Value::Object(urls) }
}

/// `GET /{app-id}/subscriptions`.
pub(crate) async fn app_subscriptions(
    call: Call,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, GraphError> {
    authorize_app(&call, &id)?;
    let targets = lock(&call.simulator.shared.webhooks.targets);
    let fields = targets.fields.clone().unwrap_or_else(|| FIELDS.iter().map(ToString::to_string).collect());
    let fields: Vec<_> =
        fields.iter().map(|name| json!({ "name": name, "version": call.version.to_string() })).collect();
    let urls = targets.app.iter().flat_map(|app| &app.urls);
    let subscription =
        |url: &Url| json!({ "object": OBJECT, "callback_url": url.as_str(), "active": true, "fields": fields });
    Ok(Json(json!({ "data": urls.map(subscription).collect::<Vec<_>>() })))
}

/// `POST /{app-id}/subscriptions`: the app's URL and fields. It wants the app's own token, `{id}|{secret}`.
pub(crate) async fn subscribe_app(
    call: Call,
    Path((_, id)): Path<(String, String)>,
    body: GraphBody,
) -> Result<Json<Value>, GraphError> {
    authorize_app(&call, &id)?;
    let body = body.into_parameters()?;
    let params = Params::root(&body);
    params.required_choice("object", &[OBJECT])?;
    let fields = fields(&params)?;
    let url = verified(&call, &params, "callback_url").await?;
    let mut targets = lock(&call.simulator.shared.webhooks.targets);
    targets.app.get_or_insert_with(|| WebhookSettings::to([])).urls = vec![url];
    targets.fields = Some(fields);
    Ok(success())
}

const OBJECT: &str = "whatsapp_business_account";

/// The fields, as a list or as text with commas.
fn fields(params: &Params<'_>) -> Result<Vec<String>, GraphError> {
    let names: Vec<_> = match params.required("fields")? {
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap_or_default().to_owned()).collect(),
        Value::String(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        _ => return Err(GraphError::wrong_type("fields", "an array")),
    };
    match names.iter().find(|name| !FIELDS.contains(&name.as_str())) {
        Some(unknown) => Err(GraphError::not_one_of("fields", FIELDS, unknown)),
        None => Ok(names),
    }
}

fn authorize_app(call: &Call, id: &str) -> Result<(), GraphError> {
    if id != call.settings().app_id {
        return Err(call.unknown_object(id));
    }
    if call.standing == Standing::App {
        Ok(())
    } else {
        Err(GraphError::new(15).message("(#15) This method must be called with an app access_token."))
    }
}

/// The URL in `override_callback_uri`, if it shakes hands; `None` if there is none.
async fn own_url(call: &Call, params: &Params<'_>) -> Result<Option<Url>, GraphError> {
    match params.string("override_callback_uri")? {
        None | Some("") => Ok(None),
        Some(_) => verified(call, params, "override_callback_uri").await.map(Some),
    }
}

async fn verified(call: &Call, params: &Params<'_>, name: &str) -> Result<Url, GraphError> {
    let text = params.required_string(name)?;
    let token = params.required_string("verify_token")?;
    if text.chars().count() > LONGEST_URL {
        let sentence = format!("Param {name} must be at most {LONGEST_URL} characters long.");
        return Err(GraphError::bad_parameter(sentence));
    }
    let url = Url::parse(text).ok().filter(is_usable);
    let url = url.ok_or_else(|| GraphError::bad_parameter(format!("Param {name} must be a valid HTTPS URL.")))?;
    let refusal = match call.simulator.shared.webhooks.poster.handshake(url.clone(), token).await {
        Ok(Ok(())) => return Ok(url),
        Ok(Err(status)) => format!("HTTP Status Code = {status}; HTTP Message = the challenge was not returned"),
        Err(_) => "curl_errno = 7; curl_error = Failed to connect".to_owned(),
    };
    let sentence = format!("(#2200) Callback verification failed with the following errors: {refusal}");
    Err(GraphError::new(2200).message(sentence))
}

/// Meta wants HTTPS. Here a machine's own names and addresses do without.
fn is_usable(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && url.host_str().is_some_and(is_local)
}

fn success() -> Json<Value> {
    Json(json!({ "success": true }))
}
