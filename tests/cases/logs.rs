//! `logs`: what commands printed and what the provider keeps, interleaved by time.

use harness::aws::LocalAws;
use harness::boto::boto;
use harness::proxy::{Fault, Proxy, Refusal, Rule};
use harness::scenes::{Platform, team, teams};
use harness::terminal::{CTRL_C, Terminal};
use serde_json::Value;

use crate::cloudformation::{self, AWS};

fn texts(team: &Platform, arguments: &[&str]) -> Vec<String> {
    let all = ["logs", "--stack", "shop", "-o", "json"].into_iter().chain(arguments.iter().copied());
    let lines = team.world.run(all).succeeds().json_lines();
    lines.iter().map(|line| format!("{} {}", line["component"], line["line"]).replace('"', "")).collect()
}

#[test]
fn what_commands_printed_is_shown_with_its_component_in_front() {
    for team in teams() {
        team.world.run(["logs", "--stack", "shop"]).exits(8);
        team.write_stack(
            "shop",
            &[
                "a: { type: command, apply: 'echo first; echo oops >&2' }",
                "b: { type: command, dependsOn: [s.a], apply: 'echo second' }",
            ],
        );
        team.apply("shop").succeeds();
        assert_eq!(texts(&team, &[]), ["s.a first", "s.a oops", "s.b second"]);
        assert_eq!(texts(&team, &["--component", "s.b"]), ["s.b second"]);
        team.world.run(["logs", "--stack", "shop", "--component", "s.c"]).exits(8);
        let text = team.world.run(["logs", "--stack", "shop"]).succeeds().stdout;
        assert!(text.lines().next().unwrap().ends_with("Z s.a │ first"), "{text}");
        // The last run counts, and with a time all since then.
        team.write_stack(
            "shop",
            &[
                "a: { type: command, apply: 'echo third' }",
                "b: { type: command, dependsOn: [s.a], apply: 'echo second' }",
            ],
        );
        team.apply("shop").succeeds();
        assert_eq!(texts(&team, &[]), ["s.a third"]);
        assert_eq!(texts(&team, &["--since", "1h"]), ["s.a first", "s.a oops", "s.b second", "s.a third"]);
        let nothing = team.world.run(["logs", "--stack", "shop", "--since", "0s"]).succeeds();
        assert_eq!(nothing.stdout, "", "{nothing}");
        team.world.run(["logs", "--stack", "shop", "--since", "yesterday"]).exits(64);
    }
}

#[test]
fn a_colleague_sees_what_was_printed_on_another_machine() {
    let platform = Platform::local();
    let secret = platform.create_tenant("web-team");
    platform.sign_in("web-team", &secret);
    let team = platform.in_development();
    team.write_stack("shop", &["a: { type: command, apply: 'seq 20000' }"]);
    team.apply("shop").succeeds();
    let colleague = team.colleague("web-team", &secret);
    let read = || colleague.run(["logs", "--stack", "shop", "-q"]).succeeds().stdout;
    harness::wait::until("all is stored", || read().lines().count() == 20_000);
    assert!(read().lines().enumerate().all(|(at, line)| line == (at + 1).to_string()));
}

#[test]
fn a_run_is_followed_while_it_prints() {
    let team = team();
    team.write_stack(
        "shop",
        &["a: { type: command, apply: 'echo begun; until [ -e go ]; do sleep 0.02; done; echo gone' }"],
    );
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    harness::wait::until("the command runs", || texts_now(&team).contains("begun"));
    let mut follow = Terminal::new(team.world.command(["logs", "--stack", "shop", "--follow"]), 100, 24);
    follow.wait_for("begun");
    team.world.write("shop/go", "");
    follow.wait_for("gone");
    apply.wait().succeeds();
    follow.type_in(CTRL_C);
    assert_eq!(follow.wait().0, Some(130));
}

#[test]
fn a_follow_waits_for_the_first_deploy_and_takes_up_what_comes_later() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'echo first', destroy: 'echo last words' }"]);
        team.world.run(["logs", "--stack", "shop"]).exits(8).complains("was never deployed");
        let follow = |more: &[&str]| {
            let arguments = ["logs", "--stack", "shop", "--follow"].into_iter().chain(more.iter().copied());
            Terminal::new(team.world.command(arguments), 100, 24)
        };
        let (mut all, mut later) = (follow(&[]), follow(&["--component", "s.b", "-o", "json"]));
        all.wait_for("No deploy of shop/development yet: waiting for one.");
        team.apply("shop").succeeds();
        all.wait_for("s.a │ first");
        let mut typo = follow(&["--component", "s.aa"]);
        typo.wait_for("Not there yet: the stack has no component `s.aa`. Waiting for it.");
        typo.wait_for("did you mean");
        typo.type_in(CTRL_C);
        assert_eq!(typo.wait().0, Some(130));
        team.write_stack("shop", &["b: { type: command, apply: 'echo second' }"]);
        team.apply("shop").succeeds();
        for text in ["s.a │ last words", "s.b │ second"] {
            all.wait_for(text);
        }
        later.wait_for("second");
        for follow in [&mut all, &mut later] {
            follow.type_in(CTRL_C);
        }
        let ((code, text), (other, lines)) = (all.wait(), later.wait());
        assert_eq!((code, other), (Some(130), Some(130)));
        for told in ["waiting for one", "│ first", "│ second"] {
            assert_eq!(text.matches(told).count(), 1, "{told}: {text}");
        }
        assert!(!lines.contains("waiting") && !lines.contains("first"), "{lines}");
    }
}

#[test]
fn a_follow_goes_on_when_the_storage_cannot_be_read_for_a_while() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let team = Platform::behind(&aws, &proxy).with_team("web-team").in_development();
    team.write_stack("shop", &["a: { type: command, apply: 'echo first' }"]);
    team.apply("shop").succeeds();
    let mut follow = Terminal::new(team.world.command(["logs", "--stack", "shop", "--follow"]), 200, 24);
    follow.wait_for("s.a │ first");
    proxy.add(Rule::everything(Fault::Refuse(Refusal::Unavailable)));
    follow.wait_for("Trying again until it can be read");
    proxy.heal();
    follow.wait_for("The logs can be read again.");
    team.write_stack("shop", &["a: { type: command, apply: 'echo second' }"]);
    team.apply("shop").succeeds();
    follow.wait_for("s.a │ second");
    follow.type_in(CTRL_C);
    let (code, text) = follow.wait();
    assert_eq!(code, Some(130), "{text}");
    for told in ["│ first", "Trying again", "│ second"] {
        assert_eq!(text.matches(told).count(), 1, "{told}: {text}");
    }
}

fn texts_now(team: &Platform) -> String {
    team.world.run(["logs", "--stack", "shop"]).stdout
}

#[test]
fn a_follow_takes_up_log_groups_that_come_later_and_gives_up_those_that_go() {
    let team = cloudformation::team();
    team.world.write("shop/t.yaml", GROUP);
    let mut follow = Terminal::new(team.world.command(["logs", "--stack", "shop", "--follow"]), 100, 24);
    follow.wait_for("waiting for one");
    let name = |component: &str| {
        let output = format!("s.{component}.Name");
        team.world.run(["outputs", &output, "--stack", "shop"]).succeeds().stdout.trim().to_owned()
    };
    team.write_stack("shop", &["one: { type: cloudformation, template: t.yaml }"]);
    team.apply("shop").succeeds();
    put(&name("one"), "task/1", &["of the first"]);
    follow.wait_for("s.one │ of the first");
    team.write_stack("shop", &["two: { type: cloudformation, template: t.yaml }"]);
    team.apply("shop").succeeds();
    put(&name("two"), "task/1", &["of the second"]);
    follow.wait_for("s.two │ of the second");
    follow.type_in(CTRL_C);
    let (code, text) = follow.wait();
    assert_eq!((code, text.matches("of the first").count()), (Some(130), 1), "{text}");
}

const GROUP: &str = "Resources:\n  Group: { Type: 'AWS::Logs::LogGroup' }\nOutputs:\n  Name: { Value: !Ref Group }\n";

fn put(group: &str, stream: &str, messages: &[&str]) {
    let text = format!(
        "import time\nlogs = boto3.client('logs'); group = '{group}'\n\
         try: logs.create_log_stream(logGroupName=group, logStreamName='{stream}')\n\
         except ClientError: pass\n\
         now = int(time.time() * 1000)\n\
         events = [{{'timestamp': now + at, 'message': m}} for at, m in enumerate({messages:?})]\n\
         logs.put_log_events(logGroupName=group, logStreamName='{stream}', logEvents=events); answer(1)"
    );
    boto(&AWS, &text);
}

#[test]
fn the_providers_logs_are_read_followed_and_interleaved_with_what_commands_print() {
    let team = cloudformation::team();
    team.world.write("shop/t.yaml", GROUP);
    team.write_stack(
        "shop",
        &[
            "logging: { type: cloudformation, template: t.yaml }",
            "told: { type: command, dependsOn: [s.logging], apply: 'echo from the command' }",
        ],
    );
    team.apply("shop").succeeds();
    assert_eq!(texts(&team, &[]), ["s.told from the command"]);
    let group = team.world.run(["outputs", "s.logging.Name", "--stack", "shop"]).succeeds().stdout.trim().to_owned();
    put(&group, "task/1", &["one", "two\nlines"]);
    put(&group, "task/2", &["three"]);
    let lines = texts(&team, &["--since", "1h"]);
    assert_eq!(lines[0], "s.told from the command", "{lines:?}");
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines.contains(&"s.logging lines".to_owned()));
    let json = team.world.run(["logs", "--stack", "shop", "-o", "json"]).succeeds().json_lines();
    let sources: Vec<&Value> = json.iter().map(|line| &line["source"]).collect();
    assert!(sources.contains(&&Value::from("task/2")), "{sources:?}");
    let mut follow =
        Terminal::new(team.world.command(["logs", "--stack", "shop", "--service", "s", "--follow"]), 100, 24);
    follow.wait_for("three");
    put(&group, "task/1", &["four"]);
    follow.wait_for("s.logging │ four");
    follow.type_in(CTRL_C);
    let (code, text) = follow.wait();
    assert_eq!((code, text.matches("three").count()), (Some(130), 1), "{text}");
}
