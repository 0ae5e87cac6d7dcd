//! One operation on one module: its copy, its state, and the program, ready to be used.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use deployer_domain::engine::{EngineResult, Failure, Listener};
use deployer_domain::error::Error;
use deployer_domain::name::ComponentId;
use deployer_domain::plan::ModuleWork;
use deployer_domain::run::OutputStream;
use deployer_domain::terraform::{Module, provider_changes, variable_file};
use secrecy::SecretString;
use tokio::sync::SemaphorePermit;

use super::TerraformEngine;
use super::ahead::{Ready, Seen};
use super::command::{Commands, Ended};
use super::copy;
use super::program::Program;
use super::server::Served;
use super::state::{ModuleState, Put};
use super::workshop::Room;

const LOCK_FILE: &str = ".terraform.lock.hcl";
/// `init` starts no provider and ends soon: what it leaves in memory is collected only where it is much. That is a fifth of
/// its time.
const INIT: [(&str, &str); 2] = [("GOGC", "off"), ("GOMEMLIMIT", "256MiB")];

/// One operation on one module.
pub(super) struct Operation<'a> {
    pub engine: &'a TerraformEngine,
    pub id: &'a ComponentId,
    pub listener: &'a dyn Listener,
    pub state: Arc<ModuleState>,
    pub room: Room,
    module: Module,
    /// What `init` went by that was run ahead.
    seen: Option<Seen>,
    program: Program,
    served: Served,
    lent: BTreeMap<String, SecretString>,
    _turn: SemaphorePermit<'a>,
}

/// What an operation needs besides its room.
pub(super) struct Means {
    program: Program,
    lent: BTreeMap<String, SecretString>,
    state: ModuleState,
}

impl Means {
    /// Finds the program and the credentials; the state is sealed where the run may write it.
    pub async fn find(
        engine: &TerraformEngine,
        (id, work): (&ComponentId, &ModuleWork),
        listener: &dyn Listener,
    ) -> EngineResult<Self> {
        let program = Program::find(&engine.path)?;
        let lent = engine.access.variables(work.region.as_deref(), work.role_arn.as_deref()).await;
        let lent = lent.map_err(|error| refused(&error))?;
        let (left_at, left) = engine.workshop.left_behind(id, engine.states.fence).unzip();
        let state = engine.states.open(id, left).await?;
        if let Some(path) = left_at {
            listener.progress("taking up what an earlier run could not store any more".to_owned());
            let _ = std::fs::remove_file(path);
        }
        for warning in &state.warnings {
            listener.output(OutputStream::Stderr, format!("Warning: {warning}"));
            listener.progress(warning.clone());
        }
        Ok(Self { program, lent, state })
    }
}

impl<'a> Operation<'a> {
    /// Makes everything ready.
    pub async fn begin(
        engine: &'a TerraformEngine,
        (id, work): (&'a ComponentId, &'a ModuleWork),
        listener: &'a dyn Listener,
        (turn, ready, means): (SemaphorePermit<'a>, Option<Ready>, Means),
    ) -> EngineResult<Self> {
        let (room, module, seen) = match ready {
            Some(Ready { room, module, seen, .. }) => (room, module, Some(seen)),
            None => {
                let (room, module) = furnish(engine, id, work, listener).await?;
                (room, module, None)
            }
        };
        let variables = variable_file(&module, &work.variables).map_err(Failure::Failed)?;
        room.write(&room.variables(), &variables).map_err(|error| cannot("write", &room.variables(), &error))?;
        let Means { program, lent, state } = means;
        let state = Arc::new(state);
        let served = engine.server.serve(id, Arc::clone(&state));
        Ok(Self { engine, id, listener, state, room, module, seen, program, served, lent, _turn: turn })
    }

    /// Gives the room back, without the values that were in it.
    pub(super) fn into_room(self) -> (Room, Module) {
        let _ = std::fs::remove_file(self.room.variables());
        (self.room, self.module)
    }

    pub(super) fn tell(&self, text: &str) {
        self.listener.progress(self.engine.redactor.redact(text.to_owned()));
    }

    /// Waits until something may be begun; the lock may have been lost meanwhile.
    pub(super) async fn pass_gate(&self) -> EngineResult<()> {
        if self.engine.cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        self.engine.gate.pass().await.map_err(|_| Failure::CutOff)
    }

    /// Runs `init`: backend, providers and modules. One that was run ahead is good as long as it saw the same state.
    pub(super) async fn init(&self) -> EngineResult<()> {
        if let Some(seen) = &self.seen
            && seen.state == self.state.content().await
        {
            seen.told.iter().for_each(|told| self.listener.progress(told.clone()));
            return Ok(());
        }
        let lock_file = self.room.module.join(LOCK_FILE);
        let before = std::fs::read_to_string(&lock_file).unwrap_or_default();
        let cache = match self.engine.settings.plugin_cache {
            true => None,
            false => Some(plugin_cache(&self.engine.plugins).await?),
        };
        let more: &[(&str, &str)] = if self.engine.settings.memory { &[] } else { &INIT };
        let ended = self.run_with(&["init", "-input=false", "-no-color"], more).await?;
        drop(cache);
        ended.success(&self.engine.redactor)?;
        let after = std::fs::read_to_string(&lock_file).unwrap_or_default();
        let changes = provider_changes(&before, &after);
        if !changes.is_empty() {
            let name = self.program.name;
            self.tell(&format!(
                "{LOCK_FILE} does not have {}: run `{name} init` in the module's directory, and commit the file",
                changes.join(", ")
            ));
        }
        Ok(())
    }

    /// Runs one command.
    pub(super) async fn run(&self, arguments: &[&str]) -> EngineResult<Ended> {
        self.run_with(arguments, &[]).await
    }

    async fn run_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> EngineResult<Ended> {
        let more = more.iter().map(|&(name, value)| (name.to_owned(), SecretString::from(value)));
        let commands = Commands {
            guard: &self.engine.guard,
            program: self.program.path.clone(),
            directory: self.room.module.clone(),
            environment: self.environment().into_iter().chain(more).collect(),
            redactor: &self.engine.redactor,
            cancel: &self.engine.cancel,
            listener: self.listener,
        };
        let ended = commands.run(arguments.iter().map(|&argument| argument.to_owned()).collect()).await;
        if let Ok(Ended { code: 1, lines, .. }) = &ended {
            lines.iter().for_each(|line| self.listener.output(OutputStream::Stderr, line.clone()));
        }
        self.rescue().await?;
        ended
    }

    /// Stores a state that Terraform could not store while it ran. One that cannot be stored now either is kept on this
    /// machine for the next run.
    async fn rescue(&self) -> EngineResult<()> {
        let Some(path) = self.room.errored() else { return Ok(()) };
        let content = std::fs::read(&path).map_err(|error| cannot("read", &path, &error))?;
        match self.state.put(content).await {
            Put::Stored => self.tell("its state was stored after all"),
            Put::Kept(key) => self.tell(&format!("its state is kept in {key}, as the lock is another's now")),
            Put::Failed(why) => {
                return Err(Failure::Failed(format!(
                    "its state could not be stored: {why}; it is kept in {} until the next run on this machine, which \
                     takes it up",
                    path.display()
                )));
            }
        }
        std::fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))
    }

    fn environment(&self) -> BTreeMap<String, SecretString> {
        let settings = self.engine.settings;
        let mut own = vec![
            ("TF_DATA_DIR", self.room.data().display().to_string()),
            ("TF_IN_AUTOMATION", "1".to_owned()),
            ("TF_INPUT", "0".to_owned()),
            ("CHECKPOINT_DISABLE", "1".to_owned()),
            ("DEPLOYER_SERVICE", self.id.service.to_string()),
            ("DEPLOYER_COMPONENT", self.id.component.to_string()),
            ("PWD", self.room.module.display().to_string()),
        ];
        // What would change which state is meant, or what is done.
        let never = ["TF_WORKSPACE", "TF_CLI_ARGS", "TF_CLI_ARGS_init", "TF_CLI_ARGS_plan", "TF_CLI_ARGS_apply"];
        own.extend(never.map(|name| (name, String::new())));
        if !settings.plugin_cache {
            own.push(("TF_PLUGIN_CACHE_DIR", self.engine.plugins.display().to_string()));
        }
        if !settings.log_file {
            // Traces hold values that nobody masks.
            own.extend(["TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER"].map(|name| (name, String::new())));
        }
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        self.lent.clone().into_iter().chain(self.served.environment().clone()).chain(own).collect()
    }
}

/// Makes the room of an operation: the copy of the module.
async fn furnish(
    engine: &TerraformEngine,
    id: &ComponentId,
    work: &ModuleWork,
    listener: &dyn Listener,
) -> EngineResult<(Room, Module)> {
    let from = match work.source {
        Some(hash) => engine.sources.unpacked(hash, &engine.workshop.sources()).await?,
        None => None,
    };
    if from.is_none() {
        listener.progress("its source is gone: it is worked on from its state alone".to_owned());
    }
    let module = Path::new(&work.directory).to_owned();
    let room =
        engine.workshop.room(id, &module).map_err(|error| Failure::Failed(format!("no room for it: {error}")))?;
    let (tree, nothing) = (room.tree(), room.data());
    let copied = tokio::task::spawn_blocking(move || copy::copy(from.as_deref().unwrap_or(&nothing), &module, &tree));
    let copied = copied.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    let module = copied.map_err(|error| Failure::Failed(format!("its module cannot be copied: {error}")))?;
    Ok((room, module))
}

/// Takes the turn at the providers that are kept between runs: two programs at once would spoil them.
async fn plugin_cache(directory: &Path) -> EngineResult<File> {
    let directory = directory.to_owned();
    let take = move || {
        std::fs::create_dir_all(&directory)?;
        let path = directory.join(".lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.lock().map(|()| file)
    };
    let taken = tokio::task::spawn_blocking(take).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    taken.map_err(|error| Failure::Failed(format!("the place of providers cannot be used: {error}")))
}

fn refused(error: &Error) -> Failure {
    Failure::Failed(error.to_string())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot {what} {}: {error}", path.display()))
}
