//! What is done for modules while their run still asks for its lock: their copies, and `init`, which changes nothing but
//! these. With providers it often takes longer than all that the lock needs.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use deployer_domain::engine::{EngineResult, Listener};
use deployer_domain::name::ComponentId;
use deployer_domain::plan::ModuleWork;
use deployer_domain::run::OutputStream;
use deployer_domain::terraform::Module;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::TerraformEngine;
use super::workshop::{Room, Workshop};

/// Modules that are made ready in the background; that is given up when this is dropped.
pub struct Ahead {
    workshop: Arc<Workshop>,
    waiting: Mutex<BTreeMap<ComponentId, oneshot::Receiver<Ready>>>,
    _stop: DropGuard,
}

/// A module that was made ready.
pub(super) struct Ready {
    work: ModuleWork,
    pub room: Room,
    /// What the module says of itself.
    pub module: Module,
    pub seen: Seen,
}

/// What `init` went by, and what it had to tell.
pub(super) struct Seen {
    pub state: Option<Vec<u8>>,
    pub told: Vec<String>,
}

impl Ahead {
    /// Begins, with an engine that only looks; `end` is what is done when all of it is over or given up.
    pub fn begin(
        engine: TerraformEngine,
        modules: Vec<(ComponentId, ModuleWork)>,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (engine, stop) = (Arc::new(engine), CancellationToken::new());
        let (mut waiting, mut at_work) = (BTreeMap::new(), JoinSet::new());
        for (id, work) in modules {
            let (ready, wanted) = oneshot::channel();
            waiting.insert(id.clone(), wanted);
            let engine = Arc::clone(&engine);
            at_work.spawn(async move {
                match engine.made_ready(&id, work).await {
                    Ok(made) => drop(ready.send(made)),
                    // Its turn comes under the lock, and there it is told.
                    Err(error) => tracing::info!(component = %id, ?error, "a module was not made ready ahead"),
                }
            });
        }
        let (stopped, workshop) = (stop.clone(), Arc::clone(&engine.workshop));
        let all = async move { while at_work.join_next().await.is_some() {} };
        tokio::spawn(async move {
            stopped.run_until_cancelled_owned(all).await;
            end.await;
            // Only now nobody writes there any more.
            drop(workshop);
        });
        Self { workshop: Arc::clone(&engine.workshop), waiting: Mutex::new(waiting), _stop: stop.drop_guard() }
    }

    /// Where the modules are.
    pub fn workshop(&self) -> &Arc<Workshop> {
        &self.workshop
    }

    /// The module of a component once it is ready; nothing where it could not be made so, or another one is wanted now.
    pub(super) async fn take(&self, id: &ComponentId, work: &ModuleWork) -> Option<Ready> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id)?;
        waiting.await.ok().filter(|ready| ready.work.is_worked_on_like(work))
    }
}

impl TerraformEngine {
    async fn made_ready(&self, id: &ComponentId, work: ModuleWork) -> EngineResult<Ready> {
        let notes = Notes::default();
        let operation = self.operation(id, &work, &notes).await?;
        operation.init().await?;
        let state = operation.state.content().await;
        let (room, module) = operation.into_room();
        let told = notes.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Ready { work, room, module, seen: Seen { state, told } })
    }
}

/// Notes what is told, for later.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Listener for Notes {
    fn output(&self, _: OutputStream, _: String) {}

    fn progress(&self, message: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    }
}
