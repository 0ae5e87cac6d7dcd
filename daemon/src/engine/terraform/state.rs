//! The Terraform state of one component, in the tenant's storage, written under the lease's fence.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::clock::Clock;
use deployer_domain::engine::{EngineResult, Failure, Gate};
use deployer_domain::entropy::{Entropy, ulid};
use deployer_domain::key::{ObjectKey, StackSpace};
use deployer_domain::name::ComponentId;
use deployer_domain::object::{ETag, ObjectStore, PortError, PortResult, WriteIf};
use deployer_domain::seal::Fence;
use deployer_domain::terraform::{Mark, Refusal, SealStep, Snapshot, Stored, refusal, seal_step, takes_up};
use tokio::sync::Mutex;
use ulid::Ulid;

use crate::lease::{Persistence, may_pass, persist};

/// For how long a read or a write of a state is repeated while its answer stays open.
const PATIENCE: Persistence = Persistence { each: Duration::from_secs(30), in_all: Duration::from_secs(120) };
/// How often a seal is tried anew because the document changed meanwhile.
const TURNS: usize = 5;

/// Where the Terraform states of one environment of one stack are.
pub struct States {
    /// The tenant's storage.
    pub objects: Arc<dyn ObjectStore>,
    /// The environment of the stack.
    pub space: StackSpace,
    /// Who may write; none for whoever only looks.
    pub fence: Option<Fence>,
    /// The lease.
    pub gate: Arc<dyn Gate>,
    /// Makes ids.
    pub entropy: Arc<dyn Entropy>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// The state of one component, as one operation reads and writes it.
pub struct ModuleState {
    states: Arc<States>,
    id: ComponentId,
    held: Mutex<Held>,
    /// What a person should know: knowledge of fenced-off holders that cannot simply be taken up.
    pub warnings: Vec<String>,
}

#[derive(Default)]
struct Held {
    stored: Stored,
    etag: Option<ETag>,
    /// Where what came after the loss of the lock is kept.
    orphan: Option<ObjectKey>,
}

/// A seal at work.
struct Sealing {
    held: Held,
    /// What earlier holders could not store any more.
    orphans: Vec<(ObjectKey, Stored)>,
    /// What a person should know.
    warnings: Vec<String>,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is stored.
    Stored,
    /// It is kept beside the state, as somebody else writes that now.
    Kept(ObjectKey),
    /// It is stored nowhere; this is why.
    Failed(String),
}

/// What a dead run on this machine could not store any more.
pub struct LeftBehind {
    /// Whose it was.
    pub fence: Fence,
    /// What Terraform had written.
    pub content: Vec<u8>,
}

impl States {
    /// Reads the state of a component; who may write it seals it first, and takes up what earlier holders still knew.
    pub async fn open(self: &Arc<Self>, id: &ComponentId, left: Option<LeftBehind>) -> EngineResult<ModuleState> {
        let opened =
            |held, warnings| ModuleState { states: Arc::clone(self), id: id.clone(), held: Mutex::new(held), warnings };
        let Some(fence) = self.fence else { return Ok(opened(self.read(id).await?, Vec::new())) };
        for _ in 0..TURNS {
            let (held, orphans) = tokio::try_join!(self.read(id), self.orphans(id))?;
            let mut sealing = Sealing { held, orphans, warnings: Vec::new() };
            if self.seal(id, &mut sealing, (fence, left.as_ref())).await? {
                return Ok(opened(sealing.held, sealing.warnings));
            }
        }
        Err(Failure::Failed(format!("its state {} changes again and again", self.space.terraform(id))))
    }

    async fn read(&self, id: &ComponentId) -> EngineResult<Held> {
        let key = self.space.terraform(id);
        let object =
            persist(PATIENCE, || self.objects.read(&key)).await.map_err(|error| cannot("read", &key, &error))?;
        let Some(object) = object else { return Ok(Held::default()) };
        let stored = Stored::read(&object.bytes).map_err(|why| {
            Failure::Failed(format!(
                "its state {key} cannot be read: {why}; restore an earlier version of it with the storage's own tools"
            ))
        })?;
        Ok(Held { stored, etag: Some(object.etag), orphan: None })
    }

    /// Seals what was read; answers no where it changed meanwhile.
    async fn seal(
        &self,
        id: &ComponentId,
        Sealing { held, orphans, warnings }: &mut Sealing,
        (fence, left): (Fence, Option<&LeftBehind>),
    ) -> EngineResult<bool> {
        match seal_step(&held.stored, fence) {
            SealStep::Sealed => return Ok(true),
            SealStep::Lost => return Err(Failure::CutOff),
            SealStep::Put => {}
        }
        let mut settled = Vec::new();
        let mut wanted = Stored { mark: None, content: held.stored.content.clone() };
        let mut content_id = held.stored.mark.and_then(|mark| mark.content_id);
        match left {
            Some(left) if held.stored.mark.is_some_and(|mark| mark.fence() == left.fence) => {
                wanted.content = Some(left.content.clone());
                content_id = Some(self.ulid());
            }
            Some(left) => warnings.push(self.put_beside(id, left, &held.stored).await?),
            None => {}
        }
        for (key, orphan) in std::mem::take(orphans) {
            let known = orphan.mark.and_then(|mark| mark.content_id);
            if known.is_some() && known == content_id {
                settled.push(key);
            } else if takes_up(&held.stored, &orphan) && content_id == held.stored.mark.and_then(|mark| mark.content_id)
            {
                (wanted.content, content_id) = (orphan.content, known);
                settled.push(key);
            } else {
                warnings.push(apart(&key, &orphan, &held.stored));
            }
        }
        let content_id = content_id.or_else(|| wanted.content.is_some().then(|| self.ulid()));
        let mark = Mark { content_id, ..self.mark(fence) };
        match self.write(id, held, &[], Stored { mark: Some(mark), ..wanted }).await {
            Ok(()) => {}
            Err(PortError::Conflict | PortError::Gone) => return Ok(false),
            Err(error) => return Err(cannot("seal", &self.space.terraform(id), &error)),
        }
        for key in settled {
            if let Err(error) = self.objects.delete(&key).await {
                tracing::warn!(%key, %error, "a Terraform state that was taken up is still there");
            }
        }
        Ok(true)
    }

    /// Keeps what a dead run left beside the state, as others have sealed it since; answers what a person should know.
    async fn put_beside(&self, id: &ComponentId, left: &LeftBehind, now: &Stored) -> EngineResult<String> {
        let key = self.space.terraform_orphan(id, left.fence.token, left.fence.session);
        // It is not known what it was made from: nobody has that id.
        let mark = Mark { base_id: Some(self.ulid()), ..self.mark(left.fence) };
        let beside = Stored { mark: Some(mark), content: Some(left.content.clone()) };
        let bytes = Stored::write(&mark, beside.content.as_deref());
        let written = persist(PATIENCE, || self.objects.write(&key, bytes.clone(), WriteIf::Always)).await;
        written.map_err(|error| cannot("keep", &key, &error))?;
        Ok(apart(&key, &beside, now))
    }

    async fn orphans(&self, id: &ComponentId) -> EngineResult<Vec<(ObjectKey, Stored)>> {
        let prefix = self.space.terraform_orphans(id);
        let failed = |error: PortError| Failure::Failed(format!("cannot list {}: {error}", prefix.as_str()));
        let mut orphans = Vec::new();
        for row in persist(PATIENCE, || self.objects.list(&prefix)).await.map_err(failed)? {
            let read = persist(PATIENCE, || self.objects.read(&row.key)).await;
            let Some(object) = read.map_err(|error| cannot("read", &row.key, &error))? else { continue };
            match Stored::read(&object.bytes) {
                Ok(stored) => orphans.push((row.key, stored)),
                Err(error) => tracing::warn!(key = %row.key, %error, "an orphaned Terraform state was passed over"),
            }
        }
        orphans.sort_by_key(|(_, orphan)| orphan.mark.map(|mark| mark.fence));
        Ok(orphans)
    }

    /// Writes a document over the version that is known; recognises its own earlier attempts.
    async fn write(&self, id: &ComponentId, held: &mut Held, tried: &[Ulid], wanted: Stored) -> PortResult<()> {
        let key = self.space.terraform(id);
        let Some(mark) = wanted.mark else { return Err(PortError::Invalid("it has no mark".to_owned())) };
        let bytes = Stored::write(&mark, wanted.content.as_deref());
        let condition = held.etag.clone().map_or(WriteIf::Absent, WriteIf::Unchanged);
        let written = persist(PATIENCE, || self.objects.write(&key, bytes.clone(), condition.clone())).await;
        let etag = match written {
            Ok(etag) => etag,
            Err(PortError::Conflict) => {
                let now = persist(PATIENCE, || self.objects.read(&key)).await?;
                let tried: Vec<Ulid> = tried.iter().copied().chain([mark.write_id]).collect();
                let landed = now.filter(|now| {
                    let stored = Stored::read(&now.bytes).unwrap_or_default();
                    refusal(&stored, mark.fence(), &tried) == Refusal::Landed
                });
                landed.ok_or(PortError::Conflict)?.etag
            }
            Err(error) => return Err(error),
        };
        (held.stored, held.etag) = (wanted, Some(etag));
        Ok(())
    }

    fn mark(&self, fence: Fence) -> Mark {
        Mark { fence: fence.token, session: fence.session, write_id: self.ulid(), content_id: None, base_id: None }
    }

    fn ulid(&self) -> Ulid {
        ulid(&*self.entropy, self.clock.now())
    }

    /// Whether the lease is lost at this very moment.
    pub async fn is_lost(&self) -> bool {
        tokio::time::timeout(Duration::ZERO, self.gate.lost()).await.is_ok()
    }
}

impl ModuleState {
    /// What Terraform wrote last; none while it has written nothing.
    pub async fn content(&self) -> Option<Vec<u8>> {
        self.held.lock().await.stored.content.clone()
    }

    /// Writes what Terraform wrote. When the lock is lost it is kept beside the state instead.
    pub async fn put(&self, content: Vec<u8>) -> Put {
        let Some(fence) = self.states.fence else { return Put::Failed("this is only a look".to_owned()) };
        if !Stored::accepts(&content) {
            return Put::Failed("what Terraform sent is no state".to_owned());
        }
        let mut held = self.held.lock().await;
        if held.orphan.is_some() || self.states.is_lost().await {
            return self.keep(&mut held, fence, content).await;
        }
        let mark = Mark { content_id: Some(self.states.ulid()), ..self.states.mark(fence) };
        let wanted = Stored { mark: Some(mark), content: Some(content.clone()) };
        match self.states.write(&self.id, &mut held, &[], wanted).await {
            Ok(()) => Put::Stored,
            Err(PortError::Conflict | PortError::Gone) => self.keep(&mut held, fence, content).await,
            Err(error) if may_pass(&error) => Put::Failed(format!("the storage does not answer: {error}")),
            Err(error) => Put::Failed(error.to_string()),
        }
    }

    /// Keeps what cannot be written any more beside the state.
    async fn keep(&self, held: &mut Held, fence: Fence, content: Vec<u8>) -> Put {
        let states = &self.states;
        let key = states.space.terraform_orphan(&self.id, fence.token, fence.session);
        let base_id = held.stored.mark.and_then(|mark| mark.content_id);
        let mark = Mark { content_id: Some(states.ulid()), base_id, ..states.mark(fence) };
        let bytes = Stored::write(&mark, Some(&content));
        match persist(PATIENCE, || states.objects.write(&key, bytes.clone(), WriteIf::Always)).await {
            Ok(_) => {
                held.orphan = Some(key.clone());
                Put::Kept(key)
            }
            Err(error) => Put::Failed(format!("the lock is lost, and {key} could not be written: {error}")),
        }
    }

    /// Where what came after the loss of the lock is kept.
    pub async fn orphan(&self) -> Option<ObjectKey> {
        self.held.lock().await.orphan.clone()
    }

    /// Whether the lease is lost at this very moment.
    pub async fn is_lost(&self) -> bool {
        self.states.is_lost().await
    }
}

/// Says what a fenced-off holder knew that cannot simply be taken up, because others have written since.
fn apart(key: &ObjectKey, orphan: &Stored, now: &Stored) -> String {
    let addresses = |stored: &Stored| stored.content.as_deref().map(Snapshot::read).unwrap_or_default().addresses();
    let only: Vec<String> = addresses(orphan).difference(&addresses(now)).take(10).cloned().collect();
    let what = match only.as_slice() {
        [] => "compare it with what is deployed".to_owned(),
        only => format!("only it knows {}: import them, or delete them by hand", only.join(", ")),
    };
    format!(
        "{key} is what an earlier run could not store any more, and others have written since: {what}. Then delete it"
    )
}

fn cannot(what: &str, key: &ObjectKey, error: &PortError) -> Failure {
    Failure::Failed(format!("cannot {what} its state {key}: {error}"))
}

#[cfg(test)]
pub(super) mod tests;
