//! Makes the modules of a run ready while it asks for its lock.

use std::sync::Arc;

use deployer_domain::plan::Step;
use tokio_util::sync::CancellationToken;

use super::proposals::Asking;
use crate::engine::terraform::Ahead;

impl Asking<'_> {
    /// Makes the modules that a run will apply ready, as far as they are known before its lock; nothing where there are
    /// none. What cannot be done here is done, and told, when its turn comes.
    pub(super) async fn ahead(&self, cancel: &CancellationToken, at_once: usize) -> Option<Arc<Ahead>> {
        let scope = self.plan.resolver.scope();
        let module = |step: &Step| Some((step.component.clone(), step.module(scope)?));
        let modules: Vec<_> = self.plan.steps.iter().filter_map(module).collect();
        if modules.is_empty() {
            return None;
        }
        match self.modules(cancel.clone(), at_once).await {
            Ok((engine, commands, directory)) => Some(Arc::new(Ahead::begin(engine, modules, async move {
                commands.end().await;
                drop(directory);
            }))),
            Err(error) => {
                tracing::info!(%error, "no module is made ready ahead");
                None
            }
        }
    }
}
