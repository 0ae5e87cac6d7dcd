//! Programs of others with the same shape: a short client of a background process of the same user.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::measure::Contender;

const PATIENCE: Duration = Duration::from_secs(20);

/// A peer, with its background process running in a home of its own.
pub struct Peer {
    /// The command that is measured.
    pub name: &'static str,
    home: tempfile::TempDir,
    program: PathBuf,
    arguments: Vec<String>,
    any_exit: bool,
    background: Option<Child>,
    at_end: Option<&'static str>,
}

/// A peer that is not here.
pub struct Missing {
    /// The command that would be measured.
    pub name: &'static str,
    /// Why, and how to have it.
    pub why: String,
}

impl Peer {
    /// Its command, to be measured.
    pub fn contender(&self) -> Contender {
        let mut command = self.command();
        command.args(&self.arguments);
        match self.any_exit {
            true => Contender::with_any_exit(command),
            false => Contender::new(command),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        isolate(&mut command, self.home.path());
        command
    }

    fn ready(&self) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let output = self.command().args(&self.arguments).output()?;
            if output.status.success() || (self.any_exit && output.status.code() == Some(1)) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(String::from_utf8_lossy(&output.stderr).trim().into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(word) = self.at_end {
            let _ = self.command().arg(word).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        if let Some(mut background) = self.background.take() {
            let _ = background.kill();
            let _ = background.wait();
        }
    }
}

/// `pueue status` with an empty queue.
pub fn pueue() -> Result<Peer, Missing> {
    start("pueue status", "pueue", |program| {
        let home = tempfile::tempdir()?;
        let path = home.path().display();
        let settings = home.path().join("pueue.yml");
        std::fs::write(
            &settings,
            format!(
                "shared:\n  pueue_directory: {path}\n  runtime_directory: {path}\n  use_unix_socket: true\nclient: {{}}\ndaemon: {{}}\n"
            ),
        )?;
        let settings = settings.to_string_lossy().into_owned();
        let mut daemon = Command::new(program.with_file_name("pueued"));
        isolate(&mut daemon, home.path());
        let daemon = daemon.args(["-c", &settings]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let arguments = ["-c", &settings, "status"].map(str::to_owned).into();
        let (background, any_exit, at_end) = (Some(daemon), false, None);
        Ok(Peer { name: "pueue status", home, program, arguments, any_exit, background, at_end })
    })
}

/// `rbw unlocked` of an agent that holds no key: it asks the agent and says no.
pub fn rbw() -> Result<Peer, Missing> {
    start("rbw unlocked", "rbw", |program| {
        let home = tempfile::tempdir()?;
        std::fs::create_dir_all(home.path().join("rbw"))?;
        let settings = r#"{"email":"bench@example.com","base_url":"http://127.0.0.1:9","lock_timeout":3600}"#;
        std::fs::write(home.path().join("rbw/config.json"), settings)?;
        let arguments = vec!["unlocked".to_owned()];
        let (background, any_exit, at_end) = (None, true, Some("stop-agent"));
        Ok(Peer { name: "rbw unlocked", home, program, arguments, any_exit, background, at_end })
    })
}

fn start(name: &'static str, package: &str, make: impl FnOnce(PathBuf) -> Outcome<Peer>) -> Result<Peer, Missing> {
    let Some(program) = installed(package) else {
        return Err(Missing { name, why: format!("not installed: cargo install --locked {package}") });
    };
    let ready = make(program).and_then(|peer| peer.ready().map(|()| peer));
    ready.map_err(|error| Missing { name, why: format!("installed, but it could not be started: {error}") })
}

/// Where a program is, on the path of this process.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

fn isolate(command: &mut Command, home: &Path) {
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8");
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
        command.env(name, home);
    }
    command.current_dir(home);
}
