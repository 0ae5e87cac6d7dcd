//! Moves what a tenant stores from one prefix to another: looks, copies, compares. What is there already is compared and
//! not written again, so that everything can be repeated.

use std::collections::HashSet;
use std::sync::Arc;

use deployer_domain::archive::Archived;
use deployer_domain::backend::Backend;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{MoveSpace, ObjectKey, StackSpace};
use deployer_domain::moving::Leaving;
use deployer_domain::object::{ETag, Object, PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};

use super::bounded;

/// What was found where it comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// The states, each with where it goes.
    pub states: Vec<(ObjectKey, StackSpace)>,
    /// Everything else, with where it goes.
    pub others: Vec<(ObjectKey, ObjectKey)>,
    /// What no stack can have.
    pub strangers: Vec<ObjectKey>,
    /// All of it.
    pub bytes: u64,
}

impl Found {
    /// How many objects are to be moved.
    pub(super) fn objects(&self) -> u64 {
        (self.states.len() + self.others.len()) as u64
    }

    /// Refuses to leave something behind that nobody looked at.
    pub(super) fn refuse_strangers(&self, space: &MoveSpace) -> Result<()> {
        if self.strangers.is_empty() {
            return Ok(());
        }
        let count = self.strangers.len();
        let message = format!("{count} objects below {} belong to no stack and environment", space.from());
        let error = self
            .strangers
            .iter()
            .take(10)
            .fold(Error::new(Reason::InvalidRequest, message), |error, key| error.fact("Object", key));
        Err(error
            .hint("their names must read STACK/ENVIRONMENT/…, in lower-case letters, digits and hyphens")
            .hint("move them away or rename them with the storage's own tools, then run the command again"))
    }
}

/// Looks what there is.
pub(super) async fn find(backend: &Backend, space: &MoveSpace) -> Result<Found> {
    let prefix = space.everything();
    let listed = backend.objects.list(&prefix).await;
    let listed = listed.attempted(format!("list {}", prefix.as_str()), &backend.place.address)?;
    let mut found = Found::default();
    for one in listed {
        found.bytes += one.size;
        match (space.state_of(&one.key), space.target_of(&one.key)) {
            (Some(place), _) => found.states.push((one.key, place)),
            (None, Some(target)) => found.others.push((one.key, target)),
            (None, None) if space.is_folder(&one.key) => {}
            (None, None) => found.strangers.push(one.key),
        }
    }
    Ok(found)
}

/// Refuses states that are closed where they are, or that nobody can read: they cannot be moved.
pub(super) async fn refuse_closed(backend: &Backend, found: &Found) -> Result<()> {
    let looked = bounded::map(found.states.iter().cloned(), |(key, _)| {
        let backend = backend.clone();
        async move {
            if leaving(&backend, &key).await?.0.is_closed() {
                return Err(Error::new(Reason::StateConflict, format!("{key} is sealed, so it cannot be moved"))
                    .hint("its state has moved before: look in it where to (`movedTo`), and who works there"));
            }
            Ok(())
        }
    });
    looked.await.map(drop)
}

/// Refuses states that nobody could work with where they go, and those that have gone elsewhere.
pub(super) async fn refuse_unreadable(backend: &Backend, found: &Found) -> Result<()> {
    let looked = bounded::map(found.states.iter().cloned(), |(key, place)| {
        let backend = backend.clone();
        async move {
            let (state, _) = leaving(&backend, &key).await?;
            state.has_left_for(&place)?;
            state.refuse_unreadable(&key, &place)
        }
    });
    looked.await.map(drop)
}

/// Seals the states of an older tool where they are, so that it works with them no more.
pub(super) async fn seal(backend: &Backend, found: &Found) -> Result<()> {
    let sealed = bounded::map(found.states.iter().cloned(), |(key, place)| {
        let backend = backend.clone();
        async move {
            let (state, etag) = leaving(&backend, &key).await?;
            if state.has_left_for(&place)? {
                return Ok(());
            }
            state.refuse_unreadable(&key, &place)?;
            if read(&backend, &place.state()).await?.is_some() {
                return Err(occupied(&place.state()));
            }
            match backend.objects.write(&key, state.sealed(&place), WriteIf::Unchanged(etag)).await {
                Ok(_) => Ok(()),
                Err(PortError::Conflict | PortError::Gone) => Err(changed(&key)),
                Err(error) => Err(explain(error, format!("write {key}"), &backend.place.address)),
            }
        }
    });
    sealed.await.map(drop)
}

/// Copies everything, the states last: a stack is seen once all of it is there. Then reads all of it again and compares.
/// A stack whose state is there already was brought by an earlier attempt, and may have been worked with since.
pub(super) async fn copy(backend: &Backend, space: &MoveSpace, found: &Found) -> Result<()> {
    let states = bounded::map(found.states.iter().cloned(), |(from, place)| {
        let backend = backend.clone();
        async move { Departed::read(&backend, from, place).await }
    });
    let states: Vec<Departed> = states.await?;
    let arrived: HashSet<&StackSpace> =
        states.iter().filter(|state| state.has_arrived).map(|state| &state.place).collect();
    let is_left = |target: &ObjectKey| space.place_of(target).is_none_or(|place| !arrived.contains(&place));
    let others: Vec<_> = found.others.iter().filter(|(_, target)| is_left(target)).cloned().collect();
    bounded::map(others, |(from, to)| {
        let backend = backend.clone();
        async move { copy_other(&backend, &from, &to).await }
    })
    .await?;
    let leaving = states.into_iter().filter(|state| !state.has_arrived);
    bounded::map(leaving, |state| {
        let backend = backend.clone();
        async move { state.arrive(&backend).await }
    })
    .await
    .map(drop)
}

async fn copy_other(backend: &Backend, from: &ObjectKey, to: &ObjectKey) -> Result<()> {
    let Some(object) = read(backend, from).await? else { return Err(changed(from)) };
    let expected = Archived::of(&object.bytes);
    create(backend, to, object.bytes).await?;
    match read(backend, to).await? {
        Some(there) if Archived::of(&there.bytes) == expected => Ok(()),
        _ => Err(occupied(to)),
    }
}

/// A state that was sealed where it was.
struct Departed {
    state: Leaving,
    place: StackSpace,
    /// Whether it is where it goes.
    has_arrived: bool,
}

impl Departed {
    async fn read(backend: &Backend, from: ObjectKey, place: StackSpace) -> Result<Self> {
        let (state, _) = leaving(backend, &from).await?;
        if !state.has_left_for(&place)? {
            return Err(changed(&from));
        }
        let key = place.state();
        let there = read(backend, &key).await?;
        let there = there.map(|object| Leaving::parse(&object.bytes, &key)).transpose()?;
        if there.as_ref().is_some_and(Leaving::is_closed) {
            return Err(occupied(&key));
        }
        let has_arrived = there.is_some();
        Ok(Self { state, place, has_arrived })
    }

    async fn arrive(self, backend: &Backend) -> Result<()> {
        let key = self.place.state();
        create(backend, &key, self.state.arrived()).await?;
        read(backend, &key).await?.map(drop).ok_or_else(|| changed(&key))
    }
}

/// A state where it was, with its version.
pub(super) async fn leaving(backend: &Backend, key: &ObjectKey) -> Result<(Leaving, ETag)> {
    let Some(object) = read(backend, key).await? else { return Err(changed(key)) };
    Ok((Leaving::parse(&object.bytes, key)?, object.etag))
}

pub(super) async fn read(backend: &Backend, key: &ObjectKey) -> Result<Option<Object>> {
    backend.objects.read(key).await.attempted(format!("read {key}"), &backend.place.address)
}

/// Writes what is not there yet.
async fn create(backend: &Backend, key: &ObjectKey, bytes: Vec<u8>) -> Result<()> {
    let objects = Arc::clone(&backend.objects);
    let mut again = true;
    loop {
        match objects.write(key, bytes.clone(), WriteIf::Absent).await {
            Ok(_) | Err(PortError::Conflict) => return Ok(()),
            Err(PortError::Unavailable(_)) if again => again = false,
            Err(error) => return Err(explain(error, format!("write {key}"), &backend.place.address)),
        }
    }
}

pub(super) fn changed(key: &ObjectKey) -> Error {
    Error::new(Reason::StateConflict, format!("{key} changed while it was moved"))
        .hint("make sure that nobody works with it, then run the command again")
}

fn occupied(key: &ObjectKey) -> Error {
    Error::new(Reason::StateConflict, format!("{key} is there already, with another content"))
        .hint("look whose it is; nothing that is there is overwritten")
}
