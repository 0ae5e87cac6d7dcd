//! A run can be cancelled at every moment: at each of its events, and it ends in order.

use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::run_service_client::RunServiceClient;
use deployer_proto::v1::{CallContext, CancelRunRequest, FullEnvironment, RunStatus, StackTarget, StartRunRequest};
use harness::scenes::{Platform, team, teams};
use harness::{World, client};

/// The context of a caller whose commands see all of the world's variables.
pub fn context(world: &World) -> CallContext {
    let all: std::collections::HashMap<String, String> =
        world.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let context = client::context(world).unwrap();
    CallContext { environment: all.clone(), full_environment: Some(FullEnvironment { variables: all }), ..context }
}

/// Starts a run whose every component changes, and cancels it at its event number `at`; answers how it ended, and how
/// many events it had.
fn cancelled_at(team: &Platform, at: u64) -> (RunStatus, u64) {
    client::block_on(async {
        let channel = client::connect(&team.world).await;
        let request = StartRunRequest {
            context: Some(context(&team.world)),
            target: Some(StackTarget {
                stack: "shop".to_owned(),
                environment: "development".to_owned(),
                variables: [("V".to_owned(), at.to_string())].into(),
                ..StackTarget::default()
            }),
            ..StartRunRequest::default()
        };
        let mut events = RunServiceClient::new(channel.clone()).start(request).await.unwrap().into_inner();
        let (mut id, mut ends) = (String::new(), Vec::new());
        let mut last = 0;
        while let Some(event) = events.message().await.unwrap() {
            last = event.sequence;
            if let Some(Event::Started(started)) = &event.event {
                id = started.run.clone().unwrap().id;
            }
            if event.sequence == at {
                let cancel = CancelRunRequest {
                    context: Some(context(&team.world)),
                    id: id.clone(),
                    ..CancelRunRequest::default()
                };
                RunServiceClient::new(channel.clone()).cancel(cancel).await.unwrap();
            }
            if let Some(Event::Finished(finished)) = event.event {
                ends.push(finished.status());
            }
        }
        assert_eq!(ends.len(), 1, "one end");
        (ends[0], last)
    })
}

#[test]
fn a_run_that_is_cancelled_at_any_of_its_events_ends_in_order_and_the_next_one_goes_on() {
    for team in teams() {
        team.world.write(
            "shop/stack.yaml",
            "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\n\
             variables: { V: { default: '0' } }\nservices:\n  s:\n    components:\n      \
             a: { type: command, environment: { V: '${var.V}' }, apply: 'echo a' }\n      \
             b: { type: command, environment: { V: '${var.V}' }, dependsOn: [s.a], apply: 'echo b' }\n      \
             c: { type: command, environment: { V: '${var.V}' }, dependsOn: [s.b], apply: 'echo c' }\n",
        );
        team.apply("shop").succeeds();
        let (mut at, mut cancelled) = (1, 0);
        loop {
            let (status, events) = cancelled_at(&team, at);
            assert!(matches!(status, RunStatus::Cancelled | RunStatus::Succeeded), "at {at}: {status:?}");
            cancelled += u32::from(status == RunStatus::Cancelled);
            let locks = team.world.run(["lock", "list", "-o", "json"]).succeeds().json();
            assert_eq!(locks["locks"], serde_json::json!([]), "at {at}");
            if at >= events {
                break;
            }
            at += 1;
        }
        assert!(at >= 10 && cancelled >= 4, "{cancelled} of {at}");
        team.apply("shop").succeeds();
        team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0);
    }
}

#[test]
fn what_another_machine_runs_is_shown_there_and_cancelled_only_by_its_owner() {
    let platform = Platform::local();
    let secret = platform.create_tenant("web-team");
    platform.sign_in("web-team", &secret);
    let team = platform.in_development();
    team.write_stack("shop", &["a: { type: command, apply: 'touch began; until [ -e go ]; do sleep 0.02; done' }"]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    harness::wait::until("the command runs", || team.world.work().join("shop/began").exists());
    let runs = team.world.run(["run", "list", "-o", "json"]).succeeds().json();
    let id = runs["runs"][0]["id"].as_str().unwrap().to_owned();
    let colleague = team.colleague("web-team", &secret);
    let shown = harness::wait::until_some("the run is stored", || {
        let shown = colleague.run(["run", "show", &id, "-o", "json"]);
        (shown.code == Some(0)).then(|| shown.json())
    });
    assert_eq!((&shown["status"], &shown["owned"]), (&"RUN_STATUS_RUNNING".into(), &false.into()));
    let refused = colleague.run(["run", "cancel", &id]);
    assert_ne!(refused.code, Some(0), "{refused}");
    team.world.write("shop/go", "");
    apply.wait().succeeds();
    let ended =
        || colleague.run(["run", "show", &id, "-o", "json"]).succeeds().json()["status"] == "RUN_STATUS_SUCCEEDED";
    harness::wait::until("its end is stored", ended);
}

#[test]
fn cancelling_what_is_over_changes_nothing() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    team.apply("shop").succeeds();
    let runs = team.world.run(["run", "list", "-o", "json"]).succeeds().json();
    let id = runs["runs"][0]["id"].as_str().unwrap().to_owned();
    team.world.run(["run", "cancel", &id]);
    let shown = team.world.run(["run", "show", &id, "-o", "json"]).succeeds().json();
    assert_eq!(shown["status"], "RUN_STATUS_SUCCEEDED");
}
