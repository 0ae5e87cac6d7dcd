//! What a team may use: each refusal ends with 7 and names the limit, what is in use, and who can change it.

use harness::aws::LocalAws;
use harness::bills::Bills;
use harness::proxy::Proxy;
use harness::scenes::{Platform, teams};

use crate::cloudformation;

const COMPONENT: &str = "a: { type: command, apply: 'true' }";

fn edit(team: &Platform, arguments: &[&str]) {
    team.world.run(["tenant", "edit", "web-team"].into_iter().chain(arguments.iter().copied())).succeeds();
}

/// Waits until the team's daemon has heard of an edit; the answer is what its apply says then.
fn refused(team: &Platform, stack: &str, expected: &[&str]) {
    let apply = team.world.run(["apply", "--stack", stack, "--yes"]).exits(7);
    let plan = team.world.run(["plan", "--stack", stack]).succeeds();
    for part in expected {
        assert!(apply.stderr.contains(part), "no {part:?} in {apply}");
        assert!(plan.stdout.contains(part), "no {part:?} in {plan}");
    }
}

fn services(names: &[&str]) -> String {
    let head = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments:\n  development: {}\n  production: {}\nservices:\n";
    let service = |name: &&str| format!("  {name}:\n    components:\n      {COMPONENT}\n");
    format!("{head}{}", names.iter().map(service).collect::<String>())
}

#[test]
fn every_limit_refuses_with_its_name_what_is_in_use_and_who_can_change_it() {
    for team in teams() {
        edit(&team, &["--max-stacks", "1", "--max-services", "2"]);
        team.world.write("shop/stack.yaml", &services(&["one", "two"]));
        team.apply("shop").succeeds();
        team.write_stack("other", &[COMPONENT]);
        refused(&team, "other", &["maxStacks", "1 / 1 stacks", "deployer tenant edit ID --max-stacks"]);
        team.world.write("shop/stack.yaml", &services(&["one", "two", "three"]));
        refused(&team, "shop", &["maxServices", "2 / 2 services", "deployer tenant edit ID --max-services"]);
        // What is there may change.
        team.world.write("shop/stack.yaml", &services(&["one", "two"]).replace("'true'", "'echo'"));
        team.apply("shop").succeeds();
        edit(&team, &["--environments", "staging,production"]);
        team.world.write("shop/stack.yaml", &services(&["one", "two"]));
        refused(
            &team,
            "shop",
            &["environment development", "staging, production", "deployer tenant edit ID --environments"],
        );
        edit(&team, &["--environments", "any", "--regions", "us-east-1"]);
        let text = services(&["one"]).replace("development: {}", "development: { region: eu-central-1 }");
        team.world.write("shop/stack.yaml", &text);
        refused(&team, "shop", &["region eu-central-1", "us-east-1", "deployer tenant edit ID --regions"]);
        team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    }
}

#[test]
fn what_is_far_from_the_limits_is_not_counted_for_every_new_stack() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let mut team = Platform::aws(&aws);
    let secret = team.create_tenant("web-team");
    team.world = team.world.with("AWS_ENDPOINT_URL", proxy.endpoint()).with("DEPLOYER_ENVIRONMENT", "development");
    team.sign_in("web-team", &secret);
    let reads_of = |stack: &str| {
        team.write_stack(stack, &[COMPONENT]);
        proxy.forget();
        team.apply(stack).succeeds();
        proxy.counts().iter().filter(|(name, _)| name.name() == "S3.GetObject").map(|(_, times)| times).sum::<usize>()
    };
    reads_of("first");
    let (second, others) = (reads_of("second"), ["a", "b", "c", "d"].map(reads_of));
    assert!(others.iter().all(|reads| *reads <= second), "{second}, then {others:?}");
}

#[test]
fn the_monthly_cost_is_warned_of_and_at_its_limit_nothing_new_is_made_where_the_policy_says_so() {
    let bills = Bills::start();
    let mut team = cloudformation::team();
    team.world = team.world.with("AWS_ENDPOINT_URL_COST_EXPLORER", bills.endpoint());
    let month = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).strftime("%Y-%m").to_string();
    bills.answer(&[&[(&month, &[("AWS Lambda", 850.0)])], &[(&month, &[("", 1.0)])]]);
    team.write_stack("shop", &[COMPONENT]);
    edit(&team, &["--monthly-cost-limit", "1000", "--cost-limit", "deny"]);
    team.world.run(["plan", "--stack", "shop"]).succeeds().says("monthlyCostLimit is near: $850 / $1000 (85%)");
    team.apply("shop").succeeds();
    edit(&team, &["--monthly-cost-limit", "800"]);
    team.write_stack("shop", &[COMPONENT, "b: { type: command, apply: 'true' }"]);
    refused(
        &team,
        "shop",
        &["monthlyCostLimit of $800", "$850 / $800 (106%)", "deployer tenant edit ID --monthly-cost-limit"],
    );
    team.write_stack("shop", &[&COMPONENT.replace("true", "echo")]);
    team.apply("shop").succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    edit(&team, &["--cost-limit", "warn"]);
    let plan = team.world.run(["plan", "--stack", "shop"]).succeeds();
    plan.says("monthlyCostLimit is reached: $850 / $800 (106%) this month");
    team.apply("shop").succeeds();
}
