//! A simulated WhatsApp Cloud API: the other end of the wire, over real HTTP.
//!
//! It is as strict as Meta's documentation and public captures show the API to be, down to codes, statuses and wording.
//! It shares no code with the client that is tested against it, which is why it is a package of its own. It keeps one
//! WhatsApp Business account in memory; nothing it accepts leaves the process.
//!
//! One listener serves everything:
//!
//! | Path | Serves |
//! |---|---|
//! | `/{version}/…` | the Graph API, in `graph` |
//! | `/`, `/page/…` | a page for people with a sign-in form, a phone and orders, in `page` |
//! | `/inbox…` | the messages that recipients received, in `inbox` |
//! | `/orders` | failures of the next sends, in `orders` |
//! | `/switches…` | lasting conditions of the account, in `switches` |
//! | `/webhooks` | events of the account, in `webhooks` |
//! | `/events…` | the events that the service sends, in `events` |
//! | `/feed…` | the requests of programs and what followed, in `feed` |
//! | `/healthz` | `ok` |
//!
//! The recipient's number alone can also cause a failure:
//!
//! | Recipient | Outcome |
//! |---|---|
//! | `+1 5550 NNNNNN` | refused with error `NNNNNN`: `+15550131026` gets 131026, `+15550000004` gets 4 |
//! | `+1 5550 9000SS` | accepted after `SS` seconds |
//! | `+1 5550 910000` | accepted and delivered, but never answered |
//! | `+1 5550 911000` | neither accepted nor answered |
//! | `+1 5550 920000` | accepted, never delivered |
//! | `+1 5550 930000` | accepted, then fails with 131026 |
//! | `+1 5550 940000` | answered with a proxy's 502 page in HTML |
//! | `+1 5551 NNNNNN` | accepted, then fails with error `NNNNNN`, if WhatsApp has it: `+15551131026` with 131026 |
//! | `+1 5552 00SSSS` | accepted and sent, delivered after `SSSS` seconds |
//! | `+1 5552 100000` | accepted and sent, and nothing more |
//! | `+1 5552 200000` | accepted, and never heard of again |
//! | `+1 5552 300000` | accepted, then read at once |
//!
//! `tokens` lists the access tokens that fail on purpose. Start reading at `graph`.

mod clock;
mod events;
mod feed;
mod graph;
mod inbox;
mod languages;
mod orders;
mod page;
mod same_origin;
mod settings;
mod switches;
mod templates;
#[cfg(test)]
mod testing;
mod throttle;
mod tokens;
mod traffic;
mod webhooks;
mod world;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tower_http::set_header::SetResponseHeaderLayer;

pub use events::ReceivedEvent;
pub use feed::{Feed, FeedAnswer, FeedMessage, FeedRequest, FeedStep, StepKind};
pub use graph::health::CanSend;
pub use inbox::{Failure, InboxMessage, MessageStatus};
pub use orders::{Behaviour, Order};
pub use page::{
    CodeRecord, LimitInForce, LimitUse, Page, PageService, PhoneRecord, ReadinessView, RecordError, RecordView,
    ResetLimits, ServiceOrigin, ServiceOriginError,
};
pub use settings::{DEFAULT_ACCESS_TOKEN, OtpButton, SimulatorSettings, ThrottleStatus};
pub use switches::{AccountState, Switches, TemplateReview};
pub use templates::TemplateStatus;
pub use traffic::RecordedRequest;
pub use webhooks::{Change, DEFAULT_APP_SECRET, NoAnswer, Webhook, WebhookSettings, WebhookTimes, webhook_signature};

/// A simulated WhatsApp Business account. Clones share it.
#[derive(Debug, Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: SimulatorSettings,
    clock: clock::Clock,
    world: Mutex<world::World>,
    orders: Mutex<orders::queue::OrderQueue>,
    inbox: inbox::Inbox,
    events: events::Events,
    feed: feed::Log,
    traffic: traffic::Traffic,
    webhooks: webhooks::Webhooks,
}

impl Simulator {
    /// Creates the account that the settings describe, ready to send.
    #[must_use]
    pub fn new(settings: SimulatorSettings) -> Self {
        let clock = clock::Clock::default();
        let world = world::World::new(&settings, clock.timestamp());
        let webhooks = webhooks::Webhooks::new(settings.webhooks.clone());
        Self {
            shared: Arc::new(Shared {
                settings,
                clock,
                world: Mutex::new(world),
                orders: Mutex::default(),
                inbox: inbox::Inbox::default(),
                events: events::Events::default(),
                feed: feed::Log::default(),
                traffic: traffic::Traffic::default(),
                webhooks,
            }),
        }
    }

    /// The routes above, for any listener, with a page that knows of no service.
    pub fn router(&self) -> Router {
        self.router_with(Page::default())
    }

    /// The routes above, for any listener, with the given page.
    pub fn router_with(&self, page: Page) -> Router {
        let no_store = SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let for_browsers = Router::new()
            .merge(page::router(self, page))
            .merge(inbox::api::router())
            .merge(orders::api::router())
            .merge(switches::router())
            .merge(webhooks::api::router())
            .merge(events::router())
            .merge(feed::api::router())
            .route_layer(middleware::from_fn(same_origin::only));
        Router::new()
            .merge(for_browsers)
            .route("/healthz", get(async || "ok"))
            .merge(graph::router(self))
            .layer(no_store)
            .with_state(self.clone())
    }

    /// The settings it was created with.
    #[must_use]
    pub fn settings(&self) -> &SimulatorSettings {
        &self.shared.settings
    }

    /// The accepted messages, newest first.
    #[must_use]
    pub fn inbox(&self) -> Vec<InboxMessage> {
        self.shared.inbox.newest_first(inbox::CAPACITY)
    }

    /// The latest message that reached the phone with these digits.
    #[must_use]
    pub fn latest(&self, phone_digits: &str) -> Option<InboxMessage> {
        self.shared.inbox.latest(phone_digits)
    }

    /// The accepted message with this callback data.
    #[must_use]
    pub fn message_with(&self, callback_data: &str) -> Option<InboxMessage> {
        self.inbox().into_iter().find(|message| message.biz_opaque_callback_data.as_deref() == Some(callback_data))
    }

    /// Queues an order for the next sends. Returns `false` if the queue is full.
    #[must_use]
    pub fn push_order(&self, order: Order) -> bool {
        lock(&self.shared.orders).push(order)
    }

    /// The orders still waiting for a send.
    #[must_use]
    pub fn orders(&self) -> Vec<Order> {
        lock(&self.shared.orders).waiting()
    }

    /// Removes every waiting order.
    pub fn clear_orders(&self) {
        lock(&self.shared.orders).clear();
    }

    /// The lasting conditions of the account.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.world().switches.clone()
    }

    /// Changes the lasting conditions of the account.
    pub fn set_switches(&self, switches: Switches) {
        self.world().switches = switches;
    }

    /// Sets a template's status. Returns `false` if there is no such template.
    #[must_use]
    pub fn set_template_status(&self, template_id: &str, status: TemplateStatus) -> bool {
        let mut world = self.world();
        let template = world.templates.get_mut(template_id);
        template.map(|template| template.status = status).is_some()
    }

    /// Moves the simulator's clock forward, so that tests need not wait for a limit to pass.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// The number of requests to send a message, accepted or not.
    #[must_use]
    pub fn send_requests(&self) -> u64 {
        self.shared.traffic.sends()
    }

    /// The number of requests with an access token in their query, from where it would end up in logs.
    #[must_use]
    pub fn tokens_in_query(&self) -> u64 {
        self.shared.traffic.tokens_in_query()
    }

    /// The latest requests to the Graph API, newest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.traffic.latest()
    }

    fn world(&self) -> MutexGuard<'_, world::World> {
        lock(&self.shared.world)
    }
}

/// Locks the mutex even if it is poisoned: every critical section here leaves the data consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The digits of a phone number, however it is written.
fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

/// A refusal by the simulator itself rather than by the API it simulates.
fn refuse(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}
