//! The packages of the programs under test, and the tools that make and read them.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use crate::aws::python_environment;
use crate::scenes::PASSWORD;
use crate::{Command, World, programs};

/// The programs of a debug build are large.
pub const LONG: Duration = Duration::from_secs(300);
const TARGET: &str = "x86_64-unknown-linux-musl";
/// The archive among them.
pub const ARCHIVE: &str = "deployer-x86_64-unknown-linux-musl.tar.gz";

/// The room that says how things are shipped.
pub fn packaging() -> PathBuf {
    programs::root().join("packaging")
}

/// A program of the Python environment.
pub fn tool(name: &str) -> PathBuf {
    python_environment().join("bin").join(name)
}

/// Packages of the programs under test. Each test is a process of its own, and to make them takes half a minute: the first
/// one makes them for all, until something that goes into them changes.
pub fn made() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let directory = programs::root().join("target/packages-under-test");
        std::fs::create_dir_all(&directory).expect("a directory");
        let lock = std::fs::File::create(directory.join("lock")).expect("a file");
        lock.lock().expect("a lock");
        let stamp = directory.join("stamp");
        let ingredients = ingredients();
        if std::fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == ingredients) {
            return directory;
        }
        let (stripped, out) = (directory.join("programs"), directory.join("out"));
        for old in [&stripped, &out] {
            let _none = std::fs::remove_dir_all(old);
        }
        std::fs::create_dir(&stripped).expect("a directory");
        for program in [programs::deployer(), programs::deployerd()] {
            let to = stripped.join(program.file_name().expect("a name"));
            shell().args([Path::new("strip"), Path::new("-o"), &to, &program]).run().succeeds();
        }
        package(&stripped, &out);
        std::fs::write(stamp, ingredients).expect("a file");
        directory
    });
    &MADE
}

/// The sizes and times of all that goes into the packages.
fn ingredients() -> String {
    let folders = ["packaging", "packaging/systemd", "packaging/launchd", "packaging/homebrew"];
    let files = folders.iter().flat_map(|folder| programs::root().join(folder).read_dir().expect("a directory"));
    let mut files: Vec<PathBuf> =
        files.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    files.extend([programs::deployer(), programs::deployerd()]);
    files.extend(["CHANGELOG.md", "cli/Cargo.toml", "tests/setup"].map(|file| programs::root().join(file)));
    files.sort();
    let of = |path: &PathBuf| {
        let found = path.metadata().expect("a file");
        format!("{} {} {:?}\n", path.display(), found.len(), found.modified().expect("a time"))
    };
    files.iter().map(of).collect()
}

/// Where they are.
pub fn out() -> PathBuf {
    made().join("out")
}

/// Makes packages of programs.
#[track_caller]
pub fn package(programs: &Path, out: &Path) {
    let command = shell().args([packaging().join("package").as_path(), programs, Path::new(TARGET), out]);
    let command = command.env("PACKAGERS", python_environment().join("bin")).env("PACKAGE_FAST", "1");
    let command = command.env("SOURCE_DATE_EPOCH", "1700000000").envs(cargo());
    command.deadline(LONG).run().succeeds();
}

/// Where this test's own cargo is: the maker of the deb asks it about the crate.
fn cargo() -> Vec<(&'static str, String)> {
    let known = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "PATH"].map(|name| (name, std::env::var(name)));
    known.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))).collect()
}

/// A program by its name, which is the first argument.
pub fn shell() -> Command {
    Command::new("env")
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/nonexistent")
        .deadline(LONG)
}

/// All that a user of an installation does first, with its own programs.
#[track_caller]
pub fn works(bin: &Path) {
    let world = World::new();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let address = format!("local:{}", world.directory().join("deployer.db").display());
    let run = |arguments: &[&str], stdin: &str| {
        world.program(bin.join("deployer")).args(arguments).env("PATH", &path).stdin(stdin).run()
    };
    run(&["admin", "bootstrap", "--backend", &address, "--password-stdin"], PASSWORD).succeeds();
    run(&["admin", "login", "--backend", &address, "--password-stdin"], PASSWORD).succeeds();
    let secret = run(&["tenant", "init", "web-team", "-q"], "").succeeds().stdout;
    run(&["login", "--tenant", "web-team", "--backend", &address, "--secret-stdin"], secret.trim()).succeeds();
    run(&["stack", "init", "hello"], "").succeeds();
    run(&["apply", "--stack", "hello", "--environment", "development", "--yes"], "").succeeds();
    let daemon = std::fs::read_link(format!("/proc/{}/exe", world.daemon().expect("a daemon"))).expect("a program");
    assert_eq!(
        daemon,
        bin.join("deployerd").canonicalize().expect("a program"),
        "the daemon is the one that was installed"
    );
    run(&["daemon", "stop", "--force"], "").succeeds();
}

/// How many manual pages lie below a prefix.
pub fn pages(root: &Path) -> usize {
    root.join("share/man/man1").read_dir().expect("a directory").count()
}

/// A release as it lies on a server.
pub fn release() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let latest = directory.path().join("latest");
    std::fs::create_dir(&latest).expect("a directory");
    for name in [ARCHIVE, "SHA256SUMS"] {
        std::fs::copy(out().join(name), latest.join(name)).expect("a copy");
    }
    directory
}
