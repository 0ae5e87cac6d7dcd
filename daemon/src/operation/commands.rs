//! What the commands of one run need: their guard, their environment, and the directories that they run in.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::port_error::Attempted;
use deployer_domain::run::Redactor;
use deployer_domain::source::SourceHash;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::Ports;
use super::authorise::TenantAccess;
use super::start_run::no_environment;
use crate::engine::command::CommandEngine;
use crate::engine::process::{Guard, GuardStart, Launched};
use crate::lease::HeldLease;
use crate::run::{Run, alive_file};
use crate::source;

/// Between SIGTERM and SIGKILL when the guard ends commands by itself: all must be over before a successor may begin.
const GUARD_GRACE: Duration = Duration::from_secs(4);
/// What no command ever sees.
const NEVER: [&str; 6] = [
    "DEPLOYER_SECRET",
    "DEPLOYER_ADMIN_PASSWORD",
    "DEPLOYER_NEW_ADMIN_PASSWORD",
    "DEPLOYER_OTP",
    "DEPLOYER_NEW_OTP",
    "DEPLOYER_NEW_OTP_KEY",
];
/// Credentials of the caller that commands may use but must not show.
const MASKED: [&str; 2] = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// What commands of a run are started for.
pub struct Start<'a> {
    /// The outside world.
    pub ports: &'a Ports,
    /// Whose environment they see.
    pub caller: &'a Caller,
    /// As whom.
    pub access: &'a TenantAccess,
    /// The environment of the stack.
    pub space: &'a StackSpace,
    /// The run.
    pub run: &'a Arc<Run>,
    /// The lock that they run under.
    pub lease: &'a Arc<HeldLease>,
    /// Where `apply` runs.
    pub directory: Option<PathBuf>,
    /// The source in which `destroy` runs, where something is to be taken away.
    pub source: Option<String>,
    /// Whether something is served to them on loopback.
    pub serves: bool,
    /// What must not be shown.
    pub secrets: Vec<SecretString>,
    /// The guard's process, where it was started while the lock was asked for.
    pub waiting: Option<WaitingGuard>,
}

/// What any commands are started in.
pub struct Surroundings<'a> {
    /// The outside world.
    pub ports: &'a Ports,
    /// Whose environment they see.
    pub caller: &'a Caller,
    /// Where sources are kept.
    pub backend: &'a Backend,
    /// The environment of the stack.
    pub space: &'a StackSpace,
    /// What they see besides.
    pub own: Vec<(&'static str, String)>,
    /// A private directory for their files.
    pub files: &'a Path,
    /// Where `apply` and `check` run; none: in the source.
    pub directory: Option<PathBuf>,
    /// The source that is unpacked for them, where it is needed.
    pub source: Option<String>,
    /// Whether something is served to them on loopback.
    pub serves: bool,
    /// What must not be shown.
    pub secrets: Vec<SecretString>,
    /// The guard's process, where it was started before.
    pub waiting: Option<WaitingGuard>,
}

/// The process of a guard, with the port on which something is to be served to its children.
pub struct WaitingGuard {
    launched: Launched,
    port: Option<TcpListener>,
}

impl WaitingGuard {
    /// Starts one; `serves` says whether something is served to its children on loopback.
    pub fn launch(ports: &Ports, serves: bool) -> Result<Self> {
        let port = serves.then(|| TcpListener::bind(("127.0.0.1", 0))).transpose().map_err(cannot_listen)?;
        let kept = port.as_ref().map(TcpListener::try_clone).transpose().map_err(cannot_listen)?;
        let launched = Launched::launch(&ports.runs.settings().program, kept).map_err(not_started)?;
        Ok(Self { launched, port })
    }
}

/// A guard, and what its commands need.
pub struct Commands {
    guard: Guard,
    port: Option<TcpListener>,
    directory: PathBuf,
    removal_directory: PathBuf,
    outputs: PathBuf,
    redactor: Redactor,
    grace: Duration,
    deadlines: Option<tokio::task::JoinHandle<()>>,
}

/// Starts a guard without a lease: for commands that change nothing.
pub async fn open_commands(mut start: Surroundings<'_>) -> Result<Commands> {
    let environment = environment(&start)?;
    let masked = MASKED.iter().filter_map(|name| environment.get(*name)).cloned();
    let redactor = Redactor::new(&start.secrets.iter().cloned().chain(masked).collect::<Vec<_>>());
    let outputs = private_directory(start.files, "outputs")?;
    let settings = start.ports.runs.settings();
    let grace = GUARD_GRACE.min(settings.grace);
    let begin = GuardStart { environment, alive: alive_file(start.files), grace, umask: start.caller.umask() };
    let WaitingGuard { launched, port } =
        match start.waiting.take().filter(|found| found.port.is_some() == start.serves) {
            Some(found) => found,
            None => WaitingGuard::launch(start.ports, start.serves)?,
        };
    let (guard, removal_directory) = tokio::join!(Guard::start(launched, begin), removal_directory(&start));
    let guard = guard.map_err(not_started)?;
    let removal_directory = removal_directory?;
    Ok(Commands {
        guard,
        port,
        directory: start.directory.unwrap_or_else(|| removal_directory.clone()),
        removal_directory,
        outputs,
        redactor,
        grace: settings.grace,
        deadlines: None,
    })
}

impl Commands {
    /// Starts a run's guard under its lease, and unpacks the source where it is needed.
    pub async fn start(start: Start<'_>) -> Result<Self> {
        let own =
            vec![("DEPLOYER_RUN_ID", start.run.id().to_string()), ("DEPLOYER_FENCE", start.lease.token().to_string())];
        let mut commands = open_commands(Surroundings {
            ports: start.ports,
            caller: start.caller,
            backend: &start.access.backend,
            space: start.space,
            own,
            files: start.run.directory(),
            directory: start.directory,
            source: start.source,
            serves: start.serves,
            secrets: start.secrets,
            waiting: start.waiting,
        })
        .await?;
        commands.deadlines = Some(follow_deadlines(start.lease, &commands.guard));
        Ok(commands)
    }

    /// The engine that runs commands under this guard.
    pub fn engine(&self, cancel: CancellationToken) -> CommandEngine {
        CommandEngine {
            guard: self.guard.clone(),
            directory: self.directory.clone(),
            removal_directory: self.removal_directory.clone(),
            outputs: self.outputs.clone(),
            redactor: self.redactor.clone(),
            cancel,
            grace: self.grace,
        }
    }

    /// The guard itself.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The port on which something is served to the commands.
    pub fn port(&self) -> Result<TcpListener> {
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        self.port.as_ref().ok_or_else(missing).and_then(TcpListener::try_clone).map_err(cannot_listen)
    }

    /// What masks sensitive values.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Ends the guard; nothing that it started is left when this answers.
    pub async fn end(&self) {
        self.guard.end().await;
        if let Some(deadlines) = &self.deadlines {
            deadlines.abort();
        }
    }
}

fn not_started(error: std::io::Error) -> Error {
    Error::new(Reason::Internal, "the guard of the commands could not be started").caused_by(error)
}

fn cannot_listen(error: std::io::Error) -> Error {
    Error::new(Reason::Internal, "cannot listen on loopback for Terraform").caused_by(error)
}

/// Tells the guard each new deadline, the first one before this answers.
fn follow_deadlines(lease: &Arc<HeldLease>, guard: &Guard) -> tokio::task::JoinHandle<()> {
    let (mut deadlines, guard) = (lease.guard(), guard.clone());
    guard.set_deadline(*deadlines.borrow_and_update());
    tokio::spawn(async move {
        while deadlines.changed().await.is_ok() {
            guard.set_deadline(*deadlines.borrow_and_update());
        }
    })
}

/// The caller's environment without secrets of ours, and with what every command may want to know.
fn environment(start: &Surroundings<'_>) -> Result<BTreeMap<String, SecretString>> {
    let mut environment = start.caller.full_environment.clone().ok_or_else(no_environment)?;
    environment.retain(|name, value| !NEVER.contains(&name.as_str()) && is_sound(name, value));
    let lock = start.space.lock();
    let place = [
        ("DEPLOYER_TENANT", lock.tenant.to_string()),
        ("DEPLOYER_STACK", lock.stack.to_string()),
        ("DEPLOYER_ENVIRONMENT", lock.environment.to_string()),
    ];
    let own = place.into_iter().chain(start.own.iter().cloned());
    environment.extend(own.map(|(name, value)| (name.to_owned(), value.into())));
    Ok(environment)
}

/// Whether the system takes a variable; a single bad one would keep every command from starting.
fn is_sound(name: &str, value: &SecretString) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.expose_secret().contains('\0')
}

fn private_directory(below: &Path, name: &str) -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let path = below.join(name);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&path)
        .map_err(|error| Error::new(Reason::Internal, format!("cannot create {}", path.display())).caused_by(error))?;
    Ok(path)
}

/// The unpacked source of what is deployed; an empty directory where there is none.
async fn removal_directory(start: &Surroundings<'_>) -> Result<PathBuf> {
    let directory = private_directory(start.files, "source")?;
    let Some(hash) = &start.source else { return Ok(directory) };
    let hash: SourceHash = hash.parse()?;
    let (key, backend) = (start.space.source(&hash.0), start.backend);
    let read = backend.objects.read(&key).await.attempted(format!("read {key}"), &backend.place.address)?;
    let Some(object) = read else {
        tracing::warn!(%key, "a source is gone; its commands run in an empty directory");
        return Ok(directory);
    };
    let into = directory.clone();
    super::blocking(move || source::unpack(&object.bytes, &hash, &into)).await?;
    Ok(directory)
}
