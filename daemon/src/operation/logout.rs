//! Ends a session. Its context is remembered, so that the next sign-in knows the place.

use deployer_domain::caller::Caller;
use deployer_domain::context::{Context, ContextName};
use deployer_domain::error::Result;
use deployer_domain::session::Mode;

use super::{Ports, remembered};

/// Ends the session of the current context of a mode, or of the one that the caller names; `None` when nobody was
/// signed in. A named context has its own mode.
pub async fn logout(ports: &Ports, caller: &Caller, mode: Option<Mode>) -> Result<Option<ContextName>> {
    let context = match (mode, &caller.context) {
        (None, Some(name)) => Some(remembered::named(ports, name).await?),
        (mode, _) => remembered::chosen(ports, caller, mode.unwrap_or(Mode::Tenant)).await?,
    };
    let Some(context) = context else { return Ok(None) };
    let was_signed_in = context.session.is_some();
    let ended = Context { session: None, revoked: false, ..context };
    remembered::save(ports, &ended).await?;
    Ok(was_signed_in.then(|| ended.name()))
}
