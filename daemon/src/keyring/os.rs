//! Sessions in the OS keyring: Secret Service on Linux, the keychain on macOS.
//!
//! Where there is none, or it is locked, an entry is kept in memory and its place says so in plain words.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use deployer_domain::vault::{SessionVault, VaultError, VaultPlace, VaultResult};
use keyring_core::{CredentialStore, Entry, Error};
use secrecy::{ExposeSecret, SecretString};

use super::MemoryVault;

const SERVICE: &str = "deployer";

/// A keyring that asks a person for its password does not answer before they do.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an entry is trusted without asking, and how long a keyring that failed is left alone.
const TRUST: Duration = Duration::from_secs(30);

/// Keeps sessions in the OS keyring, one entry a context.
pub struct KeyringVault {
    memory: MemoryVault,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    store: Option<Open>,
    failed: Option<(Instant, Trouble)>,
    entries: BTreeMap<String, (Instant, Option<SecretString>)>,
}

/// A connection to the keyring. Closing it blocks, which no thread of the runtime may do: it is closed on its own.
struct Open(Option<Arc<CredentialStore>>);

impl Drop for Open {
    fn drop(&mut self) {
        let store = self.0.take();
        let _ends_by_itself = std::thread::Builder::new().spawn(move || drop(store));
    }
}

/// Why the keyring is of no use now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// There is none.
    Absent(&'static str),
    /// There is one, but it gives nothing out.
    Closed(&'static str),
}

impl Trouble {
    fn words(&self) -> &'static str {
        match self {
            Self::Absent(words) | Self::Closed(words) => words,
        }
    }
}

type Answer<T> = Result<T, Trouble>;

impl KeyringVault {
    /// Keeps sessions in the OS keyring, and in `memory` what it does not take.
    pub fn new(memory: MemoryVault) -> Self {
        Self { memory, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the keyring, on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&CredentialStore) -> keyring_core::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let open = {
            let known = self.known();
            match &known.failed {
                Some((since, trouble)) if since.elapsed() < TRUST => return Err(trouble.clone()),
                _ => known.store.as_ref().and_then(|open| open.0.clone()),
            }
        };
        let asked = tokio::task::spawn_blocking(move || {
            let store = open.map_or_else(open_store, Ok).map_err(|error| absent(&error))?;
            question(store.as_ref()).map(|answer| (store, answer)).map_err(|error| closed(&error))
        });
        let answer = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Trouble::Closed("the OS keyring failed")),
            Err(_) => Err(Trouble::Closed("the OS keyring did not answer in 5 s; it may be waiting to be unlocked")),
        };
        let mut known = self.known();
        match answer {
            Ok((store, answer)) => {
                known.store = Some(Open(Some(store)));
                known.failed = None;
                Ok(answer)
            }
            Err(trouble) => {
                known.store = None;
                known.failed = Some((Instant::now(), trouble.clone()));
                Err(trouble)
            }
        }
    }

    fn remember(&self, name: &str, document: Option<SecretString>) {
        self.known().entries.insert(name.to_owned(), (Instant::now(), document));
    }
}

#[cfg(target_os = "linux")]
fn open_store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = zbus_secret_service_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(target_os = "macos")]
fn open_store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = apple_native_keyring_store::keychain::Store::new()?;
    Ok(store)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn open_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::NoDefaultStore)
}

fn absent(error: &Error) -> Trouble {
    tracing::info!(%error, "no OS keyring");
    Trouble::Absent("there is no OS keyring in this session")
}

fn closed(error: &Error) -> Trouble {
    tracing::warn!(%error, "the OS keyring refused");
    match error {
        Error::NoStorageAccess(_) => Trouble::Closed("the OS keyring is locked"),
        _ => Trouble::Closed("the OS keyring failed"),
    }
}

fn entry(store: &CredentialStore, name: &str) -> keyring_core::Result<Entry> {
    let label = format!("deployer session {name}");
    let modifiers = HashMap::from([("label", label.as_str())]);
    store.build(SERVICE, name, cfg!(target_os = "linux").then_some(&modifiers))
}

fn found<T>(answer: keyring_core::Result<T>) -> keyring_core::Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    }
}

fn names(store: &CredentialStore) -> keyring_core::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in store.search(&HashMap::from([("service", SERVICE)]))? {
        let name = match entry.get_specifiers() {
            Some((_, name)) => Some(name),
            None => found(entry.get_attributes())?.and_then(|mut attributes| attributes.remove("username")),
        };
        names.extend(name);
    }
    Ok(names)
}

#[async_trait]
impl SessionVault for KeyringVault {
    async fn place(&self, name: &str) -> VaultPlace {
        let trouble = match self.ask(|_| Ok(())).await {
            Ok(()) if self.memory.has(name) => Some("the OS keyring was not there when this session began"),
            Ok(()) => None,
            Err(trouble) => Some(trouble.words()),
        };
        match trouble {
            None => VaultPlace { name: "the OS keyring".to_owned(), lasting: true, warning: None },
            Some(words) => {
                let memory = self.memory.place(name).await;
                let hint =
                    "set DEPLOYER_KEYRING=file to keep sessions in a file of yours, or =memory to keep them here";
                let warning = memory.warning.unwrap_or_else(|| format!("{words}; {hint}"));
                VaultPlace { warning: Some(warning), ..memory }
            }
        }
    }

    async fn read(&self, name: &str) -> VaultResult<Option<SecretString>> {
        if let Some(document) = self.memory.read(name).await? {
            return Ok(Some(document));
        }
        if let Some((since, document)) = self.known().entries.get(name)
            && since.elapsed() < TRUST
        {
            return Ok(document.clone());
        }
        let asked = name.to_owned();
        match self.ask(move |store| found(entry(store, &asked)?.get_secret())).await {
            Ok(bytes) => {
                let document = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(SecretString::from);
                self.remember(name, document.clone());
                Ok(document)
            }
            Err(Trouble::Absent(_)) => Ok(None),
            Err(Trouble::Closed(words)) => Err(VaultError(words.to_owned())),
        }
    }

    async fn write(&self, name: &str, document: &SecretString) -> VaultResult<()> {
        let (asked, bytes) = (name.to_owned(), document.clone());
        let written = self.ask(move |store| entry(store, &asked)?.set_secret(bytes.expose_secret().as_bytes())).await;
        match written {
            Ok(()) => {
                self.memory.remove(name).await?;
                self.remember(name, Some(document.clone()));
                Ok(())
            }
            Err(trouble) => {
                tracing::warn!(why = trouble.words(), "a session is kept in memory");
                self.memory.write(name, document).await
            }
        }
    }

    async fn remove(&self, name: &str) -> VaultResult<()> {
        self.memory.remove(name).await?;
        let asked = name.to_owned();
        match self.ask(move |store| found(entry(store, &asked)?.delete_credential())).await {
            Ok(_) => {
                self.remember(name, None);
                Ok(())
            }
            Err(Trouble::Absent(_)) => Ok(()),
            Err(Trouble::Closed(words)) => Err(VaultError(words.to_owned())),
        }
    }

    async fn names(&self) -> VaultResult<Vec<String>> {
        let mut all: BTreeSet<String> = self.memory.names().await?.into_iter().collect();
        match self.ask(names).await {
            Ok(names) => all.extend(names),
            Err(Trouble::Absent(_)) => {}
            Err(Trouble::Closed(words)) if all.is_empty() => return Err(VaultError(words.to_owned())),
            Err(Trouble::Closed(_)) => {}
        }
        Ok(all.into_iter().collect())
    }
}

impl std::fmt::Debug for KeyringVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyringVault")
    }
}
