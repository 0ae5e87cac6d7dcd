//! How the process starts: arguments, a place of its own, readiness, then [`crate::run()`].

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use deployer_domain::error::{Error, Reason, Result};

use crate::config::Config;
use crate::instance::Instance;
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
    /// Serves callers from this protocol version on, for tests.
    #[arg(long, hide = true, requires = "protocol")]
    oldest_protocol: Option<u32>,
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
        (config.protocol, config.oldest_protocol) = (protocol, arguments.oldest_protocol.unwrap_or(protocol));
    }
    if private.is_none() {
        instance::open_state_directory(&config.endpoint.state_directory)?;
    }
    let instance = match config.private || lent() {
        true => None,
        false => match instance::claim(&config.endpoint)? {
            Some(instance) => Some(instance),
            None => {
                tell(RUNNING);
                return Ok(());
            }
        },
    };
    crate::log::start(&config.endpoint.state_directory, config.log_level, config.largest_log)
        .map_err(|error| internal("open the log", &error))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "started");
    let runtime = runtime()?;
    let ended = runtime.block_on(serve(config, instance, !arguments.foreground));
    // A blocked call to a keyring or a file is no reason to stay.
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing::info!("ended");
    ended
}

async fn serve(config: Config, instance: Option<Instance>, detached: bool) -> Result<()> {
    // Before anybody can call, so that a signal to a daemon that answers is never lost.
    let shutdown = signals::asked_to_end().map_err(|error| internal("listen for signals", &error))?;
    let life = Life::new(config.idle_exit);
    let ports = crate::world::ports(&config, life)?;
    let listener = listener(&config, instance.as_ref())?;
    tell(READY);
    if detached {
        let_go_of_terminal(config.private).map_err(|error| internal("let go of the terminal", &error))?;
    }
    crate::run(config, ports, listener, shutdown).await
}

/// Whether a service manager holds the socket: then it decides that there is one daemon.
fn lent() -> bool {
    std::env::var_os("LISTEN_FDS").is_some()
}

fn listener(config: &Config, instance: Option<&Instance>) -> Result<Listener> {
    if let Some(instance) = instance {
        instance.describe(config.protocol)?;
        let (listener, file) = instance.listen(&config.endpoint.socket)?;
        return Ok(Listener::Own(listener, file));
    }
    if config.private {
        let stdin = io::stdin();
        let stream = stdin.as_fd().try_clone_to_owned().map_err(|error| internal("use its caller", &error))?;
        return Ok(Listener::Single(stream.into()));
    }
    match listenfd::ListenFd::from_env().take_unix_listener(0) {
        Ok(Some(listener)) => Ok(Listener::Lent(listener)),
        Ok(None) => Err(internal("use the service manager's socket", &io::Error::other("it lent none"))),
        Err(error) => Err(internal("use the service manager's socket", &error)),
    }
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
    instance::with_next_step(Error::new(Reason::Internal, format!("the daemon could not {what}: {error}")), error)
}
