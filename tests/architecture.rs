//! Checks the structure of `src` against the map at the head of `src/lib.rs`.
//!
//! A file imports another if a `use`, or a path that starts with `crate`, `self` or `super`, names an item that the
//! other defines. Re-exports are followed to the definition and are not imports themselves, so a `mod.rs` counts only
//! for what it defines. Tests and fuzz targets may import anything.

#![allow(clippy::unwrap_used, reason = "what goes wrong in a test fails it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// The modules that may use a crate. Other crates may be used anywhere.
const CRATES: &[(&str, &[&str])] = &[
    ("axum", &["http", "telemetry", "config"]),
    ("clap", &["main", "cli", "app"]),
    ("config", &["config"]),
    ("deadpool_redis", &["store"]),
    ("hyper", &["http"]),
    ("redis", &["store"]),
    ("reqwest", &["events", "whatsapp", "telemetry", "app"]),
    ("ring", &["proof"]),
    ("whatsapp_otp_simulator", &["cli", "app"]),
];

/// A module's path below the crate, `["store", "redis"]`.
type Module = Vec<String>;

/// A source file without its tests.
#[derive(Default)]
struct File {
    text: String,
    /// The named paths, as written.
    paths: Vec<Vec<String>>,
    /// The names that `use` brings into scope, with their paths.
    names: BTreeMap<String, Vec<String>>,
}

struct Tree {
    files: BTreeMap<Module, File>,
    map: Vec<(String, BTreeSet<String>)>,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Comments, and the scopes of visibilities, which are not imports.
static COMMENT: LazyLock<Regex> = LazyLock::new(|| regex(r"//[^\n]*|\(in [a-z_:]+\)"));
static TESTS: LazyLock<Regex> = LazyLock::new(|| regex(r"#\[cfg\(test\)\]\s*(#\[[^\n]*\]\s*)*mod [a-z_]+ \{"));
static USE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^ *(pub(?:\([a-z: ]*\))? +)?use\s+([^;]+);"));
static PATH: LazyLock<Regex> = LazyLock::new(|| regex(r"(?-u:\b)(?:crate|super|self)(?:::[a-zA-Z0-9_]+)+"));

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(|segment| segment.trim().to_owned()).collect()
}

/// Returns the paths of a `use`: `a::{b, c::{d as e}}` names `a::b` and `a::c::d as e`.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in rest[..rest.rfind('}').unwrap_or(rest.len())].chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expand(part)).map(|path| format!("{}{path}", prefix.trim())).collect()
}

impl File {
    fn parse(text: &str) -> Self {
        let text = COMMENT.replace_all(text, "");
        let text = TESTS.find(&text).map_or(&*text, |tests| &text[..tests.start()]).to_owned();
        let mut file = Self::default();
        for found in USE.captures_iter(&text) {
            for path in expand(&found[2]) {
                let (path, name) = match path.split_once(" as ") {
                    Some((path, name)) => (segments(path), name.trim().to_owned()),
                    None => (segments(&path), segments(&path).pop().unwrap()),
                };
                if found.get(1).is_none() {
                    file.paths.push(path.clone());
                }
                file.names.insert(name, path);
            }
        }
        file.paths.extend(PATH.find_iter(&USE.replace_all(&text, "")).map(|path| segments(path.as_str())));
        file.text = text;
        file
    }
}

impl Tree {
    /// Builds the tree of these files, named by their paths below `src`.
    fn new(sources: impl IntoIterator<Item = (String, String)>) -> Self {
        let (mut files, mut map) = (BTreeMap::new(), Vec::new());
        let row = regex(r"(?m)^//! \| (?:\[`(\w+)`\]|`(\w+)`) \| ([\w, ]*) \|");
        for (path, text) in sources {
            if path == "lib.rs" {
                map = row
                    .captures_iter(&text)
                    .map(|row| {
                        let name = row.get(1).or(row.get(2)).unwrap().as_str().to_owned();
                        (name, row[3].split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect())
                    })
                    .collect();
            }
            let mut module: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            let last = module.last().unwrap();
            if module.iter().any(|part| part == "tests" || part == "fuzzing") {
                continue;
            }
            if last == "mod" || last == "lib" {
                module.pop();
            }
            files.insert(module, File::parse(&text));
        }
        Self { files, map }
    }

    /// Reads the tree of `src`.
    fn of_src() -> Self {
        fn walk(directory: &Path, files: &mut Vec<(String, String)>, root: &Path) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files, root);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    files.push((name, fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let (mut files, root) = (Vec::new(), Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        walk(&root, &mut files, &root);
        Self::new(files)
    }

    /// Returns a path from the crate's root, unless it leads to another crate.
    fn absolute(&self, from: &Module, path: &[String]) -> Option<Module> {
        let child = |name: &String| self.files.contains_key(&[from.as_slice(), std::slice::from_ref(name)].concat());
        let (mut absolute, mut rest) = match path[0].as_str() {
            "crate" | "whatsapp_otp" => (Vec::new(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            "super" => (from.clone(), path),
            _ if child(&path[0]) => (from.clone(), path),
            _ => return None,
        };
        while rest.first().is_some_and(|segment| segment == "super") {
            absolute.pop();
            rest = &rest[1..];
        }
        absolute.extend_from_slice(rest);
        Some(absolute)
    }

    /// Returns the module that defines the target of a path.
    fn definition(&self, absolute: &Module) -> Module {
        let mut module = Module::new();
        for (index, segment) in absolute.iter().enumerate() {
            let child = [module.as_slice(), std::slice::from_ref(segment)].concat();
            if self.files.contains_key(&child) {
                module = child;
                continue;
            }
            let named = self.files.get(&module).and_then(|file| file.names.get(segment));
            if let Some(mut path) = named.and_then(|path| self.absolute(&module, path))
                && path != *absolute
            {
                path.extend_from_slice(&absolute[index + 1..]);
                return self.definition(&path);
            }
            break;
        }
        module
    }

    /// Returns the files that each file imports.
    fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let of = |(module, file): (&Module, &File)| {
            let absolute = file.paths.iter().filter_map(|path| self.absolute(module, path));
            let imported = absolute.map(|path| self.definition(&path)).filter(|imported| imported != module);
            (module.clone(), imported.collect())
        };
        self.files.iter().map(of).collect()
    }

    /// Returns the imports between files that are part of a cycle.
    fn cycles(&self) -> Vec<String> {
        let imports = self.imports();
        let leads_back = |from: &Module, to: &Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
            while let Some(module) = next.pop() {
                if module == to {
                    return true;
                }
                if seen.insert(module) {
                    next.extend(imports.get(module).into_iter().flatten());
                }
            }
            false
        };
        let pairs = imports.iter().flat_map(|(module, imported)| imported.iter().map(move |other| (module, other)));
        let cyclic = pairs.filter(|(module, imported)| leads_back(imported, module));
        cyclic.map(|(module, imported)| format!("{} imports {}", module.join("::"), imported.join("::"))).collect()
    }

    /// Returns the differences between the imports of modules and the map.
    fn violations(&self) -> Vec<String> {
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, file) in self.files.iter().filter(|(module, _)| !module.is_empty()) {
            let imported = arrows.entry(module[0].clone()).or_default();
            let named = file.paths.iter().chain(file.names.values());
            let absolute = named.filter_map(|path| self.absolute(module, path)?.into_iter().next());
            imported.extend(absolute.filter(|imported| *imported != module[0]));
        }
        let mut violations = Vec::new();
        for (index, (module, allowed)) in self.map.iter().enumerate() {
            let imported = arrows.remove(module).unwrap_or_default();
            violations.extend(imported.difference(allowed).map(|extra| format!("{module} must not import {extra}")));
            violations.extend(allowed.difference(&imported).map(|unused| format!("{module} does not import {unused}")));
            let below: BTreeSet<_> = self.map[index + 1..].iter().map(|(name, _)| name.clone()).collect();
            violations.extend(allowed.difference(&below).map(|above| format!("{above} is not below {module}")));
        }
        violations.extend(arrows.into_keys().map(|module| format!("{module} is not in the map")));
        violations
    }

    /// Returns the uses of crates outside the modules that may use them.
    fn strangers(&self) -> Vec<String> {
        let mut strangers = Vec::new();
        for (name, homes) in CRATES {
            let used = regex(&format!(r"(?:^|[^a-zA-Z0-9_:]){name}::|use {name};"));
            for (module, file) in &self.files {
                if !module.is_empty() && !homes.contains(&module[0].as_str()) && used.is_match(&file.text) {
                    strangers.push(format!("{} must not use {name}", module.join("::")));
                }
            }
        }
        strangers
    }
}

#[test]
fn modules_import_each_other_as_the_map_says() {
    let tree = Tree::of_src();
    assert!(tree.map.len() > 8, "{:?}", tree.map);
    assert_eq!(tree.violations(), [""; 0]);
}

#[test]
fn crates_are_used_where_they_belong() {
    assert_eq!(Tree::of_src().strangers(), [""; 0]);
}

#[test]
fn files_import_each_other_in_one_direction() {
    assert_eq!(Tree::of_src().cycles(), [""; 0]);
}

const MAP: &str = "//! | [`http`] | otp | the calls |\n//! | [`otp`] |  | the domain |\n";

fn tree(files: &[(&str, &str)]) -> Tree {
    let files = [("lib.rs", MAP)].iter().chain(files);
    Tree::new(files.map(|&(path, text)| (path.to_owned(), text.to_owned())))
}

#[test]
fn an_import_that_the_map_lacks_is_found() {
    let http = ("http/mod.rs", "use crate::otp::Code;");
    assert_eq!(tree(&[http, ("otp.rs", "")]).violations(), [""; 0]);
    for import in
        ["use crate::http::Answer;", "fn a() { crate::http::answer() }", "use std::{fmt, io};\nuse super::{http::A};"]
    {
        assert_eq!(tree(&[http, ("otp.rs", import)]).violations(), ["otp must not import http"], "{import}");
    }
    let in_tests = "#[cfg(test)]\nmod tests {\n    use crate::http::Answer;\n}";
    assert_eq!(tree(&[http, ("otp.rs", in_tests)]).violations(), [""; 0]);
    assert_eq!(tree(&[http, ("otp.rs", ""), ("new.rs", "")]).violations(), ["new is not in the map"]);
    assert_eq!(tree(&[("http.rs", ""), ("otp.rs", "")]).violations(), ["http does not import otp"]);
}

#[test]
fn a_crate_in_the_wrong_module_is_found() {
    for text in ["use redis::Cmd;", "fn a(cmd: &redis::Cmd) {}", "use redis;"] {
        assert_eq!(tree(&[("otp/code.rs", text)]).strangers(), ["otp::code must not use redis"], "{text}");
    }
    assert_eq!(
        tree(&[("store.rs", "use redis::Cmd;"), ("app.rs", "use crate::store::redis::A;")]).strangers(),
        [""; 0]
    );
}

#[test]
fn a_cycle_between_files_is_found_through_reexports() {
    let parent = ("otp/mod.rs", "mod a;\nmod b;\npub use a::A;\npub use b::{self as c, B};");
    let (a, b) = (("otp/a.rs", "use super::B;\npub struct A;"), ("otp/b.rs", "pub struct B;"));
    assert_eq!(tree(&[parent, a, b]).cycles(), [""; 0]);
    let back = ("otp/b.rs", "use crate::otp::A;\npub struct B;");
    assert_eq!(tree(&[parent, a, back]).cycles(), ["otp::a imports otp::b", "otp::b imports otp::a"]);
}
