//! Who may mention whom, read from the sources and from Cargo.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::programs::root;

/// A room, and what its sources must not mention.
const ROOMS: [(&str, &[&str]); 11] = [
    ("proto/src", &["deployer_domain", "deployer_daemon", "deployer_cli", "aws_", "keyring"]),
    (
        "daemon/domain/src",
        &["tonic", "prost", "tokio", "aws_", "keyring_core", "std::env", "std::fs", "Timestamp::now", "Instant::now"],
    ),
    ("daemon/domain/model/src", &["tokio", "aws_", "std::env", "std::fs", "Timestamp::now", "Instant::now"]),
    ("daemon/src/rpc", &["aws_", "crate::aws", "crate::embedded", "crate::engine", "crate::keyring", "std::fs"]),
    ("daemon/src/operation", &["deployer_proto", "tonic", "aws_", "crate::aws", "crate::embedded", "crate::rpc"]),
    ("daemon/src/task", &["deployer_proto", "tonic", "aws_", "crate::aws", "crate::rpc"]),
    ("daemon/src/aws", &["deployer_proto", "tonic", "crate::rpc", "crate::operation"]),
    ("daemon/src/embedded", &["deployer_proto", "tonic", "aws_", "crate::rpc", "crate::operation"]),
    ("daemon/src/engine", &["deployer_proto", "tonic", "crate::rpc", "crate::operation"]),
    ("daemon/src/keyring", &["deployer_proto", "tonic", "aws_", "crate::rpc", "crate::operation"]),
    ("cli/src", &["deployer_domain", "deployer_daemon", "aws_", "keyring_core", "rusqlite"]),
];

/// Crates of ours, and which others of ours they may use.
const CRATES: [(&str, &[&str]); 6] = [
    ("deployer-proto", &[]),
    ("deployer-domain", &[]),
    ("deployer-model", &["deployer-domain"]),
    ("deployer-daemon", &["deployer-domain", "deployer-proto"]),
    ("deployer-cli", &["deployer-proto"]),
    ("deployer-tests", &["deployer-proto"]),
];

fn sources(room: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut rooms = vec![root().join(room), root().join(format!("{room}.rs"))];
    while let Some(path) = rooms.pop() {
        if path.is_dir() {
            rooms.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && path.exists() {
            found.push(path);
        }
    }
    found
}

/// The code of a file: lines that are no comments and no tests, with their numbers.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let text = if is_test(path) { "" } else { text.split("#[cfg(test)]\nmod tests {").next().unwrap() };
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim().to_owned()));
    lines.filter(|(_, line)| !line.starts_with("//")).collect()
}

fn is_test(path: &Path) -> bool {
    let path = path.strip_prefix(root()).unwrap();
    path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
}

/// Whether a line names something, not only a longer or shorter word like it.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !joins(before) && (word.ends_with('_') || !joins(after))
    })
}

#[test]
fn no_room_mentions_what_it_must_not_know() {
    let mut found = Vec::new();
    for (room, forbidden) in ROOMS {
        for path in sources(room) {
            for (number, line) in code(&path) {
                for word in forbidden.iter().filter(|word| names(&line, word)) {
                    found.push(format!("{}:{number} mentions {word}", path.strip_prefix(root()).unwrap().display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn only_the_aws_room_knows_the_sdk_and_few_places_start_children() {
    let spawners = ["daemon/src/engine/process.rs", "daemon/src/aws/profile.rs"];
    for path in sources("daemon/src") {
        let shown = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        for (number, line) in code(&path) {
            let at = format!("{shown}:{number}: {line}");
            assert!(shown.starts_with("daemon/src/aws") || !names(&line, "aws_sdk_"), "{at}");
            assert!(!line.contains("Command::new(") || spawners.contains(&shown.as_str()), "{at}");
        }
    }
}

#[test]
fn crates_use_only_those_below_them() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert_eq!(packages.len(), CRATES.len());
    for (name, allowed) in CRATES {
        let package = packages.iter().find(|package| package["name"] == name).unwrap();
        let normal = package["dependencies"].as_array().unwrap().iter().filter(|it| it["kind"] != "dev");
        let used: BTreeSet<_> = normal.filter_map(|it| it["name"].as_str()).collect();
        let ours: Vec<_> = used.iter().filter(|used| used.starts_with("deployer-")).copied().collect();
        assert_eq!(ours, allowed, "{name}");
        let sdk: Vec<_> = used.iter().filter(|used| used.starts_with("aws-")).collect();
        assert!(name == "deployer-daemon" || sdk.is_empty(), "{name} uses {sdk:?}");
    }
}

#[test]
fn the_top_of_the_house_has_no_other_rooms() {
    let fixed = "Cargo.toml proto daemon cli tests packaging infrastructure README.md";
    let usual = "Cargo.lock CHANGELOG.md LICENSE Makefile rust-toolchain.toml rustfmt.toml clippy.toml deny.toml docs \
                 editors target node_modules";
    let known: BTreeSet<_> = fixed.split(' ').chain(usual.split_whitespace()).collect();
    for entry in root().read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with('.') || known.contains(name.as_str()), "{name} does not belong at the top");
    }
}

#[test]
fn no_file_has_grown_too_large() {
    const LARGEST: usize = 16 << 10;
    for room in ["proto/src", "daemon/domain/src", "daemon/domain/model/src", "daemon/src", "cli/src", "tests/harness"]
    {
        for path in sources(room) {
            let size: usize = code(&path).iter().map(|(_, line)| line.len()).sum();
            assert!(size <= LARGEST, "{} has {size} bytes of code: it wants to be two", path.display());
        }
    }
}
