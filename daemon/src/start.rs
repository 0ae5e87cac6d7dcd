//! How the process starts: arguments, a place of its own, readiness, then [`crate::run`].

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use deployer_domain::error::{Error, Reason, Result};

use crate::config::Config;
use crate::life::Life;
use crate::private::PrivateDirectory;
use crate::serve::Listener;
use crate::{inherited, instance, signals};

/// The per-user daemon of deployer. The `deployer` command starts it when it is needed.
#[derive(Parser)]
#[command(name = "deployerd", version, about)]
struct Arguments {
    /// Stays in its terminal's session and keeps its directory and standard error.
    #[arg(long)]
    foreground: bool,
    /// Serves one caller, connected to standard input, with its files in this directory, and ends with it.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "foreground")]
    private: Option<PathBuf>,
    /// Speaks another protocol version, for tests.
    #[arg(long, hide = true)]
    protocol: Option<u32>,
}

/// What is told to whoever started the daemon, on standard output.
const READY: &str = "ready\n";
/// The same where another daemon serves already.
const RUNNING: &str = "running\n";

/// Runs the program.
pub fn main() -> ExitCode {
    inherited::close_descriptors();
    let arguments = Arguments::parse();
    match begin(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&failure(&error));
            ExitCode::FAILURE
        }
    }
}

fn begin(arguments: Arguments) -> Result<()> {
    settle(!arguments.foreground)?;
    let private = arguments.private.as_deref().map(PrivateDirectory::create).transpose()?;
    let mut config = Config::from_environment(private.as_ref().map(PrivateDirectory::path))?;
    if let Some(protocol) = arguments.protocol {
        (config.protocol, config.oldest_protocol) = (protocol, protocol);
    }
    if private.is_none() {
        instance::open_state_directory(&config.endpoint.state_directory)?;
    }
    let Some((listener, _instance)) = listener(&config)? else {
        tell(RUNNING);
        return Ok(());
    };
    crate::log::start(&config.endpoint.state_directory, config.log_level, config.largest_log)
        .map_err(|error| internal("open the log", &error))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "started");
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let shutdown = signals::asked_to_end().map_err(|error| internal("listen for signals", &error))?;
        let life = Life::new(config.idle_exit);
        let ports = crate::world::ports(&config, life)?;
        tell(READY);
        if !arguments.foreground {
            let_go_of_terminal(config.private).map_err(|error| internal("let go of the terminal", &error))?;
        }
        crate::run(config, ports, listener, shutdown).await
    });
    // A blocked call to a keyring or a file is no reason to stay.
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing::info!("ended");
    ended
}

fn listener(config: &Config) -> Result<Option<(Listener, Option<instance::Instance>)>> {
    if config.private {
        let stream = io::stdin();
        let stream =
            std::os::fd::AsFd::as_fd(&stream).try_clone_to_owned().map_err(|e| internal("use its caller", &e))?;
        return Ok(Some((Listener::Single(stream.into()), None)));
    }
    if let Some(lent) = listenfd::ListenFd::from_env().take_unix_listener(0).ok().flatten() {
        return Ok(Some((Listener::Lent(lent), None)));
    }
    let Some(instance) = instance::claim(&config.endpoint)? else { return Ok(None) };
    instance.describe(config.protocol)?;
    let (listener, file) = instance.listen(&config.endpoint.socket)?;
    Ok(Some((Listener::Own(listener, file), Some(instance))))
}

/// Gives the process a place of its own: no core dumps, files for its owner only, its own session, the root directory.
fn settle(detached: bool) -> Result<()> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|error| internal("forbid core dumps", &error.into()))?;
    if detached {
        // Refused for a process that leads a group already, which is as good.
        let _ = rustix::process::setsid();
        std::env::set_current_dir("/").map_err(|error| internal("leave its directory", &error))?;
    }
    Ok(())
}

/// A private daemon keeps standard output: its caller sees there when it has ended.
fn let_go_of_terminal(private: bool) -> io::Result<()> {
    let nothing = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    if !private {
        rustix::stdio::dup2_stdout(&nothing)?;
    }
    rustix::stdio::dup2_stderr(&nothing)?;
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| internal("start its runtime", &error))
}

/// Writes to standard output; whoever started the daemon may have left.
fn tell(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn failure(error: &Error) -> String {
    let mut lines = format!("failed {}\n", one_line(&error.to_string()));
    for (label, value) in &error.facts {
        lines.push_str(&format!("fact {label}: {}\n", one_line(value)));
    }
    for hint in &error.hints {
        lines.push_str(&format!("hint {}\n", one_line(hint)));
    }
    lines
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn internal(what: &str, error: &io::Error) -> Error {
    Error::new(Reason::Internal, format!("the daemon could not {what}: {error}"))
}
