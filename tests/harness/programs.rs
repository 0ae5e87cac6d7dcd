//! The programs under test: built once per test run, by the same command as `make build`.
//!
//! Cargo gives a test the path of its own package's programs only, so the first World of a run asks Cargo to build the
//! two programs (which takes a fraction of a second when nothing has changed). `DEPLOYER_TEST_PROGRAMS` names a
//! directory with programs that are tested as they are, such as those of a package.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The directory that holds `deployer` and `deployerd`.
pub fn directory() -> &'static Path {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os("DEPLOYER_TEST_PROGRAMS") {
        Some(directory) => PathBuf::from(directory),
        None => built(),
    });
    &DIRECTORY
}

/// The command line.
pub fn deployer() -> PathBuf {
    directory().join("deployer")
}

/// The daemon.
pub fn deployerd() -> PathBuf {
    directory().join("deployerd")
}

/// The top of the source tree.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace")
}

fn built() -> PathBuf {
    // The test itself is target/<profile>/deps/<name>.
    let own = std::env::current_exe().expect("the test knows its own path");
    let profile = own.ancestors().nth(2).expect("tests are run by Cargo").to_owned();
    let marker = std::env::var("NEXTEST_RUN_ID").ok().map(|run| profile.join(format!("programs-{run}")));
    let lock = File::create(profile.join("programs.lock")).expect("the target directory can be written");
    lock.lock().expect("a lock in the target directory");
    if marker.as_ref().is_some_and(|marker| marker.exists()) {
        return profile;
    }
    build(&profile);
    if let Some(marker) = marker {
        forget_older_runs(&profile);
        File::create(marker).expect("the target directory can be written");
    }
    profile
}

/// nextest runs each test in a process of its own: the first one of a run leaves a marker for the others.
fn forget_older_runs(profile: &Path) {
    for entry in profile.read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.starts_with("programs-") {
            let _gone = std::fs::remove_file(entry.path());
        }
    }
}

fn build(profile: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root()).args(["build", "--quiet", "--locked"]);
    command.args(["--package", "deployer-cli", "--package", "deployer-daemon"]);
    command.arg("--target-dir").arg(profile.parent().expect("target/<profile>"));
    if profile.ends_with("release") {
        command.arg("--release");
    }
    // What Cargo tells a test of its own package is watched by build scripts of dependencies: handed on, it would have
    // them, and all that stands on them, built anew.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    let status = command.status().expect("Cargo can be run");
    assert!(status.success(), "the programs could not be built");
}
