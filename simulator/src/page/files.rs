//! The page's embedded files, and the policy for browsers.

use axum::{
    extract::{Path, State},
    http::{
        HeaderName, StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
        request::Parts,
    },
    response::{IntoResponse, Response},
};

use super::{PageState, ServiceOrigin};
use crate::{refuse, same_origin::host};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const INDEX: &str = include_str!("web/index.html");

/// Name, content type and content of the files under `/page/`.
const FILES: &[(&str, &str, &str)] = &[
    ("icon.svg", SVG, include_str!("web/icon.svg")),
    ("css/base.css", CSS, include_str!("web/css/base.css")),
    ("css/layout.css", CSS, include_str!("web/css/layout.css")),
    ("css/sign-in.css", CSS, include_str!("web/css/sign-in.css")),
    ("css/phone.css", CSS, include_str!("web/css/phone.css")),
    ("css/panels.css", CSS, include_str!("web/css/panels.css")),
    ("css/feed.css", CSS, include_str!("web/css/feed.css")),
    ("js/main.js", JS, include_str!("web/js/main.js")),
    ("js/dom.js", JS, include_str!("web/js/dom.js")),
    ("js/words.js", JS, include_str!("web/js/words.js")),
    ("js/clipboard.js", JS, include_str!("web/js/clipboard.js")),
    ("js/simulator.js", JS, include_str!("web/js/simulator.js")),
    ("js/service.js", JS, include_str!("web/js/service.js")),
    ("js/sample-calls.js", JS, include_str!("web/js/sample-calls.js")),
    ("js/verification-api.js", JS, include_str!("web/js/verification-api.js")),
    ("js/readings.js", JS, include_str!("web/js/readings.js")),
    ("js/backend.js", JS, include_str!("web/js/backend.js")),
    ("js/json.js", JS, include_str!("web/js/json.js")),
    ("js/proof.js", JS, include_str!("web/js/proof.js")),
    ("js/held-button.js", JS, include_str!("web/js/held-button.js")),
    ("js/expiry.js", JS, include_str!("web/js/expiry.js")),
    ("js/steps.js", JS, include_str!("web/js/steps.js")),
    ("js/tabs.js", JS, include_str!("web/js/tabs.js")),
    ("js/curl.js", JS, include_str!("web/js/curl.js")),
    ("js/code-field.js", JS, include_str!("web/js/code-field.js")),
    ("js/sign-in.js", JS, include_str!("web/js/sign-in.js")),
    ("js/stream.js", JS, include_str!("web/js/stream.js")),
    ("js/inbox.js", JS, include_str!("web/js/inbox.js")),
    ("js/phone.js", JS, include_str!("web/js/phone.js")),
    ("js/message.js", JS, include_str!("web/js/message.js")),
    ("js/notification.js", JS, include_str!("web/js/notification.js")),
    ("js/record.js", JS, include_str!("web/js/record.js")),
    ("js/events.js", JS, include_str!("web/js/events.js")),
    ("js/feed.js", JS, include_str!("web/js/feed.js")),
    ("js/feed-story.js", JS, include_str!("web/js/feed-story.js")),
    ("js/feed-snippets.js", JS, include_str!("web/js/feed-snippets.js")),
    ("js/orders.js", JS, include_str!("web/js/orders.js")),
    ("js/switches.js", JS, include_str!("web/js/switches.js")),
];

pub(super) async fn index(State(PageState { page, .. }): State<PageState>, request: Parts) -> Response {
    let service = page.service.as_ref().map(|service| service.origin.seen_from(host(&request)));
    let service = service.as_ref().map_or("", ServiceOrigin::as_str);
    // No script turns text into HTML, and Trusted Types enforce that.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {service}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    );
    ([(CONTENT_SECURITY_POLICY, policy)], answer(HTML, INDEX.to_owned())).into_response()
}

pub(super) async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(listed, ..)| *listed == name) {
        Some((_, content_type, content)) => answer(content_type, without_comments(content)).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "There is no such file."),
    }
}

type Headers = [(HeaderName, &'static str); 3];

/// Returns a script or a style sheet without the lines that are comments, a tenth of it: they are for its developers.
fn without_comments(content: &str) -> String {
    let is_comment = |line: &str| line.starts_with("//") || line.starts_with("/*") && line.ends_with("*/");
    content.split_inclusive('\n').filter(|line| !is_comment(line.trim())).collect()
}

fn answer(content_type: &'static str, content: String) -> (Headers, String) {
    let headers = [(CONTENT_TYPE, content_type), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer")];
    (headers, content)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn names_in(folder: &Path, prefix: &str) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries
            .flat_map(|entry| {
                let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
                if entry.path().is_dir() { names_in(&entry.path(), &format!("{name}/")) } else { vec![name] }
            })
            .collect()
    }

    #[test]
    fn every_file_of_the_page_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page/web");
        let there: BTreeSet<_> = names_in(&folder, "").into_iter().collect();
        let embedded = FILES.iter().map(|(name, ..)| *name).chain(["index.html"]).map(str::to_owned).collect();
        assert_eq!(there, embedded);
    }

    #[test]
    fn the_page_is_small() {
        let bytes: usize = FILES.iter().map(|(.., content)| without_comments(content).len()).sum();
        assert!(bytes + INDEX.len() <= 120_000, "{bytes}");
    }

    #[test]
    fn no_script_turns_text_into_html_or_code() {
        for (name, _, content) in FILES.iter().filter(|(_, kind, _)| *kind == JS) {
            for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
                assert!(!content.contains(forbidden), "{name} has {forbidden}");
            }
        }
        let inline = |word: &str| word.starts_with("style=") || word.starts_with("on") && word.contains('=');
        assert!(!INDEX.split_whitespace().any(inline), "inline style or script");
    }

    #[test]
    fn the_page_names_no_other_host() {
        for (name, _, content) in FILES.iter().copied().chain([("index.html", HTML, INDEX)]) {
            let content = content.replace("http://www.w3.org/2000/svg", "");
            // The page shows this as an example of a service.
            let content = content.replace("http://localhost:3000", "");
            assert!(!content.contains("http://") && !content.contains("https://"), "{name}");
        }
    }
}
