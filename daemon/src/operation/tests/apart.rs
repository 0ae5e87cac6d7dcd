//! Isolation is called enforced only when a person's own credentials were refused everything that is not the tenant's.

use deployer_domain::isolation::{Isolation, trials};
use deployer_domain::session::Mode;
use jiff::SignedDuration;

use super::{World, caller};
use crate::operation::show_session::show_session;
use crate::operation::show_tenant::show_tenant;
use crate::operation::tenant_details::tenant_details;

async fn isolation(world: &World) -> Isolation {
    let session = show_session(&world.ports, &caller(), Mode::Tenant).await.unwrap().isolation.unwrap();
    assert_eq!(tenant_details(&world.ports, &caller()).await.unwrap().isolation, Some(session));
    session
}

#[tokio::test]
async fn isolation_is_enforced_only_when_all_that_is_others_is_refused() {
    let (world, _) = World::with_tenant("web-team").await;
    assert_eq!(isolation(&world).await, Isolation::Advisory, "no role stands between");
    let soon = || world.clock.pass(SignedDuration::from_mins(10));
    for trial in trials(&"isolation-probe".parse().unwrap()) {
        world.keep_apart(vec![trial.clone()]);
        soon();
        assert_eq!(isolation(&world).await, Isolation::Advisory, "{trial}");
    }
    world.keep_apart(Vec::new());
    assert_eq!(isolation(&world).await, Isolation::Advisory, "it was looked at a moment ago");
    soon();
    assert_eq!(isolation(&world).await, Isolation::Enforced);
    let shown = show_tenant(&world.ports, &caller(), &"web-team".parse().unwrap()).await.unwrap();
    assert_eq!(shown.isolation, None, "an admin's credentials tell nothing of a team's");
}
