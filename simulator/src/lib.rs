//! A simulated WhatsApp Cloud API: the other end of the wire, over real HTTP.
//!
//! It answers as strictly as Meta documents and as public captures show, down to codes, statuses
//! and wording, and shares no code with the client that is tested against it: the packages are separate. It
//! keeps one WhatsApp Business account in memory; nothing it accepts leaves the process.
//!
//! One listener serves everything:
//!
//! | Path | What |
//! |---|---|
//! | `/{version}/…` | the Graph API, in `graph` |
//! | `/`, `/page/…` | a page for people: a sign-in form, the phone, orders, in `page` |
//! | `/inbox…` | what the recipients received, in `inbox` |
//! | `/orders` | how the next sends are to go wrong, in `orders` |
//! | `/switches…` | what is wrong with the account until further notice, in `switches` |
//! | `/healthz` | `ok` |
//!
//! A failure can also be tried without any of these, by the number that is written to:
//!
//! | Recipient | What happens |
//! |---|---|
//! | `+1 5550 NNNNNN` | refused with error `NNNNNN`: `+15550131026` gets 131026, `+15550000004` gets 4 |
//! | `+1 5550 9000SS` | accepted after `SS` seconds |
//! | `+1 5550 910000` | taken and delivered, but never answered |
//! | `+1 5550 911000` | neither taken nor answered |
//! | `+1 5550 920000` | accepted, never delivered |
//! | `+1 5550 930000` | accepted, then fails with 131026 |
//! | `+1 5550 940000` | answered with a proxy's 502 page in HTML |
//!
//! Tokens that fail on purpose are listed in `tokens`. Start reading at `graph`.

mod clock;
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

pub use inbox::{Failure, InboxMessage, MessageStatus};
pub use orders::{Behaviour, Order};
pub use page::{
    CodeRecord, LimitUse, Page, PageService, PhoneRecord, RecordError, RecordView, ServiceOrigin, ServiceOriginError,
};
pub use settings::{DEFAULT_ACCESS_TOKEN, OtpButton, SimulatorSettings, ThrottleStatus};
pub use switches::{AccountState, Switches, TemplateReview};
pub use templates::TemplateStatus;
pub use traffic::RecordedRequest;

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
    traffic: traffic::Traffic,
}

impl Simulator {
    /// An account as the settings describe it, ready to send.
    #[must_use]
    pub fn new(settings: SimulatorSettings) -> Self {
        let clock = clock::Clock::default();
        let world = world::World::new(&settings, clock.timestamp());
        Self {
            shared: Arc::new(Shared {
                settings,
                clock,
                world: Mutex::new(world),
                orders: Mutex::default(),
                inbox: inbox::Inbox::default(),
                traffic: traffic::Traffic::default(),
            }),
        }
    }

    /// Everything it serves, for any listener, with a page that knows of no service.
    pub fn router(&self) -> Router {
        self.router_with(Page::default())
    }

    /// Everything it serves, for any listener.
    pub fn router_with(&self, page: Page) -> Router {
        let no_store = SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let for_browsers = Router::new()
            .merge(page::router(self, page))
            .merge(inbox::api::router())
            .merge(orders::api::router())
            .merge(switches::router())
            .route_layer(middleware::from_fn(same_origin::only));
        Router::new()
            .merge(for_browsers)
            .route("/healthz", get(async || "ok"))
            .merge(graph::router(self))
            .layer(no_store)
            .with_state(self.clone())
    }

    /// What it was set up with.
    #[must_use]
    pub fn settings(&self) -> &SimulatorSettings {
        &self.shared.settings
    }

    /// Messages it accepted, newest first.
    #[must_use]
    pub fn inbox(&self) -> Vec<InboxMessage> {
        self.shared.inbox.newest_first(inbox::CAPACITY)
    }

    /// The last message that reached a phone, given by the digits of its number.
    #[must_use]
    pub fn latest(&self, phone_digits: &str) -> Option<InboxMessage> {
        self.shared.inbox.latest(phone_digits)
    }

    /// Queues an order for the next sends; `false` when too many wait already.
    #[must_use]
    pub fn push_order(&self, order: Order) -> bool {
        lock(&self.shared.orders).push(order)
    }

    /// Orders still waiting for a send.
    #[must_use]
    pub fn orders(&self) -> Vec<Order> {
        lock(&self.shared.orders).waiting()
    }

    /// Forgets every waiting order.
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

    /// Moves a template to a status; `false` when there is no such template.
    #[must_use]
    pub fn set_template_status(&self, template_id: &str, status: TemplateStatus) -> bool {
        let mut world = self.world();
        let template = world.templates.get_mut(template_id);
        template.map(|template| template.status = status).is_some()
    }

    /// Moves the simulator's clock forward, so that no test has to wait for a limit to pass.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// How many requests to send a message arrived, whatever became of them.
    #[must_use]
    pub fn send_requests(&self) -> u64 {
        self.shared.traffic.sends()
    }

    /// How many requests carried an access token in their query, where it ends up in logs.
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

/// Locks even if some thread panicked while it held the lock: every critical section here leaves
/// the data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The digits of a phone number, however it is written.
fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

/// A refusal by the simulator itself, as opposed to one by the API it simulates.
fn refuse(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}
