//! Costs: asked once an hour, unknown where nobody knows.

use deployer_domain::object::PortError;

use super::*;
use crate::operation::list_tenants::list_tenants;
use crate::operation::show_tenant::show_tenant;
use crate::operation::tenant_counts::CountWanted;
use crate::operation::tenant_details::tenant_details;
use crate::operation::tenant_usage::tenant_usage;

fn line(month: &str, of: &str, usd: f64) -> CostLine {
    CostLine { month: month.parse().unwrap(), of: of.to_owned(), usd }
}

async fn world(tracked: bool) -> World {
    let (world, _) = World::with_tenant("acme").await;
    if tracked {
        world.edit("acme", "costTracking: false", "costTracking: true").await;
        world.clock.pass(SignedDuration::from_mins(1));
    }
    world
}

fn answer(world: &World, lines: PortResult<Vec<CostLine>>) {
    *world.bills().answer.lock().unwrap() = Some(lines);
}

fn asked(world: &World) -> usize {
    world.bills().asked.lock().unwrap().len()
}

#[tokio::test]
async fn a_question_is_not_paid_for_twice_within_an_hour() {
    let world = world(true).await;
    answer(&world, Ok(vec![line("2024-01", "AWS Lambda", 42.0)]));
    for _ in 0..3 {
        assert_eq!(tenant_details(&world.ports, &caller()).await.unwrap().cost.usd, Some(42.0));
        tenant_usage(&world.ports, &caller(), None).await.unwrap();
    }
    assert_eq!(asked(&world), 2, "by service, and the same days of the month before");
    world.clock.pass(SignedDuration::from_mins(61));
    tenant_details(&world.ports, &caller()).await.unwrap();
    assert_eq!(asked(&world), 4);
    answer(&world, Ok(vec![line("2024-01", "acme", 7.0)]));
    for _ in 0..3 {
        let rows = list_tenants(&world.ports, &caller(), CountWanted::default()).await.unwrap();
        assert_eq!(rows[0].cost.usd, Some(7.0));
        let shown = show_tenant(&world.ports, &caller(), &"acme".parse().unwrap()).await.unwrap();
        assert_eq!(shown.cost.usd, Some(7.0));
    }
    assert_eq!(asked(&world), 5, "one question for all tenants");
}

#[tokio::test]
async fn without_tracking_nobody_is_asked_and_a_refusal_is_unknown_and_not_repeated_at_once() {
    let untracked = world(false).await;
    let cost = tenant_details(&untracked.ports, &caller()).await.unwrap().cost;
    assert_eq!((cost.usd, cost.unknown.as_str(), asked(&untracked)), (None, "cost tracking is off", 0));
    let world = world(true).await;
    answer(&world, Err(PortError::Denied("AccessDeniedException".to_owned())));
    for _ in 0..2 {
        let usage = tenant_usage(&world.ports, &caller(), None).await.unwrap();
        assert!(usage.costs.is_err() && usage.notes()[0].contains("AccessDenied"), "{:?}", usage.notes());
    }
    assert_eq!(asked(&world), 1);
    answer(&world, Ok(Vec::new()));
    world.clock.pass(SignedDuration::from_mins(6));
    let usage = tenant_usage(&world.ports, &caller(), None).await.unwrap();
    assert!(usage.notes()[0].contains("activated"), "no costs at all are no zero: {:?}", usage.notes());
}

#[tokio::test]
async fn a_month_that_is_over_has_costs_only_and_one_to_come_is_refused() {
    let world = world(true).await;
    answer(&world, Ok(vec![line("2023-11", "AWS Lambda", 3.0), line("2023-12", "AWS Lambda", 5.0)]));
    let usage = tenant_usage(&world.ports, &caller(), Some("2023-12".parse().unwrap())).await.unwrap();
    let costs = usage.costs.as_ref().unwrap();
    assert_eq!((costs.total, costs.trend, usage.now.is_none()), (5.0, Some(2.0), true));
    let error = tenant_usage(&world.ports, &caller(), Some("2024-02".parse().unwrap())).await.unwrap_err();
    assert_eq!(error.reason, Reason::InvalidRequest);
}
