//! Locks on the wire.

use std::time::Duration;

use deployer_domain::key::LockKey;
use deployer_domain::lease::HolderState;
use deployer_domain::lock::LockState;
use deployer_proto::v1;
use deployer_proto::v1::lock_service_server::LockService;
use tonic::{Request, Response, Status};

use super::Server;
use super::events::{EventStream, stream};
use super::plans::target_from_proto;
use super::status::to_status;
use super::steps::{self, StepStream};
use crate::operation::attach_run::Following;
use crate::operation::list_locks::list_locks;
use crate::operation::lock_run::{LockRun, lock_run};
use crate::operation::show_lock::{LockView, show_lock};
use crate::operation::unlock::{UnlockWanted, Unlocked, unlock};

#[tonic::async_trait]
impl LockService for Server {
    type RunStream = EventStream;
    type UnlockStream = StepStream<v1::UnlockEvent>;

    async fn list(&self, request: Request<v1::ListLocksRequest>) -> Result<Response<v1::ListLocksResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let locks =
            list_locks(&self.ports, &caller, target.tenant.as_ref()).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ListLocksResponse { locks: locks.into_iter().map(lock_to_proto).collect() }))
    }

    async fn show(&self, request: Request<v1::ShowLockRequest>) -> Result<Response<v1::Lock>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let lock = show_lock(&self.ports, &caller, &target).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(lock_to_proto(lock)))
    }

    async fn run(&self, request: Request<v1::LockRunRequest>) -> Result<Response<Self::RunStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = LockRun {
            target: target_from_proto(request.target).map_err(|error| to_status(&error))?,
            command: request.command,
            wait: Duration::from_secs(request.wait_seconds.into()),
            no_delay: request.no_delay,
        };
        let run = lock_run(&self.ports, &caller, wanted).await.map_err(|error| to_status(&error))?;
        Ok(stream(Following::Own(run.watch(0))))
    }

    async fn unlock(&self, request: Request<v1::UnlockRequest>) -> Result<Response<Self::UnlockStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = UnlockWanted {
            target: target_from_proto(request.target).map_err(|error| to_status(&error))?,
            reason: request.reason,
            even_if_alive: request.even_if_alive,
        };
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| unlock_event(v1::unlock_event::Event::Step(step)),
            |done| unlock_event(v1::unlock_event::Event::Done(unlocked_to_proto(done))),
            |hear| async move { unlock(&ports, &caller, wanted, &*hear).await },
        ))
    }
}

fn unlock_event(event: v1::unlock_event::Event) -> v1::UnlockEvent {
    v1::UnlockEvent { event: Some(event) }
}

fn unlocked_to_proto(unlocked: Unlocked) -> v1::UnlockDone {
    v1::UnlockDone {
        lock: Some(lock_to_proto(unlocked.lock)),
        was_held_by: unlocked.was_held_by,
        given_back: unlocked.given_back,
    }
}

fn lock_to_proto(lock: LockView) -> v1::Lock {
    let LockKey { tenant, stack, environment } = &lock.key;
    let known = v1::Lock {
        key: lock.key.to_string(),
        tenant: tenant.to_string(),
        stack: stack.to_string(),
        environment: environment.to_string(),
        ..v1::Lock::default()
    };
    let Some(item) = &lock.item else {
        return known;
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let known = v1::Lock {
        fencing_token: item.token().unwrap_or_default(),
        unlocked_by: text(item.unlocked_by()),
        unlock_reason: text(item.unlock_reason()),
        ..known
    };
    if !lock.is_held() {
        return v1::Lock { state: LockState::Released.as_str().to_owned(), ..known };
    }
    v1::Lock {
        state: LockState::Held.as_str().to_owned(),
        locked_by: item.locked_by().to_owned(),
        host: text(item.host()),
        pid: item.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default(),
        run: text(item.run()),
        operation: text(item.operation()),
        locked_at: item.locked_at().map(|at| at.to_string()).unwrap_or_default(),
        heartbeat_age_seconds: u32::try_from(lock.heartbeat_age.as_secs()).unwrap_or(u32::MAX),
        looks_alive: lock.looks_alive,
        ours: lock.ours,
        holder_state: lock.holder_state.map(holder_state_to_proto).unwrap_or_default().to_owned(),
        ..known
    }
}

pub(crate) fn holder_state_to_proto(state: HolderState) -> &'static str {
    match state {
        HolderState::Held => "HELD",
        HolderState::Suspect => "SUSPECT",
        HolderState::Fenced => "FENCED",
        HolderState::Lost => "LOST",
    }
}
