//! A plan that is confirmed beforehand is what the run does that follows it at once.

use std::time::{Duration, Instant};

use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::run_service_client::RunServiceClient;
use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{CallContext, Operation, PlanOptions, PlanRequest, StackTarget, StartRunRequest};
use harness::client;
use harness::scenes::{Platform, teams};

use crate::run_cancel::context;

/// For so long a plan is kept.
const KEPT: Duration = Duration::from_secs(5);

type Differently<'a> = &'a dyn Fn(&mut StartRunRequest);

fn target() -> StackTarget {
    StackTarget { stack: "shop".to_owned(), environment: "development".to_owned(), ..StackTarget::default() }
}

fn options() -> PlanOptions {
    PlanOptions { operation: Operation::Apply.into(), ..PlanOptions::default() }
}

/// Plans for a run that is to follow at once; answers the digest.
fn planned(team: &Platform) -> String {
    let asked = PlanRequest {
        context: Some(context(&team.world)),
        target: Some(target()),
        options: Some(options()),
        brief: true,
        ..PlanRequest::default()
    };
    client::block_on(async {
        let mut stacks = StackServiceClient::new(client::connect(&team.world).await);
        stacks.plan(asked).await.unwrap().into_inner().digest
    })
}

/// Asks for the run of a plan, or of another one as well.
fn asked(team: &Platform, digest: &str) -> StartRunRequest {
    StartRunRequest {
        context: Some(context(&team.world)),
        target: Some(target()),
        options: Some(options()),
        plan_digest: digest.to_owned(),
        accept_changed_plan: true,
        ..StartRunRequest::default()
    }
}

/// Starts the run of a plan, or something else; answers what it did.
fn started(team: &Platform, digest: &str, differently: impl FnOnce(&mut StartRunRequest)) -> String {
    let mut request = asked(team, digest);
    differently(&mut request);
    client::block_on(async {
        let mut runs = RunServiceClient::new(client::connect(&team.world).await);
        let mut events = runs.start(request).await.unwrap().into_inner();
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

/// Does what was confirmed, whatever the file says by then; answers the plan's digest.
fn confirmed_at_once(team: &Platform) -> String {
    loop {
        stack(team, "first");
        let begun = Instant::now();
        let digest = planned(team);
        stack(team, "second");
        match started(team, &digest, |_| {}).as_str() {
            "first" => return digest,
            // A busy machine was not quick enough.
            done => assert!(begun.elapsed() >= KEPT, "the run was of {done:?}, and not of what was confirmed"),
        }
    }
}

#[test]
fn what_was_confirmed_is_done_once_and_anything_else_is_planned_anew() {
    for team in teams() {
        let first = confirmed_at_once(&team);
        assert_eq!(started(&team, &first, |_| {}), "second", "once");
        let other_environment = |start: &mut StartRunRequest| {
            let full = start.context.as_mut().and_then(|context: &mut CallContext| context.full_environment.as_mut());
            full.unwrap().variables.insert("OTHER".to_owned(), "1".to_owned());
        };
        let ways: [(&str, Differently<'_>); 4] = [
            ("nothing was confirmed", &|start| start.plan_digest.clear()),
            ("another plan was confirmed", &|start| start.plan_digest = "0".repeat(64)),
            ("another caller would have planned something else", &other_environment),
            ("something else was asked", &|start| start.target.as_mut().unwrap().services.push("s".to_owned())),
        ];
        for (at, (why, differently)) in ways.into_iter().enumerate() {
            stack(&team, &format!("old-{at}"));
            let digest = planned(&team);
            stack(&team, &format!("new-{at}"));
            assert_eq!(started(&team, &digest, differently), format!("new-{at}"), "{why}");
        }
        team.world.run(["apply", "--stack", "shop", "--yes"]).succeeds().says("No changes");
    }
}

#[test]
fn a_policy_that_changed_since_holds_for_what_was_planned_before() {
    for team in teams() {
        stack(&team, "first");
        let digest = planned(&team);
        team.world.run(["tenant", "edit", "web-team", "--environments", "staging"]).succeeds();
        let refused = client::block_on(async {
            let mut runs = RunServiceClient::new(client::connect(&team.world).await);
            runs.start(asked(&team, &digest)).await.unwrap_err()
        });
        assert!(refused.message().contains("development"), "{refused:?}");
        assert!(!team.world.work().join("done").exists());
    }
}

#[test]
fn a_file_that_changed_since_is_planned_anew_so_that_what_is_recorded_is_what_ran() {
    for team in teams() {
        team.world.write("shop/data", "old");
        team.write_stack("shop", &["x: { type: command, inputs: [data], apply: 'cat data > ../done' }"]);
        let digest = planned(&team);
        team.world.write("shop/data", "new");
        assert_eq!(started(&team, &digest, |_| {}), "new");
        team.world.run(["apply", "--stack", "shop", "--yes"]).succeeds().says("No changes");
    }
}
