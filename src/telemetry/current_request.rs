//! Which request is being worked on, so that whatever is logged on the way names it.
//!
//! A task-local and no span of `tracing`, which would be made, entered and left for each request although few of them log
//! anything on the way.

use std::sync::Arc;

use super::spans::in_current_trace;

tokio::task_local! {
    static REQUEST_ID: RequestId;
}

/// The name of a request, short and plain enough for a log.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RequestId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

/// Does the work as part of the request of that id.
pub(crate) fn within_request<F: Future>(request_id: RequestId, work: F) -> impl Future<Output = F::Output> {
    REQUEST_ID.scope(request_id, work)
}

/// Keeps work that another task does part of the request, and of its trace.
pub(crate) fn in_current_request<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let (request_id, work) = (request_id(), in_current_trace(work));
    async move {
        match request_id {
            None => work.await,
            Some(request_id) => within_request(request_id, work).await,
        }
    }
}

/// The id of the request, if it is one that is being worked on.
pub(super) fn request_id() -> Option<RequestId> {
    REQUEST_ID.try_with(RequestId::clone).ok()
}
