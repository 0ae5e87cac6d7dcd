//! Lists the contexts of this user on this computer.

use deployer_domain::context::Context;
use deployer_domain::error::Result;
use jiff::Timestamp;

use super::{Ports, remembered};

/// A context as it is listed.
#[derive(Debug, Clone)]
pub struct ContextView {
    /// The context.
    pub context: Context,
    /// Whether it is the current one of its mode.
    pub current: bool,
    /// When its session ends unless it is used again; `None` without a session that is still good.
    pub signed_in_until: Option<Timestamp>,
}

impl ContextView {
    /// The context as things stand, without asking its backend.
    pub(super) fn new(context: Context, current: bool, now: Timestamp) -> Self {
        let session = context.session.as_ref().filter(|session| !session.is_expired(now));
        Self { signed_in_until: session.map(|session| session.expires), current, context }
    }
}

/// Lists all contexts, sorted by name. Asks no backend.
pub async fn list_contexts(ports: &Ports) -> Result<Vec<ContextView>> {
    let current = remembered::current(ports).await?;
    let now = ports.clock.now();
    let contexts = remembered::all(ports).await?;
    let view = |context: Context| {
        let is_current = current.of(context.mode()) == Some(&context.name());
        ContextView::new(context, is_current, now)
    };
    Ok(contexts.into_iter().map(view).collect())
}
