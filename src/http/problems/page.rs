//! The pages, made once from the table of codes.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use axum::extract::Request;
use axum::http::header::ACCEPT;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use super::markdown::{escaped, to_html};
use crate::http::edge::document::Document;
use crate::http::edge::outcome::Outcome;
use crate::http::v1::{ProblemCode, example_problem};

pub(super) const HTML: &str = "text/html; charset=utf-8";
const MARKDOWN: &str = "text/markdown; charset=utf-8";
const CSS: &str = include_str!("page.css");

/// A page in two forms: for people with a browser, and for those with a terminal.
pub(super) struct Page {
    html: Text,
    markdown: Text,
}

/// A text, with the tag that tells its versions apart.
struct Text {
    text: Arc<str>,
    etag: Arc<str>,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let etag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&text)[..16]));
        Self { text: text.into(), etag: etag.into() }
    }
}

impl Page {
    /// Returns the answer to a request: Markdown if the request asks for it, else HTML.
    pub(super) fn answer(&self, request: &Request) -> Outcome {
        let accepted = request.headers().get_all(ACCEPT).iter();
        let wants_markdown = accepted.flat_map(|list| list.to_str()).any(|list| list.contains("text/markdown"));
        let (content_type, text) = if wants_markdown { (MARKDOWN, &self.markdown) } else { (HTML, &self.html) };
        Outcome::Document(Document::new(request, content_type, &text.text, Arc::clone(&text.etag)))
    }
}

/// Returns the page of a code.
pub(super) fn of(code: ProblemCode) -> &'static Page {
    static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| ProblemCode::all().map(page).collect());
    &PAGES[code as usize]
}

/// Returns the list of all codes.
pub(super) fn list() -> &'static Page {
    static LIST: LazyLock<Page> = LazyLock::new(|| Page {
        html: html("Problems", &format!("<h1>Problems</h1>\n{}", all_as_html())).into(),
        markdown: format!("# Problems\n\n{}", all_as_markdown()).into(),
    });
    &LIST
}

/// Returns the page for a code that there is not.
pub(super) fn not_found() -> &'static str {
    static NOT_FOUND: LazyLock<String> = LazyLock::new(|| {
        let body = format!("<h1>There is no such problem</h1>\n<p>These are all there are.</p>\n{}", all_as_html());
        html("There is no such problem", &body)
    });
    &NOT_FOUND
}

/// Returns the policy for browsers: nothing but the page's own style.
pub(super) fn content_security_policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let style = BASE64.encode(&Sha256::digest(CSS));
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        )
    });
    &POLICY
}

fn page(code: ProblemCode) -> Page {
    let (name, status, title) = (code.as_str(), code.status().as_u16(), code.title());
    // An example without its own texts would be a fault in the test below.
    let example = serde_json::to_string_pretty(&example_problem(code)).unwrap_or_default();
    let body = format!(
        "<nav><a href=\"/problems\">All problems</a></nav>\n\
         <h1>{}</h1>\n\
         <p class=\"name\"><code>{name}</code> · HTTP {status}</p>\n\
         {}\
         <h2>An example</h2>\n<pre><code>{}</code></pre>\n",
        escaped(title),
        to_html(code.page()),
        escaped(&example)
    );
    let markdown =
        format!("# {title}\n\n`{name}` · HTTP {status}\n\n{}\n## An example\n\n```json\n{example}\n```\n", code.page());
    Page { html: html(title, &body).into(), markdown: markdown.into() }
}

fn html(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{}</title>\n<style>{CSS}</style>\n<main>\n{body}</main>\n</html>\n",
        escaped(title)
    )
}

fn all_as_html() -> String {
    let rows = ProblemCode::all().map(|code| {
        let (name, status, title) = (code.as_str(), code.status().as_u16(), escaped(code.title()));
        format!("<dt><a href=\"/problems/{name}\"><code>{name}</code></a></dt>\n<dd>{title} · HTTP {status}</dd>\n")
    });
    format!("<dl>\n{}</dl>\n", rows.collect::<String>())
}

fn all_as_markdown() -> String {
    ProblemCode::all().fold(String::new(), |mut list, code| {
        let (name, status, title) = (code.as_str(), code.status().as_u16(), code.title());
        // Writing to a string cannot fail.
        let _ = writeln!(list, "- [`{name}`](/problems/{name}): {title} · HTTP {status}");
        list
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_page_says_what_happened_why_and_what_to_do_in_few_words() {
        for code in ProblemCode::all() {
            let (name, text) = (code.as_str(), code.page());
            let headings: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
            assert_eq!(headings, ["## What happened", "## Why", "## What to do"], "{name}");
            assert!((80..=200).contains(&text.split_whitespace().count()), "{name}");
            assert!(
                !text.contains("](") && text.matches('`').count() % 2 == 0,
                "{name} has more Markdown than is read"
            );
            let page = &of(code).html.text;
            assert!(page.contains(&format!("&quot;code&quot;: &quot;{name}&quot;")), "{name} has no example");
            assert!(!page.contains("<script") && !page.contains("http://"), "{name}");
        }
    }

    #[test]
    fn every_text_is_the_page_of_a_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/v1/problems");
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name.strip_suffix(".md").and_then(ProblemCode::from_name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_list_and_the_page_for_unknown_codes_name_all() {
        for code in ProblemCode::all() {
            let link = format!("<a href=\"/problems/{}\">", code.as_str());
            assert!(list().html.text.contains(&link) && not_found().contains(&link), "{link}");
        }
    }

    #[test]
    fn a_request_chooses_the_form() {
        let answer = |accept: &str| {
            let request = Request::get("/").header(ACCEPT, accept).body(axum::body::Body::empty()).unwrap();
            match of(ProblemCode::Forbidden).answer(&request) {
                Outcome::Document(document) => document.respond().headers()["content-type"].clone(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(answer("text/html,application/xhtml+xml,*/*;q=0.8"), HTML);
        assert_eq!(answer("*/*"), HTML);
        assert_eq!(answer("text/markdown"), MARKDOWN);
    }
}
