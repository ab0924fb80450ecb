//! The part of Markdown that the pages are written in: headings, paragraphs, lists and code.

use std::fmt::Write;

use crate::http::v1::ProblemCode;

/// Turns a text into HTML. The name of a problem code becomes a link to its page.
pub(super) fn to_html(markdown: &str) -> String {
    let mut html = String::new();
    for block in markdown.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        // Writing to a string cannot fail.
        let _ = if let Some(heading) = block.strip_prefix("## ") {
            writeln!(html, "<h2>{}</h2>", inline(heading))
        } else if block.starts_with("- ") {
            let items = block.lines().map(|item| format!("<li>{}</li>", inline(item.trim_start_matches("- "))));
            writeln!(html, "<ul>\n{}\n</ul>", items.collect::<Vec<_>>().join("\n"))
        } else {
            writeln!(html, "<p>{}</p>", inline(block))
        };
    }
    html
}

/// Turns one line into HTML.
fn inline(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        let escaped = escaped(part);
        // Writing to a string cannot fail.
        let _ = match (index % 2, ProblemCode::from_name(part)) {
            (0, _) => write!(html, "{escaped}"),
            (_, Some(code)) => write!(html, "<a href=\"/problems/{}\"><code>{escaped}</code></a>", code.as_str()),
            (_, None) => write!(html, "<code>{escaped}</code>"),
        };
    }
    html
}

/// Returns the text with the characters replaced that mean something in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_lists_and_code_become_html_and_the_rest_is_escaped() {
        let markdown = "## Why & <how>\n\nA `code` and\n`forbidden`.\n\n- `a<b`: \"x\"\n- y\n";
        let html = "<h2>Why &amp; &lt;how&gt;</h2>\n\
                    <p>A <code>code</code> and\n<a href=\"/problems/forbidden\"><code>forbidden</code></a>.</p>\n\
                    <ul>\n<li><code>a&lt;b</code>: &quot;x&quot;</li>\n<li>y</li>\n</ul>\n";
        assert_eq!(to_html(markdown), html);
    }
}
