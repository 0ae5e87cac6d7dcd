//! A plan that is confirmed beforehand is what the run does that follows it at once.

use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::run_service_client::RunServiceClient;
use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{CallContext, Operation, PlanOptions, PlanRequest, StackTarget, StartRunRequest};
use harness::client;
use harness::scenes::{Platform, teams};

use crate::run_cancel::context;

/// Plans briefly, does something, and starts the run with the plan's digest; answers what the run did.
fn planned_then(team: &Platform, between: impl FnOnce(&mut StartRunRequest)) -> String {
    let target =
        StackTarget { stack: "shop".to_owned(), environment: "development".to_owned(), ..StackTarget::default() };
    let options = PlanOptions { operation: Operation::Apply.into(), ..PlanOptions::default() };
    let asked = PlanRequest {
        context: Some(context(&team.world)),
        target: Some(target.clone()),
        options: Some(options.clone()),
        brief: true,
        ..PlanRequest::default()
    };
    client::block_on(async {
        let channel = client::connect(&team.world).await;
        let plan = StackServiceClient::new(channel.clone()).plan(asked).await.unwrap().into_inner();
        let mut request = StartRunRequest {
            context: Some(context(&team.world)),
            target: Some(target),
            options: Some(options),
            plan_digest: plan.digest,
            accept_changed_plan: true,
            ..StartRunRequest::default()
        };
        between(&mut request);
        let mut events = RunServiceClient::new(channel).start(request).await.unwrap().into_inner();
        while let Some(event) = events.message().await.unwrap() {
            if let Some(Event::Finished(finished)) = event.event {
                assert!(finished.error.is_none(), "{finished:?}");
            }
        }
    });
    std::fs::read_to_string(team.world.work().join("done")).unwrap_or_default().trim().to_owned()
}

fn stack(team: &Platform, apply: &str) {
    team.write_stack("shop", &[&format!("x: {{ type: command, apply: 'echo {apply} > ../done' }}")]);
}

#[test]
fn what_was_confirmed_is_done_once_and_anything_else_is_planned_anew() {
    for team in teams() {
        stack(&team, "first");
        assert_eq!(planned_then(&team, |_| stack(&team, "second")), "first", "the run is of what was confirmed");
        let done = planned_then(&team, |start| {
            stack(&team, "third");
            start.plan_digest.clear();
        });
        assert_eq!(done, "third", "nothing was confirmed");
        stack(&team, "fourth");
        let done = planned_then(&team, |start| {
            stack(&team, "fifth");
            start.plan_digest = "0".repeat(64);
        });
        assert_eq!(done, "fifth", "another plan was confirmed");
        stack(&team, "sixth");
        let done = planned_then(&team, |start| {
            stack(&team, "seventh");
            let full = start.context.as_mut().and_then(|context: &mut CallContext| context.full_environment.as_mut());
            full.unwrap().variables.insert("OTHER".to_owned(), "1".to_owned());
        });
        assert_eq!(done, "seventh", "another caller would have planned something else");
        team.world.run(["apply", "--stack", "shop", "--yes"]).succeeds().says("No changes");
    }
}
