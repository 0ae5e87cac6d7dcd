//! A witness of who was inside: files that the commands themselves make, on which the product has no influence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The command of each acquisition. Making `inside` fails where it is there (`O_EXCL`), so two at once cannot go unseen.
const SCRIPT: &str = r#"set -C
{ : > inside; } 2>/dev/null || { echo "intruder $1 $DEPLOYER_FENCE" >> log; exit 99; }
echo "begin $1 $DEPLOYER_FENCE" >> log
sleep 0.01
echo "end $1 $DEPLOYER_FENCE" >> log
rm inside"#;

/// A directory that all commands work in.
pub struct Witness {
    directory: PathBuf,
}

/// One acquisition, as its command told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Which contender.
    pub who: String,
    /// The fencing token that the command was given.
    pub token: u64,
}

impl Witness {
    /// Watches a directory that is there.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What a contender runs under the lock.
    pub fn command(&self, who: &str) -> Vec<String> {
        ["sh", "-c", SCRIPT, "witness", who].map(str::to_owned).into()
    }

    /// All visits in order. Panics where two were inside at once, or one did not leave.
    #[track_caller]
    pub fn visits(&self) -> Vec<Visit> {
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap();
        let lines: Vec<Vec<&str>> = log.lines().map(|line| line.split(' ').collect()).collect();
        let visit = |pair: &[Vec<&str>]| {
            let [begin, end] = pair else { panic!("the last one did not leave: {pair:?}") };
            assert_eq!((begin[0], end[0], &begin[1..]), ("begin", "end", &end[1..]), "two at once");
            Visit { who: begin[1].to_owned(), token: begin[2].parse().unwrap() }
        };
        let visits = lines.chunks(2).map(visit).collect();
        assert!(!self.directory.join("inside").exists(), "somebody is still inside");
        visits
    }
}

/// How often each contender was inside.
pub fn count(visits: &[Visit]) -> BTreeMap<&str, usize> {
    visits.iter().fold(BTreeMap::new(), |mut counts, visit| {
        *counts.entry(visit.who.as_str()).or_default() += 1;
        counts
    })
}

#[test]
fn the_witness_sees_two_at_once() {
    let scene = |log: &str| {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("log"), log).unwrap();
        std::panic::catch_unwind(|| Witness::new(directory.path()).visits().len())
    };
    assert_eq!(scene("begin a 1\nend a 1\nbegin b 2\nend b 2\n").unwrap(), 2);
    for log in [
        "begin a 1\nbegin b 2\nend a 1\nend b 2\n",
        "begin a 1\nintruder b 2\nend a 1\n",
        "begin a 1\nend a 2\n",
        "begin a 1\n",
    ] {
        assert!(scene(log).is_err(), "{log}");
    }
}
