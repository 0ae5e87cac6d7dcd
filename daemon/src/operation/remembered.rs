//! The contexts that this computer remembers: entries of the vault, one for each, and one that says which are current.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::change::{ContextStanding, What};
use deployer_domain::context::{CONTEXT_FORMAT, Context, ContextName, Current};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::session::{Mode, Session};
use deployer_domain::vault::{VaultError, VaultPlace};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::AbortHandle;

use super::Ports;
use crate::life::Keep;

/// The entry that says which contexts are current; no context is called so.
const CURRENT: &str = "current";

/// Wall clocks jump and computers sleep: the end of a session in memory is looked for at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Makes changes to what is remembered one at a time, and keeps the daemon alive for sessions in its memory.
#[derive(Default)]
pub(super) struct ContextLock {
    changing: tokio::sync::Mutex<()>,
    kept: Mutex<HashMap<ContextName, AbortHandle>>,
}

/// Reads a context.
pub(super) async fn load(ports: &Ports, name: &ContextName) -> Result<Option<Context>> {
    let read = ports.vault.read(name.as_str()).await.map_err(|error| closed(&error))?;
    read.map(|document| parse(name, &document)).transpose()
}

fn parse(name: &ContextName, document: &SecretString) -> Result<Context> {
    // The parser's own message may quote the document.
    let context = serde_json::from_str::<Context>(document.expose_secret()).ok();
    match context {
        Some(context) if context.format_version <= CONTEXT_FORMAT && context.name() == *name => Ok(context),
        Some(context) if context.format_version > CONTEXT_FORMAT => {
            Err(Error::new(Reason::NotSignedIn, format!("the session of {name} was saved by a newer deployer"))
                .hint("upgrade deployer, or sign in again"))
        }
        _ => Err(Error::new(Reason::NotSignedIn, format!("the saved session of {name} is damaged"))
            .hint(format!("remove it with `deployer context remove {name}` and sign in again"))),
    }
}

/// Saves a context, and answers where.
pub(super) async fn save(ports: &Ports, context: &Context) -> Result<VaultPlace> {
    let _alone = ports.caches.contexts.changing.lock().await;
    write(ports, context).await
}

/// Saves what became of a session, unless the context has another one by now, or none: whoever signed in or out meanwhile
/// keeps what they did. Answers whether it was saved.
pub(super) async fn save_over(ports: &Ports, session: &Session, context: &Context) -> Result<bool> {
    let _alone = ports.caches.contexts.changing.lock().await;
    let saved = load(ports, &context.name()).await?.and_then(|saved| saved.session);
    let is_same = |saved: Session| saved.binding == session.binding && saved.authenticated == session.authenticated;
    if !saved.is_some_and(is_same) {
        return Ok(false);
    }
    write(ports, context).await.map(|_| true)
}

async fn write(ports: &Ports, context: &Context) -> Result<VaultPlace> {
    let name = context.name();
    let text = serde_json::to_string(context)
        .map_err(|error| Error::new(Reason::Internal, format!("a session cannot be written: {error}")))?;
    let written = ports.vault.write(name.as_str(), &SecretString::from(text)).await;
    written.map_err(|error| not_saved(&name, &error))?;
    let place = ports.vault.place(name.as_str()).await;
    let until = context.session.as_ref().map(|session| session.expires);
    keep_alive(ports, &name, until.filter(|_| !place.lasting))?;
    let standing = if until.is_some() { ContextStanding::SignedIn } else { ContextStanding::SignedOut };
    ports.changes.tell(What::Context(name, standing));
    Ok(place)
}

/// Forgets a context.
pub(super) async fn forget(ports: &Ports, name: &ContextName) -> Result<()> {
    keep_alive(ports, name, None)?;
    ports.vault.remove(name.as_str()).await.map_err(|error| not_saved(name, &error))?;
    ports.changes.tell(What::Context(name.clone(), ContextStanding::Removed));
    Ok(())
}

/// Which contexts are current.
pub(super) async fn current(ports: &Ports) -> Result<Current> {
    let read = ports.vault.read(CURRENT).await.map_err(|error| closed(&error))?;
    Ok(read.and_then(|document| serde_json::from_str(document.expose_secret()).ok()).unwrap_or_default())
}

/// Makes a context the current one of a mode, or none.
pub(super) async fn set_current(ports: &Ports, mode: Mode, name: Option<ContextName>) -> Result<()> {
    let _alone = ports.caches.contexts.changing.lock().await;
    let mut current = current(ports).await?;
    if current.of(mode) == name.as_ref() {
        return Ok(());
    }
    current.set(mode, name.clone());
    let text = serde_json::to_string(&current)
        .map_err(|error| Error::new(Reason::Internal, format!("the current contexts cannot be written: {error}")))?;
    let written = ports.vault.write(CURRENT, &SecretString::from(text)).await;
    written.map_err(|error| closed(&error))?;
    ports.changes.tell(What::Current(mode, name));
    Ok(())
}

/// All contexts, sorted by name; damaged ones are left out.
pub(super) async fn all(ports: &Ports) -> Result<Vec<Context>> {
    let mut contexts = Vec::new();
    for name in ports.vault.names().await.map_err(|error| closed(&error))? {
        let Ok(name) = name.parse::<ContextName>() else { continue };
        match load(ports, &name).await {
            Ok(Some(context)) => contexts.push(context),
            Ok(None) => {}
            Err(error) => tracing::warn!(%name, %error, "a context is left out"),
        }
    }
    Ok(contexts)
}

/// The context that a caller acts in: the one it names, else the current one of the mode; `None` when there is none.
pub(super) async fn chosen(ports: &Ports, caller: &Caller, mode: Mode) -> Result<Option<Context>> {
    let Some(name) = &caller.context else {
        return match current(ports).await?.of(mode) {
            Some(name) => load(ports, name).await,
            None => Ok(None),
        };
    };
    let context = named(ports, name).await?;
    if context.mode() != mode {
        return Err(Error::new(
            Reason::InvalidRequest,
            format!("{} is a context of {} mode, this command needs {mode} mode", context.name(), context.mode()),
        )
        .hint("`deployer context list` shows all contexts; leave --context out to use the current one"));
    }
    Ok(Some(context))
}

/// The mode of the context that a caller names, if it names one.
pub(super) async fn mode_of(ports: &Ports, caller: &Caller) -> Result<Option<Mode>> {
    match &caller.context {
        Some(name) => named(ports, name).await.map(|context| Some(context.mode())),
        None => Ok(None),
    }
}

/// A context by its name, which must be remembered.
pub(super) async fn named(ports: &Ports, name: &str) -> Result<Context> {
    let name: ContextName = name.parse()?;
    match load(ports, &name).await? {
        Some(context) => Ok(context),
        None => Err(Error::new(Reason::NotFound, format!("there is no context {name} on this computer"))
            .hint("`deployer context list` shows all contexts")
            .hint(if name.as_str().starts_with("admin@") {
                "create it with `deployer admin login`"
            } else {
                "create it with `deployer login`"
            })),
    }
}

fn closed(error: &VaultError) -> Error {
    Error::new(Reason::NotSignedIn, "cannot read the saved sessions").caused_by(error).hint(
        "unlock the keyring, or choose another place with DEPLOYER_KEYRING=memory or =file and restart the daemon",
    )
}

fn not_saved(name: &ContextName, error: &VaultError) -> Error {
    Error::new(Reason::Internal, format!("cannot change the saved session of {name}")).caused_by(error).hint(
        "unlock the keyring, or choose another place with DEPLOYER_KEYRING=memory or =file and restart the daemon",
    )
}

/// Keeps the daemon alive until a session in its memory ends; `None` lets it go.
fn keep_alive(ports: &Ports, name: &ContextName, until: Option<Timestamp>) -> Result<()> {
    let fresh = match until {
        None => None,
        Some(until) => {
            let kept = ports.life.keep(Keep::Session(name.to_string()))?;
            let clock = std::sync::Arc::clone(&ports.clock);
            let watch = tokio::spawn(async move {
                let _kept = kept;
                while let Ok(left) = Duration::try_from(until.duration_since(clock.now()))
                    && !left.is_zero()
                {
                    tokio::time::sleep(left.min(LOOK_AGAIN)).await;
                }
            });
            Some(watch.abort_handle())
        }
    };
    let mut kept = ports.caches.contexts.kept.lock().unwrap_or_else(PoisonError::into_inner);
    let before = match fresh {
        Some(fresh) => kept.insert(name.clone(), fresh),
        None => kept.remove(name),
    };
    if let Some(before) = before {
        before.abort();
    }
    Ok(())
}
