//! The private directories in which modules are worked on: one for each run, in it one for each component.
//!
//! ```text
//! <state directory>/terraform/<ulid>/owner.json      whose it is; locked for as long as that lives
//!     <service>.<component>/directory                where in the tree the module is
//!     <service>.<component>/tree/…                   the copy of the module and of what it calls
//!     <service>.<component>/data/                    TF_DATA_DIR
//!     <service>.<component>/{variables.tfvars.json,plan}
//! ```
//!
//! **Invariant:** a directory whose Terraform could not store its state is kept until that is stored.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use deployer_domain::name::ComponentId;
use deployer_domain::seal::Fence;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::state::LeftBehind;

/// Where Terraform writes a state that its backend did not take.
const ERRORED: &str = "errored.tfstate";
const OWNER: &str = "owner.json";

/// Whose directory it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The backend's address, and the key of the stack's state in it.
    pub place: String,
    /// The token of the lease; 0 for whoever only looks.
    pub token: u64,
    /// The daemon incarnation.
    pub session: Ulid,
}

/// The directory of one run.
pub struct Workshop {
    directory: PathBuf,
    /// Its lock says that it is in use.
    owner: Mutex<File>,
    left: Mutex<BTreeMap<ComponentId, (PathBuf, LeftBehind)>>,
}

/// The directory of one component.
pub struct Room {
    directory: PathBuf,
    /// Where the module's own directory is.
    pub module: PathBuf,
}

impl Workshop {
    /// Makes a directory below `all`. Blocks.
    pub fn open(all: &Path, id: Ulid, owner: &Owner) -> io::Result<Self> {
        private(all)?;
        let directory = all.join(id.to_string());
        private(&directory)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(directory.join(OWNER))?;
        // Somebody who looks around may hold it for a moment.
        file.lock()?;
        let workshop = Self { directory, owner: Mutex::new(file), left: Mutex::default() };
        workshop.own(owner)?;
        Ok(workshop)
    }

    /// Says whose it is, from when on; whoever holds the lock takes note of what dead runs left. Blocks.
    pub fn own(&self, owner: &Owner) -> io::Result<()> {
        if owner.token > 0
            && let Some(all) = self.directory.parent()
        {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = look_around(all, owner);
        }
        let mut file = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(owner)?)
    }

    /// What a dead run could not store of a component; whoever may not write it either takes nothing, although the
    /// directory is shared with what is made ready ahead of the lock.
    pub fn left_behind(&self, id: &ComponentId, holder: Option<Fence>) -> Option<(PathBuf, LeftBehind)> {
        holder?;
        self.left.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Makes the room of a component, empty.
    pub fn room(&self, id: &ComponentId, module: &Path) -> io::Result<Room> {
        let directory = self.directory.join(id.to_string());
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        private(&directory)?;
        let module = directory.join("tree").join(module);
        private(&module)?;
        let relative = module.strip_prefix(&directory).unwrap_or(&module);
        fs::write(directory.join("directory"), relative.as_os_str().as_encoded_bytes())?;
        Ok(Room { directory, module })
    }

    /// Where sources are unpacked.
    pub fn sources(&self) -> PathBuf {
        self.directory.join("sources")
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if errored_below(&self.directory).is_empty() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Room {
    /// Where the module and what it calls are copied to.
    pub fn tree(&self) -> PathBuf {
        self.directory.join("tree")
    }

    /// `TF_DATA_DIR`.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The file of variables.
    pub fn variables(&self) -> PathBuf {
        self.directory.join("variables.tfvars.json")
    }

    /// The plan.
    pub fn plan(&self) -> PathBuf {
        self.directory.join("plan")
    }

    /// The state that Terraform could not store, if there is one.
    pub fn errored(&self) -> Option<PathBuf> {
        Some(self.module.join(ERRORED)).filter(|path| path.is_file())
    }

    /// Writes a file that only its owner may read.
    pub fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(content)
    }
}

/// Finds what dead runs of the same place could not store, and removes what else the dead left.
fn look_around(all: &Path, ours: &Owner) -> BTreeMap<ComponentId, (PathBuf, LeftBehind)> {
    let mut found = BTreeMap::new();
    for directory in below(all) {
        let Some(owner) = dead_owner(&directory) else { continue };
        let errored = errored_below(&directory);
        if errored.is_empty() {
            let _ = fs::remove_dir_all(&directory);
            continue;
        }
        let fence = Fence { token: owner.token, session: owner.session };
        for (id, path) in errored.into_iter().filter(|_| owner.place == ours.place) {
            if let Ok(content) = fs::read(&path) {
                found.insert(id, (path, LeftBehind { fence, content }));
            }
        }
    }
    found
}

/// The owner of a directory that nobody uses any more.
fn dead_owner(directory: &Path) -> Option<Owner> {
    let file = File::open(directory.join(OWNER)).ok()?;
    file.try_lock().ok()?;
    serde_json::from_reader(&file).ok()
}

fn errored_below(directory: &Path) -> Vec<(ComponentId, PathBuf)> {
    let of = |room: PathBuf| {
        let id: ComponentId = room.file_name()?.to_str()?.parse().ok()?;
        let relative = fs::read_to_string(room.join("directory")).ok()?;
        let path = room.join(relative).join(ERRORED);
        path.is_file().then_some((id, path))
    };
    below(directory).filter_map(of).collect()
}

fn below(directory: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(token: u64) -> Owner {
        Owner { place: "local:/x tenants/a".to_owned(), token, session: Ulid::from(u128::from(token)) }
    }

    #[test]
    fn what_a_dead_run_could_not_store_is_found_by_the_next_one_of_the_same_place_only() {
        let all = tempfile::tempdir().unwrap();
        let id: ComponentId = "net.dns".parse().unwrap();
        let open = |number: u128, owner: &Owner| Workshop::open(all.path(), Ulid::from(number), owner).unwrap();
        let holder = Some(Fence { token: 8, session: Ulid::nil() });
        let dead = open(1, &owner(7));
        let room = dead.room(&id, Path::new("./terraform/dns")).unwrap();
        fs::write(room.module.join(ERRORED), "{}").unwrap();
        assert!(open(2, &owner(8)).left_behind(&id, holder).is_none(), "its owner is alive");
        drop(dead);
        let elsewhere = Owner { place: "local:/y tenants/a".to_owned(), ..owner(8) };
        assert!(open(3, &elsewhere).left_behind(&id, holder).is_none());
        let next = open(4, &owner(8));
        assert!(next.left_behind(&id, None).is_none(), "whoever only looks leaves it to the holder");
        let (path, left) = next.left_behind(&id, holder).unwrap();
        assert_eq!((left.content.as_slice(), left.fence.token), (&b"{}"[..], 7));
        fs::remove_file(path).unwrap();
        drop(next);
        drop(open(5, &owner(9)));
        assert_eq!(below(all.path()).count(), 0, "nothing else is kept");
    }
}
