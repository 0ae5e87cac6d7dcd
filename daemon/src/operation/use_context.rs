//! Makes a context the current one of its mode.

use deployer_domain::error::Result;

use super::list_contexts::ContextView;
use super::{Ports, remembered};

/// Makes a context the current one of its mode.
pub async fn use_context(ports: &Ports, name: &str) -> Result<ContextView> {
    let context = remembered::named(ports, name).await?;
    remembered::set_current(ports, context.mode(), Some(context.name())).await?;
    Ok(ContextView::new(context, true, ports.clock.now()))
}
