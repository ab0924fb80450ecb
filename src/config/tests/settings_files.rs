//! `config/default.toml` and `docs/settings.md` are generated from the declared settings.

use std::fmt::Write;
use std::path::Path;

use crate::config::declared::{Kind, SECTIONS, Section, Takes, Unset};
use crate::config::keys;

/// The variable that makes the test write the files instead of comparing them.
const UPDATE: &str = "UPDATE";

const DEFAULT_TOML: &str = r"# Every setting and its default. This file is generated from src/config/declared.rs and compiled into the program; changing
# it here changes nothing.
#
# To change a setting, write it into a file of your own and name that file with `--config FILE` or WHATSAPP_OTP_CONFIG
# (production.toml and development.toml next to this one are such files). The environment overrides both:
#
#     otp.code_length   is   WHATSAPP_OTP__OTP__CODE_LENGTH
#
# Two underscores stand for a dot. In the environment, lists are separated by commas, and an empty value unsets a setting
# that has no default. Settings that are commented out below have no default; their value is an example.
#
# Durations are written 90s, 5m, 1h or 1h 30m. Paths are relative to the directory in which the program is started.
#
# A secret is given as KEY or as KEY_file, which names a file that holds it (a newline at its end does not count), but not
# as both. Prefer files: environments are inherited and show up in more places.
#
# `whatsapp-otp check` shows whether the settings work; with -v also which are in force and where each came from.
";

const SETTINGS_MD: &str = r"# Settings

Generated from `src/config/declared.rs`, as is [`config/default.toml`](../config/default.toml), the compiled-in defaults.
The file named by `--config` or `WHATSAPP_OTP_CONFIG` overrides them (start from
[`config/production.toml`](../config/production.toml)), and the environment overrides both. In the environment, lists are
separated by commas, and an empty value unsets a setting that has no default. Durations are written `90s`, `5m`, `1h` or
`1h 30m`. A secret is given either as `KEY` or as `KEY_file`, which names a file that holds it. `whatsapp-otp check -v`
shows the settings in force and where each came from.
";

#[test]
fn the_generated_files_are_current() {
    for (name, text) in [("config/default.toml", default_toml()), ("docs/settings.md", settings_md())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let current = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(current == text, "{name} is not current: run `{UPDATE}=1 cargo test --lib settings_files`");
    }
}

fn default_toml() -> String {
    let mut text = DEFAULT_TOML.to_owned();
    for Section { name: section, about, settings } in SECTIONS {
        write!(text, "\n\n").unwrap();
        comment(&mut text, about);
        // The name has to be filled in.
        let sign = if section.contains("NAME") { "#" } else { "" };
        writeln!(text, "{sign}[{section}]").unwrap();
        for setting in *settings {
            text.push('\n');
            comment(&mut text, setting.meaning);
            // The comments of others describe what they take.
            let takes = !matches!(setting.takes, Takes::Words(_) | Takes::Any(_));
            let takes = takes.then(|| format!("# Takes {}.", bounds(setting.takes)));
            let per_app = setting.per_app.then(|| "# Per app.".to_owned());
            for line in takes.into_iter().chain(per_app) {
                writeln!(text, "{line}").unwrap();
            }
            let name = &setting.key[section.len() + 1..];
            let list = if matches!(setting.takes, Takes::List(_)) { "[]" } else { "\"\"" };
            match setting.unset {
                Unset::Default(value) => writeln!(text, "{name} = {}", literal(setting.takes, value)),
                Unset::Nothing(path) if setting.kind == Kind::Secret => {
                    writeln!(text, "#{name} = {list}\n#{name}_file = {path:?}")
                }
                Unset::Nothing(example) => writeln!(text, "#{name} = {}", literal(setting.takes, example)),
            }
            .unwrap();
        }
    }
    text
}

fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        writeln!(text, "#{line}").unwrap();
    }
}

/// Returns the value in TOML.
fn literal(takes: Takes, value: &str) -> String {
    let is_bare = matches!(takes, Takes::Whole(..)) || value.parse::<bool>().is_ok() || value.parse::<f64>().is_ok();
    match takes {
        Takes::List(_) => {
            let entries: Vec<_> =
                value.split(',').filter(|entry| !entry.is_empty()).map(|e| format!("{e:?}")).collect();
            format!("[{}]", entries.join(", "))
        }
        _ if is_bare => value.to_owned(),
        _ => format!("{value:?}"),
    }
}

fn bounds(takes: Takes) -> String {
    match takes {
        Takes::Whole(least, most) => format!("{least} to {most}"),
        Takes::Span(least, most) => {
            let [least, most] = [least, most].map(humantime::format_duration);
            format!("{least} to {most}")
        }
        Takes::List(entry) => format!("a list, each entry {entry}"),
        Takes::Words(_) | Takes::Text(_) | Takes::Any(_) => takes.to_string(),
    }
}

fn settings_md() -> String {
    let mut text = SETTINGS_MD.to_owned();
    for Section { name, about, settings } in SECTIONS {
        write!(text, "\n## `[{name}]`\n\n").unwrap();
        if !about.is_empty() {
            let lines = about.iter().map(|line| line.strip_prefix(' ').unwrap_or(line));
            write!(text, "{}\n\n", lines.collect::<Vec<_>>().join("\n")).unwrap();
        }
        if !settings.is_empty() {
            text.push_str("| Key and variable | Default | Takes | Meaning |\n|---|---|---|---|\n");
        }
        for setting in *settings {
            let (key, variable) = (setting.key, keys::variable(setting.key));
            let file =
                if setting.kind == Kind::Secret { format!(" or<br>`{}`", keys::file_of(key)) } else { String::new() };
            let default = match setting.unset {
                Unset::Default("") | Unset::Nothing(_) => "none".to_owned(),
                Unset::Default(value) => format!("`{value}`"),
            };
            let (takes, mut meaning) = (bounds(setting.takes), sentence(setting.meaning));
            if setting.per_app {
                meaning.push_str(" Per app.");
            }
            writeln!(text, "| `{key}`{file}<br>`{variable}` | {default} | {takes} | {meaning} |").unwrap();
        }
    }
    text
}

fn sentence(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
