//! The Graph API: one file per edge, and the code that all edges share.
//!
//! A request is checked in the order route, version, token, object, permission, account, throttles, body. Meta
//! documents no order, so a client must not depend on one.

mod account;
mod body;
mod call;
pub(crate) mod catalog;
mod debug_token;
mod error;
mod fields;
pub(crate) mod health;
pub(crate) mod identifiers;
mod messages;
mod paging;
mod params;
mod phone_numbers;
mod registration;
mod subscriptions;
mod templates;
#[cfg(test)]
mod tests;
mod version;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, Request},
    http::{HeaderName, HeaderValue, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{Simulator, feed, traffic};
use body::GraphBody;
use call::Call;
use error::GraphError;
use version::ApiVersion;

const LARGEST_BODY: usize = 256 * 1024;

/// The paths of the Graph API, and Graph's answer to any other path.
pub(crate) fn router(simulator: &Simulator) -> Router<Simulator> {
    let record = middleware::from_fn_with_state(simulator.clone(), traffic::record);
    let template_list = get(templates::list::list).post(templates::create::create).delete(templates::delete::delete);
    let subscribed_apps =
        get(subscriptions::subscribed).post(subscriptions::subscribe).delete(subscriptions::unsubscribe);
    let subscriptions = get(subscriptions::app_subscriptions).post(subscriptions::subscribe_app);
    Router::new()
        .route("/{version}/debug_token", get(debug_token::inspect))
        .route("/{version}/{id}", get(read_node).post(edit_node))
        .route("/{version}/{id}/messages", post(messages::send))
        .route("/{version}/{id}/phone_numbers", get(phone_numbers::list))
        .route("/{version}/{id}/register", post(registration::register))
        .route("/{version}/{id}/subscribed_apps", subscribed_apps)
        .route("/{version}/{id}/subscriptions", subscriptions)
        .route("/{version}/{id}/message_templates", template_list)
        .route("/{version}/{id}/upsert_message_templates", post(templates::upsert::upsert))
        .route("/{version}/{id}/message_template_previews", get(templates::previews::previews))
        .method_not_allowed_fallback(unsupported_method)
        .fallback(unknown_path)
        .layer(middleware::from_fn(add_graph_headers))
        .layer(middleware::from_fn_with_state(simulator.clone(), feed::calls::watch))
        .layer(record)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// `GET /{id}`: any object.
async fn read_node(call: Call, Path((_, id)): Path<(String, String)>) -> Response {
    let node = if id == call.settings().waba_id {
        account::read(&call)
    } else if phone_numbers::exists(call.settings(), &id) {
        phone_numbers::read(&call, &id)
    } else {
        templates::list::read(&call, &id)
    };
    node.into_response()
}

/// `POST /{id}`: templates, and a number's webhooks, are writable.
async fn edit_node(call: Call, Path((_, id)): Path<(String, String)>, body: GraphBody) -> Response {
    if phone_numbers::exists(call.settings(), &id) {
        subscriptions::configure_number(&call, &id, body).await.into_response()
    } else {
        templates::edit::edit(&call, &id, body).into_response()
    }
}

async fn unsupported_method(call: Call) -> GraphError {
    let id = call.path().split('/').nth(2).unwrap_or_default();
    call.unknown_object(id)
}

async fn unknown_path(uri: Uri) -> GraphError {
    GraphError::unknown_path(beyond_first_segment(&uri))
}

/// The part of the path that Graph complains about: all but the segment that it took for a version or an id.
fn beyond_first_segment(uri: &Uri) -> &str {
    let path = uri.path();
    match path.get(1..).and_then(|rest| rest.find('/')) {
        Some(slash) => &path[slash + 1..],
        None => path,
    }
}

async fn add_graph_headers(request: Request, next: Next) -> Response {
    let version = request.uri().path().split('/').nth(1);
    let version = version.and_then(ApiVersion::parse);
    let mut response = next.run(request).await;
    let mut add = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            let name = HeaderName::from_static(name);
            response.headers_mut().insert(name, value);
        }
    };
    add("x-fb-request-id", &identifiers::request_id());
    add("x-fb-trace-id", &identifiers::trace_id());
    if let Some(version) = version {
        add("facebook-api-version", &version.to_string());
    }
    response
}
