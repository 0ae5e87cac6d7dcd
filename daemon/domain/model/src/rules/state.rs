//! The sealed state: what is read, sealed and written, and what a refusal means.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use deployer_domain::key::LockKey;
use deployer_domain::name::RunId;
use deployer_domain::seal::{self, Fence, Refusal, SealStep};
use deployer_domain::state::{Action, Intent, StateDocument};
use jiff::Timestamp;
use ulid::Ulid;

use super::{DocId, Rules, session, write_id};
use crate::law::{Broken, Law};
use crate::mutant::Mutant;
use crate::world::{Put, Stage};

/// A document with its content, by which it is told apart, as the storage does.
pub struct Document {
    bytes: Vec<u8>,
    state: StateDocument,
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Document {}

impl Hash for Document {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.bytes.hash(hasher);
    }
}

/// Who writes the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Author {
    pub holder: (u8, u8),
    pub token: u64,
    /// The first of its write ids that may be on the present version, and the next free one.
    pub tried: (u8, u8),
}

impl Author {
    fn fence(self) -> Fence {
        Fence { token: self.token, session: session(self.holder.0, self.holder.1) }
    }

    fn ids(self) -> Vec<Ulid> {
        (self.tried.0..self.tried.1).map(|number| write_id(self.holder.0, number)).collect()
    }
}

/// All that a write of the state depends on. A seal has no stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Change {
    over: Option<DocId>,
    holder: (u8, u8),
    token: u64,
    id: u8,
    stage: Option<Stage>,
}

/// What a refused write of the state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was changed.
    Again,
    Landed,
    Lost,
    Meddled,
}

impl Rules {
    /// The fence of the state.
    pub fn fence(&self, document: Option<DocId>) -> u64 {
        document.map_or(0, |id| self.documents.value(id.0).state.fence)
    }

    /// Decides what to do about a state that was read in order to seal it.
    pub fn seal_step(&self, read: Option<DocId>, author: Author) -> SealStep {
        self.seals.recall((read, author), || {
            let document = read.map(|id| self.documents.value(id.0));
            let read = document.as_ref().map(|document| &document.state);
            match seal::seal_step(read, author.fence(), &author.ids()) {
                SealStep::Raise(_) if self.is(Mutant::NoFenceCompare) => SealStep::Put,
                step => step,
            }
        })
    }

    /// The tokens of the operations that the state says are under way.
    pub fn in_flight(&self, document: Option<DocId>) -> Option<u64> {
        let document = document.map(|id| self.documents.value(id.0))?;
        document.state.in_flight.values().map(|intent| intent.fence).next()
    }

    /// The seal of a state that was read.
    pub fn sealed(&self, read: Option<DocId>, author: Author) -> Put {
        self.put(Change { over: read, holder: author.holder, token: author.token, id: author.tried.1, stage: None })
    }

    /// The next write of a sealed state.
    pub fn written(&self, over: Option<DocId>, author: Author, stage: Stage) -> Put {
        let (holder, token, id) = (author.holder, author.token, author.tried.1);
        self.put(Change { over, holder, token, id, stage: Some(stage) })
    }

    fn put(&self, change: Change) -> Put {
        self.puts.recall(change, || {
            let Change { over, holder, token, id, stage } = change;
            let LockKey { tenant, stack, environment } = self.space.lock().clone();
            let mut state = match over {
                Some(id) => self.documents.value(id.0).state.clone(),
                None => StateDocument::empty(tenant, stack, environment),
            };
            match stage {
                None => {}
                Some(Stage::Intent) => {
                    state.in_flight = BTreeMap::from([("web.site".parse().expect("a good name"), intent(token))]);
                }
                Some(Stage::Result) => state.in_flight.clear(),
            }
            let fence = Fence { token, session: session(holder.0, holder.1) };
            seal::stamp(&mut state, fence, write_id(holder.0, id), "deployer 0.0.0", Timestamp::UNIX_EPOCH);
            let bytes = seal::spell(&state).expect("a state can be spelled");
            Put { document: DocId(self.documents.name(Document { bytes, state })), over }
        })
    }

    /// Explains a refused write by what is there now.
    pub fn refused(&self, put: Put, now: Option<DocId>, author: Author) -> Verdict {
        let Some(now) = now.filter(|_| now != put.over) else {
            return Verdict::Again;
        };
        match seal::explain_refusal(&self.documents.value(now.0).state, author.fence(), &author.ids()) {
            Refusal::Landed(_) => Verdict::Landed,
            Refusal::Lost => Verdict::Lost,
            Refusal::Meddled => Verdict::Meddled,
        }
    }

    /// The laws about one write of the state, when the engine of `engine` has started.
    pub fn put_laws(&self, put: Put, before: Option<DocId>, engine: u64) -> Broken {
        let mut broken = Broken::default();
        let (before, after) = (before.map(|id| (id, self.documents.value(id.0))), self.documents.value(put.document.0));
        let new = after.state.fence;
        broken.note(Law::FenceNeverFalls, put.over != before.as_ref().map(|(id, _)| *id));
        if let Some((_, before)) = before {
            broken.note(Law::FenceNeverFalls, new < before.state.fence);
            let another = new == before.state.fence && before.state.session != after.state.session;
            broken.note(Law::OneHolderPerToken, another);
        }
        broken.note(Law::NothingAfterTheSuccessor, new < engine);
        broken
    }
}

fn intent(token: u64) -> Intent {
    Intent {
        action: Action::Update,
        run: RunId::new(Ulid::from_parts(5, u128::from(token))),
        fence: token,
        since: Timestamp::UNIX_EPOCH,
        component_type: "cloudformation".to_owned(),
        handle: BTreeMap::new(),
        inputs_hash: String::new(),
        inputs: BTreeMap::new(),
    }
}
