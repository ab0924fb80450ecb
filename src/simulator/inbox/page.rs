//! The inbox as a plain page that reloads itself: no script, no style, nothing fetched.

use std::fmt::Write as _;

use axum::{
    Router,
    extract::State,
    http::header,
    response::{Html, IntoResponse},
    routing::get,
};

use super::InboxMessage;
use crate::simulator::Simulator;

const SHOWN: usize = 100;
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn router() -> Router<Simulator> {
    Router::new().route("/", get(show))
}

async fn show(State(simulator): State<Simulator>) -> impl IntoResponse {
    let page = render(&simulator.shared.inbox.newest_first(SHOWN));
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(page))
}

fn render(messages: &[InboxMessage]) -> String {
    let mut rows = String::new();
    for message in messages {
        // Writing to a string does not fail.
        let _ = writeln!(
            rows,
            "<tr><td>{at:.3}</td><td>{to}</td><td>{status:?}</td><td>{body}</td><td>{footer}</td></tr>",
            at = message.received_at,
            to = escape(&message.to),
            status = message.status,
            body = escape(&message.body),
            footer = escape(message.footer.as_deref().unwrap_or_default()),
        );
    }
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="3">
<title>Simulated WhatsApp inbox</title>
</head>
<body>
<h1>Simulated WhatsApp inbox</h1>
<p>Newest first. Nothing here was really sent.</p>
<table>
<thead><tr><th>Accepted</th><th>To</th><th>Status</th><th>Message</th><th>Footer</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
</body>
</html>
"#
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{
        super::{MessageStatus, tests::message},
        *,
    };

    #[test]
    fn what_a_sender_wrote_is_shown_and_not_run() {
        let page = render(&[message("+1555", "<b>&'\"", MessageStatus::Delivered)]);
        assert!(page.contains("&lt;b&gt;&amp;&#39;&quot;"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }
}
