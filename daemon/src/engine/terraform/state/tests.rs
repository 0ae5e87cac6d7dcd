use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::TenantSpace;
use deployer_domain::memory::{Fault, MemoryObjects};
use deployer_domain::name::StateVersion;

use super::*;
use crate::clock::SystemClock;
use crate::entropy::SystemEntropy;

/// A lease that is lost when it is told so.
#[derive(Default)]
struct Lease(AtomicBool);

/// The states of a stack, in memory, for whoever holds its lock.
pub(in super::super) fn states_of(space: StackSpace, objects: Arc<MemoryObjects>, fence: Fence) -> Arc<States> {
    Arc::new(States {
        objects,
        space,
        fence: Some(fence),
        gate: Arc::new(Lease::default()),
        entropy: Arc::new(SystemEntropy),
        clock: Arc::new(SystemClock),
    })
}

#[async_trait]
impl Gate for Lease {
    async fn pass(&self) -> Result<()> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(Error::new(Reason::LockLost, "lost")),
            false => Ok(()),
        }
    }

    async fn lost(&self) {
        if !self.0.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

struct Storage {
    objects: Arc<MemoryObjects>,
    space: StackSpace,
    id: ComponentId,
}

impl Storage {
    fn new() -> Self {
        let tenant = TenantSpace::new("web-team".parse().unwrap(), StateVersion::default());
        let space = tenant.stack(&"shop".parse().unwrap(), &"development".parse().unwrap());
        Self { objects: Arc::default(), space, id: "net.dns".parse().unwrap() }
    }

    /// A holder of the lock with this token; none: somebody who looks.
    fn holder(&self, token: Option<u64>) -> (Arc<States>, Arc<Lease>) {
        let lease = Arc::new(Lease::default());
        let states = States {
            objects: Arc::clone(&self.objects) as Arc<dyn ObjectStore>,
            space: self.space.clone(),
            fence: token.map(|token| Fence { token, session: Ulid::from(u128::from(token)) }),
            gate: Arc::clone(&lease) as Arc<dyn Gate>,
            entropy: Arc::new(SystemEntropy),
            clock: Arc::new(SystemClock),
        };
        (Arc::new(states), lease)
    }

    async fn open(&self, token: u64) -> ModuleState {
        self.holder(Some(token)).0.open(&self.id, None).await.unwrap()
    }

    fn orphans(&self) -> usize {
        self.objects.keys().iter().filter(|key| key.contains(".orphan/")).count()
    }
}

fn state(serial: u64, resource: &str) -> Vec<u8> {
    format!(
        "{{\"version\": 4, \"serial\": {serial}, \"lineage\": \"l\", \"outputs\": {{}}, \"resources\": [{{\"mode\": \
         \"managed\", \"type\": \"a\", \"name\": \"{resource}\", \"instances\": [{{}}]}}]}}\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn what_was_written_is_read_byte_for_byte_by_the_next_holder() {
    let storage = Storage::new();
    let first = storage.open(1).await;
    assert_eq!(first.content().await, None);
    assert_eq!(first.put(state(1, "x")).await, Put::Stored);
    assert_eq!(first.put(state(2, "x")).await, Put::Stored);
    assert_eq!(storage.open(2).await.content().await, Some(state(2, "x")));
    let raw = storage.objects.raw(storage.space.terraform(&storage.id).as_str()).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!((value["serial"].as_u64(), value["deployer"]["fence"].as_u64()), (Some(2), Some(2)));
}

#[tokio::test]
async fn what_a_stale_holder_writes_is_kept_beside_the_state_and_taken_up_by_the_next() {
    let storage = Storage::new();
    let stale = storage.open(1).await;
    assert_eq!(stale.put(state(1, "x")).await, Put::Stored);
    let second = storage.open(2).await;
    assert!(matches!(stale.put(state(2, "made-late")).await, Put::Kept(_)));
    assert!(stale.orphan().await.is_some());
    assert_eq!(second.content().await, Some(state(1, "x")), "nothing of it is in the state");
    let third = storage.open(3).await;
    assert_eq!(third.content().await, Some(state(2, "made-late")));
    assert!(third.warnings.is_empty(), "{:?}", third.warnings);
    assert_eq!(storage.orphans(), 0);
}

#[tokio::test]
async fn what_a_stale_holder_knew_is_told_where_others_have_written_since() {
    let storage = Storage::new();
    let stale = storage.open(1).await;
    stale.put(state(1, "x")).await;
    let second = storage.open(2).await;
    assert_eq!(second.put(state(2, "other")).await, Put::Stored);
    assert!(matches!(stale.put(state(2, "made-late")).await, Put::Kept(_)));
    let third = storage.open(3).await;
    assert_eq!(third.content().await, Some(state(2, "other")));
    assert_eq!(third.warnings.len(), 1);
    assert!(third.warnings[0].contains("a.made-late"), "{}", third.warnings[0]);
    assert_eq!(storage.orphans(), 1, "it is kept until a person has looked at it");
}

#[tokio::test]
async fn a_holder_that_knows_of_its_loss_does_not_even_try() {
    let storage = Storage::new();
    let (states, lease) = storage.holder(Some(1));
    let first = states.open(&storage.id, None).await.unwrap();
    lease.0.store(true, Ordering::SeqCst);
    assert!(matches!(first.put(state(1, "x")).await, Put::Kept(_)));
    assert_eq!(storage.open(2).await.content().await, Some(state(1, "x")), "the very first state is taken up too");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_no_conflict() {
    let storage = Storage::new();
    let first = storage.open(1).await;
    storage.objects.next_write(Fault::LoseAnswer);
    assert_eq!(first.put(state(1, "x")).await, Put::Stored);
    assert_eq!(first.put(state(2, "x")).await, Put::Stored);
}

#[tokio::test]
async fn an_older_holder_cannot_seal_over_a_newer_one() {
    let storage = Storage::new();
    storage.open(5).await;
    let (older, _) = storage.holder(Some(4));
    assert!(matches!(older.open(&storage.id, None).await, Err(Failure::CutOff)));
}

#[tokio::test]
async fn a_look_reads_and_never_writes() {
    let storage = Storage::new();
    storage.open(1).await.put(state(1, "x")).await;
    let writes = storage.objects.writes();
    let look = storage.holder(None).0.open(&storage.id, None).await.unwrap();
    assert_eq!(look.content().await, Some(state(1, "x")));
    assert!(matches!(look.put(state(2, "x")).await, Put::Failed(_)));
    assert_eq!(storage.objects.writes(), writes);
}

#[tokio::test]
async fn what_a_dead_run_left_on_this_machine_is_taken_up_unless_somebody_has_sealed_since() {
    let storage = Storage::new();
    storage.open(1).await.put(state(1, "x")).await;
    let left = |token: u64| LeftBehind {
        fence: Fence { token, session: Ulid::from(u128::from(token)) },
        content: state(2, "made-late"),
    };
    let (states, _) = storage.holder(Some(2));
    let next = states.open(&storage.id, Some(left(1))).await.unwrap();
    assert_eq!(next.content().await, Some(state(2, "made-late")));
    let (states, _) = storage.holder(Some(3));
    let next = states.open(&storage.id, Some(left(1))).await.unwrap();
    assert_eq!(next.content().await, Some(state(2, "made-late")), "what is older is not put over it");
    assert_eq!((next.warnings.len(), storage.orphans()), (1, 1), "{:?}", next.warnings);
}

#[tokio::test]
async fn a_state_that_another_tool_put_there_is_gone_on_with() {
    let storage = Storage::new();
    storage.objects.put_raw(storage.space.terraform(&storage.id).as_str(), state(7, "old"));
    let first = storage.open(1).await;
    assert_eq!(first.content().await, Some(state(7, "old")));
    assert_eq!(first.put(state(8, "old")).await, Put::Stored);
    assert!(matches!(first.put(b"<html>".to_vec()).await, Put::Failed(_)));
}
