//! Plans as they are printed: one directory in `tests/golden/plans` each, with what is deployed (`before.yaml`, if
//! anything), what is planned (`stack.yaml`), with which `arguments`, and what comes of it as text and as JSON.
//!
//! `DEPLOYER_GOLDEN=write` writes the files anew; what changed is then read in the diff.

use std::fs;
use std::path::{Path, PathBuf};

use harness::scenes::{Platform, team};

fn plan(team: &Platform, directory: &Path, more: &[&str]) -> String {
    let arguments = fs::read_to_string(directory.join("arguments")).unwrap_or_default();
    let all = ["plan", "--stack", "shop"].into_iter().chain(arguments.lines()).chain(more.iter().copied());
    let text = team.world.run(all).succeeds().stdout;
    // What a sensitive value is compared under is another key for each tenant.
    let digest = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| match word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()) {
            bare if digest(bare) => word.replace(bare, "DIGEST"),
            _ => word.to_owned(),
        })
        .collect()
}

fn planned(directory: &Path) -> [(&'static str, String); 2] {
    let team = team();
    let copy = |from: &str| {
        let text = fs::read_to_string(directory.join(from)).ok()?;
        Some(team.world.write("shop/stack.yaml", &text))
    };
    if copy("before.yaml").is_some() {
        // Also one that fails leaves something behind.
        let applied = team.apply("shop");
        assert!(matches!(applied.code, Some(0 | 1)), "{applied}");
    }
    copy("stack.yaml").unwrap();
    [("plan.txt", plan(&team, directory, &[])), ("plan.json", plan(&team, directory, &["-o", "json"]))]
}

#[test]
fn plans_are_printed_as_they_always_were() {
    let root = harness::programs::root().join("tests/golden/plans");
    let write = std::env::var_os("DEPLOYER_GOLDEN").is_some_and(|value| value == "write");
    let mut directories: Vec<PathBuf> = root.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    directories.sort();
    assert!(directories.len() >= 10);
    let mut differences = Vec::new();
    for directory in directories {
        for (name, now) in planned(&directory) {
            let path = directory.join(name);
            if write {
                fs::write(&path, &now).unwrap();
            } else if fs::read_to_string(&path).unwrap_or_default() != now {
                differences.push(format!("{} is now:\n{now}", path.display()));
            }
        }
    }
    assert!(differences.is_empty(), "DEPLOYER_GOLDEN=write writes them anew:\n{}", differences.join("\n"));
}
