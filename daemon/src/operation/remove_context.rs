//! Forgets a context and its session.

use deployer_domain::context::{CONTEXT_FORMAT, Context, ContextName};
use deployer_domain::error::Result;
use deployer_domain::name::TenantId;
use deployer_domain::session::Mode;

use super::list_contexts::ContextView;
use super::{Ports, remembered};

/// Forgets a context and its session; a damaged one too. Where it was the current one, none is.
pub async fn remove_context(ports: &Ports, name: &str) -> Result<ContextView> {
    let context = match remembered::named(ports, name).await {
        Ok(context) => context,
        Err(error) => damaged(ports, name).await.ok_or(error)?,
    };
    let (name, mode) = (context.name(), context.mode());
    let was_current = remembered::current(ports).await?.of(mode) == Some(&name);
    remembered::forget(ports, &name).await?;
    if was_current {
        remembered::set_current(ports, mode, None).await?;
    }
    let gone = Context { session: None, ..context };
    Ok(ContextView::new(gone, was_current, ports.clock.now()))
}

/// What can be said of an entry that is there but cannot be read.
async fn damaged(ports: &Ports, name: &str) -> Option<Context> {
    let name: ContextName = name.parse().ok()?;
    ports.vault.names().await.ok()?.iter().find(|found| *found == name.as_str())?;
    let (who, address) = name.as_str().split_once('@')?;
    let tenant = if who == Mode::Admin.to_string() { None } else { Some(TenantId::new(who).ok()?) };
    let backend = address.parse::<deployer_domain::backend::BackendAddress>().ok()?.into();
    Some(Context {
        format_version: CONTEXT_FORMAT,
        tenant,
        backend,
        lock_table: None,
        admin_secret: None,
        session: None,
        revoked: false,
    })
}
