//! The engine of `command` components: the shell, under the run's guard.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use deployer_domain::engine::{Adopted, Condition, Drift, DriftState, Engine, EngineResult, Failure, Health, Listener};
use deployer_domain::expression::Resolved;
use deployer_domain::name::ComponentId;
use deployer_domain::plan::{CommandRun, Outcome, Prepared, Proposal, Removal, Work};
use deployer_domain::run::{MAX_OUTPUTS, OutputStream, Redactor, parse_outputs};
use deployer_domain::state::Intent;
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::guard::message::{Ending, Exit, Stream};
use super::process::{ChildEvent, ChildStart, Guard};

/// How much of a command's last line is shown as the reason of its failure.
const REASON: usize = 300;

/// Runs the commands of one run's components.
pub struct CommandEngine {
    /// Under which they run.
    pub guard: Guard,
    /// Where `apply` runs.
    pub directory: PathBuf,
    /// Where `destroy` runs.
    pub removal_directory: PathBuf,
    /// A private directory for the files that outputs are written to.
    pub outputs: PathBuf,
    /// Masks sensitive values in what they print.
    pub redactor: Redactor,
    /// Fires when they are to end.
    pub cancel: CancellationToken,
    /// Between SIGTERM and SIGKILL.
    pub grace: Duration,
}

/// One shell text to be run.
struct Script<'a> {
    text: &'a str,
    environment: &'a BTreeMap<String, Resolved>,
    timeout: Option<Duration>,
    directory: &'a PathBuf,
}

/// What became of a shell text.
struct Ran {
    exit: Exit,
    /// The last line that was not empty; what was printed to standard error is preferred.
    last: String,
}

#[async_trait]
impl Engine for CommandEngine {
    async fn plan(&self, _: &ComponentId, _: &Prepared) -> EngineResult<Option<Proposal>> {
        // Nobody knows what a command does before it runs.
        Ok(None)
    }

    async fn apply(&self, id: &ComponentId, wanted: &Prepared, listener: &dyn Listener) -> EngineResult<Outcome> {
        let Work::Command(work) = &wanted.work else { return Err(not_a_command()) };
        let begun = Instant::now();
        let outputs = self.outputs.join(format!("{id}.json"));
        // Looking at a file of our own is quicker than asking another thread to; most commands leave none.
        let _ = std::fs::remove_file(&outputs);
        let script = Script {
            text: &work.command.apply,
            environment: &work.environment,
            timeout: work.command.timeout,
            directory: &self.directory,
        };
        self.run(id, script, &outputs, listener).await?.success()?;
        let outputs = self.read_outputs(&outputs).await?;
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Outcome { outputs, duration_ms, ..Outcome::default() })
    }

    async fn remove(&self, id: &ComponentId, removal: &Removal, listener: &dyn Listener) -> EngineResult<()> {
        let Removal::Command(run) = removal else { return Err(not_a_command()) };
        let Some(script) = Script::of(run, &self.removal_directory) else { return Ok(()) };
        let outputs = self.outputs.join(format!("{id}.json"));
        self.run(id, script, &outputs, listener).await?.success()
    }

    async fn check(&self, id: &ComponentId, check: &Removal) -> EngineResult<Health> {
        let Removal::Command(run) = check else { return Err(not_a_command()) };
        let Some(script) = Script::of(run, &self.directory) else {
            let reason = "it has no `check` to be asked".to_owned();
            return Ok(Health { condition: Condition::Unknown, reason });
        };
        let outputs = self.outputs.join(format!("{id}.json"));
        let ran = self.run(id, script, &outputs, &Deaf).await?;
        Ok(match ran.success() {
            Ok(()) => Health { condition: Condition::Healthy, reason: String::new() },
            Err(Failure::Failed(reason)) => Health { condition: Condition::Degraded, reason },
            Err(other) => return Err(other),
        })
    }

    async fn drift(&self, id: &ComponentId, check: &Removal) -> EngineResult<Drift> {
        let health = self.check(id, check).await?;
        let state = match health.condition {
            Condition::Healthy => DriftState::InSync,
            Condition::Degraded | Condition::Drifted => DriftState::Drifted,
            Condition::Missing => DriftState::Missing,
            Condition::Unknown => DriftState::Unsupported,
        };
        let details = if health.reason.is_empty() { Vec::new() } else { vec![health.reason] };
        Ok(Drift { state, details })
    }

    async fn adopt(&self, _: &ComponentId, _: &Intent, _: &dyn Listener) -> EngineResult<Adopted> {
        // A command that was under way when its daemon died is dead by now, and may have done anything.
        Ok(Adopted::Unfinished)
    }
}

fn not_a_command() -> Failure {
    Failure::Failed("a fault in this program: the engine of commands was asked for something else".to_owned())
}

impl<'a> Script<'a> {
    fn of(run: &'a CommandRun, directory: &'a PathBuf) -> Option<Self> {
        let text = run.text.as_deref()?;
        Some(Self { text, environment: &run.environment, timeout: run.timeout, directory })
    }
}

impl CommandEngine {
    async fn run(
        &self,
        id: &ComponentId,
        script: Script<'_>,
        outputs: &std::path::Path,
        listener: &dyn Listener,
    ) -> EngineResult<Ran> {
        if self.cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let mut child = self.guard.spawn(ChildStart {
            program: "/bin/sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.text.to_owned()],
            directory: script.directory.clone(),
            environment: environment(id, script.environment, outputs, script.directory),
            ending: Ending::Terminate,
        });
        let mut told = Told::default();
        let mut ended = None;
        let timeout = script.timeout.unwrap_or(Duration::from_secs(365 * 24 * 3600));
        let timeout = tokio::time::sleep(timeout);
        tokio::pin!(timeout);
        let exit = loop {
            tokio::select! {
                event = child.next() => match event {
                    ChildEvent::Line(stream, text) => {
                        let line = self.redactor.redact(text);
                        told.take(stream, &line);
                        listener.output(stream.into(), line);
                    }
                    ChildEvent::Refused(why) => return Err(Failure::Failed(format!("it could not be started: {why}"))),
                    ChildEvent::Exited(exit) => break exit,
                },
                () = self.cancel.cancelled(), if ended.is_none() => {
                    ended = Some(Failure::Cancelled);
                    child.end(self.grace);
                }
                () = &mut timeout, if ended.is_none() => {
                    let limit = script.timeout.unwrap_or_default();
                    ended = Some(Failure::Failed(format!("it did not end within {}", spell(limit))));
                    child.end(self.grace);
                }
            }
        };
        let ran = Ran { exit, last: told.last() };
        match ended {
            _ if exit.by_deadline => Err(Failure::CutOff),
            // What ended well in spite of the request was done.
            Some(_) if exit.code == Some(0) => Ok(ran),
            Some(why) => Err(why),
            None => Ok(ran),
        }
    }

    async fn read_outputs(
        &self,
        path: &std::path::Path,
    ) -> EngineResult<BTreeMap<String, deployer_domain::state::Output>> {
        let failed = |why: String| Failure::Failed(format!("it wrote outputs that cannot be used: {why}"));
        let bytes = match read_bounded(path, MAX_OUTPUTS + 1).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(failed(error.to_string())),
        };
        let _ = tokio::fs::remove_file(path).await;
        parse_outputs(&bytes, &self.redactor).map_err(failed)
    }
}

/// Reads a regular file that may be longer than wanted.
async fn read_bounded(path: &std::path::Path, most: usize) -> std::io::Result<Vec<u8>> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(std::io::Error::other("$DEPLOYER_OUTPUTS is not a regular file any more"));
    }
    let mut bytes = Vec::new();
    tokio::fs::File::open(path).await?.take(most as u64).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// What a component's own commands see beside what all commands of the run see.
fn environment(
    id: &ComponentId,
    values: &BTreeMap<String, Resolved>,
    outputs: &std::path::Path,
    directory: &std::path::Path,
) -> BTreeMap<String, SecretString> {
    let known = |(name, value): (&String, &Resolved)| Some((name.clone(), value.expose()?.into()));
    let mut environment: BTreeMap<String, SecretString> = values.iter().filter_map(known).collect();
    let own = [
        ("DEPLOYER_SERVICE", id.service.to_string()),
        ("DEPLOYER_COMPONENT", id.component.to_string()),
        ("DEPLOYER_OUTPUTS", outputs.display().to_string()),
        ("PWD", directory.display().to_string()),
    ];
    environment.extend(own.map(|(name, value)| (name.to_owned(), value.into())));
    environment
}

impl Ran {
    fn success(self) -> EngineResult<()> {
        let how = match (self.exit.code, self.exit.signal) {
            (Some(0), _) => return Ok(()),
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => "ended in an unknown way".to_owned(),
        };
        Err(Failure::Failed(if self.last.is_empty() { how } else { format!("{how}: {}", self.last) }))
    }
}

/// Keeps the last line of each stream.
#[derive(Default)]
struct Told {
    out: String,
    err: String,
}

impl Told {
    fn take(&mut self, stream: Stream, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        let last = match stream {
            Stream::Stdout => &mut self.out,
            Stream::Stderr => &mut self.err,
        };
        last.clear();
        last.extend(line.chars().take(REASON));
    }

    fn last(self) -> String {
        if self.err.is_empty() { self.out } else { self.err }
    }
}

/// Listens to nothing.
struct Deaf;

impl Listener for Deaf {
    fn output(&self, _: OutputStream, _: String) {}
    fn progress(&self, _: String) {}
}

impl From<Stream> for OutputStream {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Stdout => Self::Stdout,
            Stream::Stderr => Self::Stderr,
        }
    }
}

fn spell(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}
