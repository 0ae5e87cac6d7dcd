//! Ends a session. Its context is remembered, so that the next sign-in knows the place.

use deployer_domain::caller::Caller;
use deployer_domain::context::{Context, ContextName};
use deployer_domain::error::Result;
use deployer_domain::session::Mode;

use super::{Ports, remembered};

/// Ends the session of the current context of a mode, or of the one that the caller names, whose own mode then
/// counts; `None` when nobody was signed in.
pub async fn logout(ports: &Ports, caller: &Caller, mode: Mode) -> Result<Option<ContextName>> {
    let mode = remembered::mode_of(ports, caller).await?.unwrap_or(mode);
    let context = remembered::chosen(ports, caller, mode).await?;
    let Some(context) = context else { return Ok(None) };
    let was_signed_in = context.session.is_some();
    let ended = Context { session: None, revoked: false, ..context };
    remembered::save(ports, &ended).await?;
    Ok(was_signed_in.then(|| ended.name()))
}
