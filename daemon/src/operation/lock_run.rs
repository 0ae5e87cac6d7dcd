//! Runs a command of the caller's own under the lock of an environment.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::engine::Listener;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::lease::HolderState;
use deployer_domain::policy;
use deployer_domain::run::{Report, RunFinished, RunOperation, RunStatus};

use super::Ports;
use super::authorise::{self, TenantAccess};
use super::commands::{Commands, Start};
use super::ending::failed;
use super::record::{AuditOf, Recorder};
use super::start_run::{new_summary, no_environment};
use super::target::{Place, Target, working_directory};
use super::under_lock::{Locked, Locking, cancelled};
use super::view::View;
use crate::engine::guard::message::{Ending, Exit};
use crate::engine::process::{ChildEvent, ChildStart};
use crate::run::{EventListener, NewRun, Run};

/// What a caller asks to be run.
#[derive(Debug, Clone)]
pub struct LockRun {
    /// The environment of the stack.
    pub target: Target,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long to wait for the lock.
    pub wait: Duration,
    /// Skips the delay after a forced unlock.
    pub no_delay: bool,
}

/// Starts a command under the lock and answers its run; it goes on by itself.
pub async fn lock_run(ports: &Ports, caller: &Caller, request: LockRun) -> Result<Arc<Run>> {
    if caller.full_environment.is_none() {
        return Err(no_environment());
    }
    if request.command.first().is_none_or(String::is_empty) {
        return Err(Error::new(Reason::InvalidRequest, "which command?").hint("write it after --"));
    }
    working_directory(caller)?;
    let access = authorise::tenant(ports, caller).await?;
    let view = View::from(&access);
    let place = request.target.place(&view, caller).await?;
    allowed(&access, caller, &request.target, &place).await?;
    let space = view.stack(&place.stack, &place.environment);
    let summary = new_summary(ports, caller, RunOperation::LockRun, space.lock());
    let new = NewRun {
        summary,
        backend: access.backend.clone(),
        space: space.clone(),
        version: access.space.version().clone(),
    };
    let run = ports.runs.begin(new).await?;
    let course = Course { ports: ports.clone(), caller: caller.clone(), access, request, space, run: Arc::clone(&run) };
    tokio::spawn(course.go());
    Ok(run)
}

/// Refuses an environment that an apply would refuse: a slip of the pen must not make a lock and a state of its own.
/// A stack file counts where there is one; a broken one must not keep anybody from a repair under the lock.
async fn allowed(access: &TenantAccess, caller: &Caller, target: &Target, place: &Place) -> Result<()> {
    let (config, loaded) = tokio::join!(access.config(), target.load(caller));
    policy::allow_place(&config?.config, &place.environment, None)?;
    match loaded {
        Ok(loaded) => loaded.manifest.choose_environment(Some(place.environment.as_str())).map(drop),
        Err(_) => Ok(()),
    }
}

struct Course {
    ports: Ports,
    caller: Caller,
    access: TenantAccess,
    request: LockRun,
    space: StackSpace,
    run: Arc<Run>,
}

impl Course {
    async fn go(self) {
        let mut finished = self.under_lock().await.unwrap_or_else(|error| failed(&error));
        finished.duration_ms = self.run.age_ms();
        self.run.finish(finished);
    }

    async fn under_lock(&self) -> Result<RunFinished> {
        let locking = Locking {
            ports: &self.ports,
            caller: &self.caller,
            access: &self.access,
            run: &self.run,
            space: &self.space,
            operation: RunOperation::LockRun,
            task: None,
            wait: self.request.wait,
            no_delay: self.request.no_delay,
        };
        let locked = locking.lock().await?;
        let worked = self.work(&locked).await;
        let flushed = locked.state.flush().await;
        if let Err(error) = locked.release(&self.ports).await {
            tracing::warn!(%error, run = %self.run.id(), "the lock was not released");
        }
        let finished = worked?;
        flushed.map(|()| finished)
    }

    async fn work(&self, locked: &Locked) -> Result<RunFinished> {
        let recorder = self.recorder(locked).await;
        let intent = recorder.intent(&self.ports).await?;
        let worked = self.command(locked).await;
        let result = match &worked {
            Ok(finished) => finished.error.clone().map_or(Ok(()), |report| Err(Error::from(report))),
            Err(error) => Err(error.clone()),
        };
        recorder.result(&self.ports, intent, &result).await;
        worked
    }

    fn access<'a>(&'a self, locked: &'a Locked) -> &'a TenantAccess {
        locked.access.as_ref().unwrap_or(&self.access)
    }

    async fn recorder(&self, locked: &Locked) -> Recorder {
        let lock = self.space.lock();
        let subject = format!("{}/{} run {}", lock.stack, lock.environment, self.run.id());
        let of = AuditOf::Tenant(self.access(locked).space.clone());
        Recorder::new(&self.access(locked).backend, &self.caller, of, "lock.run", &subject).await
    }

    async fn command(&self, locked: &Locked) -> Result<RunFinished> {
        let commands = Commands::start(Start {
            ports: &self.ports,
            caller: &self.caller,
            access: self.access(locked),
            space: &self.space,
            run: &self.run,
            lease: &locked.lease,
            directory: Some(working_directory(&self.caller)?),
            source: None,
            serves: false,
            secrets: Vec::new(),
            waiting: None,
        })
        .await?;
        let ended = self.follow(locked, &commands).await;
        commands.end().await;
        ended
    }

    async fn follow(&self, locked: &Locked, commands: &Commands) -> Result<RunFinished> {
        let cancel = self.run.cancelled();
        if cancel.run_until_cancelled(locked.lease.gate()).await.ok_or_else(cancelled)?.is_err() {
            return Err(lost());
        }
        let mut words = self.request.command.iter().cloned();
        let mut child = commands.guard().spawn(ChildStart {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            directory: working_directory(&self.caller)?,
            environment: Default::default(),
            ending: Ending::Terminate,
        });
        let listener = EventListener::new(Arc::clone(&self.run), None);
        let mut asked = false;
        let exit = loop {
            tokio::select! {
                event = child.next() => match event {
                    ChildEvent::Line(stream, text) => {
                        listener.output(stream.into(), commands.redactor().redact(text));
                    }
                    ChildEvent::Refused(why) => return Err(cannot_start(&self.request.command[0], &why)),
                    ChildEvent::Exited(exit) => break exit,
                },
                () = cancel.cancelled(), if !asked => {
                    asked = true;
                    child.end(self.ports.runs.settings().grace);
                }
            }
        };
        if exit.by_deadline || locked.lease.standing() == HolderState::Lost {
            return Err(lost());
        }
        Ok(ended(exit, asked))
    }
}

fn ended(exit: Exit, cancelled_by: bool) -> RunFinished {
    let exit_code = exit.code.unwrap_or_else(|| 128 + exit.signal.unwrap_or(0));
    let (status, error) = match exit_code {
        0 => (RunStatus::Succeeded, None),
        _ if cancelled_by => (RunStatus::Cancelled, Some(cancelled())),
        code => {
            (RunStatus::Failed, Some(Error::new(Reason::EngineFailed, format!("the command ended with code {code}"))))
        }
    };
    RunFinished { status, exit_code, error: error.as_ref().map(Report::from), ..RunFinished::default() }
}

fn lost() -> Error {
    Error::new(Reason::LockLost, "the lock was lost or could not be proven to be ours, so the command was ended")
        .hint("look who holds it with `deployer lock show`")
}

fn cannot_start(program: &str, why: &str) -> Error {
    Error::new(Reason::InvalidRequest, format!("cannot run {program:?}"))
        .caused_by(why)
        .hint("check the name and PATH; for shell syntax write: sh -c '…'")
}
