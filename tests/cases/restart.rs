//! The daemon is killed in the middle of a run, and another one begins: the lock is its own again at once, and the run
//! goes on, or is recorded as interrupted.

use harness::scenes::{PASSWORD, Platform, teams};
use harness::terminal::Terminal;
use harness::{Output, Process, World, wait};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// `a` is done, `b` is in its middle until it is begun `again`, `c` waits for it.
const THREE: [&str; 3] = [
    "a: { type: command, apply: 'echo a >> done' }",
    "b: { type: command, apply: 'echo b >> begun; touch middle; [ -e again ] || exec sleep 1000; echo b >> done', dependsOn: [s.a] }",
    "c: { type: command, apply: 'echo c >> done; echo \"c sees $WHO\"', dependsOn: [s.b] }",
];

/// The same team with a session that survives its daemon, and leases this much shorter than real ones.
fn lasting(mut team: Platform, permille: &str) -> Platform {
    team.world.run(["daemon", "stop", "--force"]).succeeds();
    team.world = team.world.with("DEPLOYER_KEYRING", "file").with("DEPLOYER_TEST_LEASE_PERMILLE", permille);
    let arguments = ["admin", "login", "--backend", &team.address, "--password-stdin"];
    team.world.command(arguments).stdin(PASSWORD).run().succeeds();
    team.with_team("lasting-team")
}

fn local(permille: &str) -> Platform {
    lasting(Platform::local().in_development(), permille)
}

fn begin(team: &Platform, more: &[&str]) -> (Process, String) {
    let arguments = ["apply", "--stack", "shop", "--yes", "-o", "json"].iter().chain(more);
    let apply = team.world.command(arguments.copied()).spawn();
    wait::until("a command is in its middle", || team.world.work().join("shop/middle").exists());
    let id = runs(&team.world)[0]["id"].as_str().unwrap().to_owned();
    (apply, id)
}

fn kill(world: &World) {
    let pid = i32::try_from(world.daemon().expect("a daemon")).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    world.wait_for_no_daemon();
}

fn runs(world: &World) -> Vec<Value> {
    world.run(["run", "list", "-o", "json"]).succeeds().json()["runs"].as_array().unwrap().clone()
}

fn status(world: &World, id: &str) -> Value {
    world.run(["run", "show", id, "-o", "json"]).succeeds().json()["status"].clone()
}

fn locks(world: &World) -> Value {
    world.run(["lock", "list", "-o", "json"]).succeeds().json()["locks"].clone()
}

fn history(world: &World) -> Vec<Value> {
    let rows = world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json()["rows"].clone();
    rows.as_array().unwrap().clone()
}

fn events<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter_map(|event| event.get(kind)).collect()
}

fn written(team: &Platform, name: &str) -> String {
    std::fs::read_to_string(team.world.work().join("shop").join(name)).unwrap_or_default()
}

#[test]
fn a_run_whose_daemon_was_killed_goes_on_when_somebody_attaches() {
    for team in teams() {
        let team = lasting(team, "1000");
        team.write_stack("shop", &THREE);
        let (apply, id) = begin(&team, &[]);
        kill(&team.world);
        apply.wait().exits(3);

        // The next call starts a daemon and lends it its credentials; the lock is held again, by the same run.
        assert_eq!(status(&team.world, &id), "RUN_STATUS_WAITING");
        wait::until("the lock is taken over", || locks(&team.world)[0]["fencingToken"] == 2);
        let lock = locks(&team.world)[0].clone();
        assert_eq!((&lock["run"], &lock["ours"], &lock["state"]), (&json!(id), &json!(true), &json!("HELD")), "{lock}");

        team.world.write("shop/again", "");
        let who = team.world.command(["run", "attach", &id, "-o", "json"]).env("WHO", "another environment");
        let told = who.run().succeeds().json_lines();
        let sequences: Vec<u64> = told.iter().filter_map(|event| event["sequence"].as_u64()).collect();
        assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>());
        let begun: Vec<_> =
            events(&told, "componentStarted").iter().map(|started| started["component"].clone()).collect();
        assert_eq!(begun, ["s.a", "s.b", "s.b", "s.c"]);
        assert_eq!((events(&told, "started").len(), events(&told, "resumed").len()), (1, 1));
        assert!(events(&told, "componentOutput").iter().any(|output| output["line"] == "c sees another environment"));
        assert_eq!((written(&team, "done").as_str(), written(&team, "begun").as_str()), ("a\nb\nc\n", "b\nb\n"));
        assert_eq!(told.last().unwrap()["finished"]["counts"]["create"], 3);
        assert_eq!((status(&team.world, &id), locks(&team.world)), (json!("RUN_STATUS_SUCCEEDED"), json!([])));
        let rows = history(&team.world);
        assert_eq!((rows.len(), &rows[0]["run"], &rows[0]["result"]), (1, &json!(id), &json!("succeeded")), "{rows:?}");
    }
}

#[test]
fn an_admin_who_attaches_watches_and_lends_the_run_nothing() {
    for team in teams() {
        let team = lasting(team, "1000");
        team.write_stack("shop", &THREE);
        let (apply, id) = begin(&team, &[]);
        kill(&team.world);
        apply.wait().exits(3);
        let admin = team.world.command(["run", "attach", &id, "--tenant", "lasting-team", "-o", "json"]);
        let admin = Terminal::new(admin.env("WHO", "an admin"), 200, 24);
        admin.wait_for("componentStarted");
        assert_eq!(status(&team.world, &id), "RUN_STATUS_WAITING");
        assert_eq!(written(&team, "begun"), "b\n", "nothing was begun for the admin");

        team.world.write("shop/again", "");
        let member = team.world.command(["run", "attach", &id, "-o", "json"]).env("WHO", "a member");
        member.run().succeeds();
        let (code, seen) = admin.wait();
        assert!(code == Some(0) && seen.contains("c sees a member"), "{code:?} {seen}");
    }
}

#[test]
fn a_run_that_nobody_goes_on_with_is_recorded_and_its_lock_given_back_within_a_lease() {
    for team in teams() {
        let team = lasting(team, "50");
        team.write_stack("shop", &THREE);
        let (apply, id) = begin(&team, &[]);
        kill(&team.world);
        apply.wait().exits(3);
        assert_eq!(status(&team.world, &id), "RUN_STATUS_WAITING");
        wait::until("it is recorded", || status(&team.world, &id) == "RUN_STATUS_INTERRUPTED");
        wait::until("the lock is free", || locks(&team.world) == json!([]));
        let rows = history(&team.world);
        assert_eq!(
            (rows.len(), &rows[0]["run"], &rows[0]["result"]),
            (1, &json!(id), &json!("interrupted")),
            "{rows:?}"
        );
        team.world.run(["run", "show", &id]).succeeds().says("interrupted");
        team.world.write("shop/again", "");
        team.apply("shop").succeeds();
        assert_eq!((written(&team, "done").as_str(), history(&team.world).len()), ("a\nb\nc\n", 2));
    }
}

#[test]
fn the_command_again_goes_on_at_once_in_place_of_the_interrupted_run() {
    let team = local("1000");
    team.write_stack("shop", &THREE);
    let (apply, id) = begin(&team, &[]);
    kill(&team.world);
    apply.wait().exits(3);
    team.world.write("shop/again", "");
    team.apply("shop").succeeds();
    assert_eq!(written(&team, "done"), "a\nb\nc\n");
    let results: Vec<Value> = history(&team.world).iter().map(|row| row["result"].clone()).collect();
    assert_eq!(results, ["succeeded", "interrupted"]);
    team.world.run(["run", "attach", &id]).exits(1).complains("interrupted").complains("another run");
}

#[test]
fn a_run_goes_on_over_several_deaths_of_its_daemon() {
    let team = local("1000");
    team.write_stack("shop", &THREE);
    let (apply, id) = begin(&team, &[]);
    kill(&team.world);
    apply.wait().exits(3);
    for deaths in 2..=3 {
        let attached = team.world.command(["run", "attach", &id]).spawn();
        let again = "b\n".repeat(deaths);
        wait::until("the command is begun again", || written(&team, "begun") == again);
        kill(&team.world);
        attached.wait().exits(3);
    }
    team.world.write("shop/again", "");
    team.world.run(["run", "attach", &id]).succeeds();
    assert_eq!((written(&team, "done").as_str(), history(&team.world).len()), ("a\nb\nc\n", 1));
    let shown = team.world.run(["lock", "show", "--stack", "shop"]).succeeds();
    shown.says("Fencing token: 4");
}

#[test]
fn a_command_of_lock_run_ends_with_its_daemon_and_the_lock_is_free_at_once() {
    let team = local("1000");
    let command = "echo $$ > leader; exec sleep 1000";
    let holding = team.world.command(["lock", "run", "--stack", "shop", "--", "sh", "-c", command]).spawn();
    wait::until("the command runs", || locks(&team.world)[0]["operation"] == "lock run");
    let id = runs(&team.world)[0]["id"].as_str().unwrap().to_owned();
    kill(&team.world);
    holding.wait().exits(3);
    assert_eq!((status(&team.world, &id), locks(&team.world)), (json!("RUN_STATUS_INTERRUPTED"), json!([])));
    team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("Released").says("Fencing token: 2");
}

#[test]
fn a_run_with_a_sensitive_value_that_was_given_does_not_go_on_and_the_value_is_nowhere() {
    let team = local("1000");
    let head = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nvariables: { TOKEN: { sensitive: true } }\n";
    let body = "environments: { development: {} }\nservices: { s: { components: { a: { type: command, \
                apply: 'touch middle; exec sleep 1000', environment: { T: '${var.TOKEN}' } } } } }\n";
    team.world.write("shop/stack.yaml", &format!("{head}{body}"));
    let (apply, id) = begin(&team, &["--var", "TOKEN=hush-hush-hush"]);
    assert_eq!(files_with(&team.world.state_directory(), b"hush-hush-hush"), Vec::<String>::new());
    kill(&team.world);
    apply.wait().exits(3);
    assert_eq!((status(&team.world, &id), locks(&team.world)), (json!("RUN_STATUS_INTERRUPTED"), json!([])));
    team.world.run(["run", "attach", &id]).exits(1).complains("sensitive").complains("TOKEN");
}

fn files_with(directory: &std::path::Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_run_whose_files_were_edited_since_does_not_go_on() {
    let team = local("1000");
    team.write_stack("shop", &THREE);
    let (apply, id) = begin(&team, &[]);
    kill(&team.world);
    apply.wait().exits(3);
    team.write_stack("shop", &["a: { type: command, apply: 'echo other >> done' }"]);
    team.world.run(["run", "attach", &id]).exits(1).complains("interrupted").complains("files have changed");
    assert_eq!((written(&team, "done").as_str(), locks(&team.world)), ("a\n", json!([])));
}

#[test]
fn a_run_that_waits_for_somebody_to_go_on_can_be_cancelled() {
    let team = local("1000");
    team.write_stack("shop", &THREE);
    let (apply, id) = begin(&team, &[]);
    kill(&team.world);
    apply.wait().exits(3);
    team.world.run(["run", "cancel", &id]).succeeds();
    wait::until("it is cancelled", || status(&team.world, &id) == "RUN_STATUS_CANCELLED");
    assert_eq!((locks(&team.world), &history(&team.world)[0]["result"]), (json!([]), &json!("cancelled")));
}

#[test]
fn a_daemon_that_was_killed_when_everything_was_done_leaves_a_run_that_succeeded() {
    let team = local("1000");
    team.write_stack("shop", &["a: { type: command, apply: 'touch middle; until [ -e go ]; do sleep 0.01; done' }"]);
    for _ in 0..5 {
        let (mut apply, id) = begin(&team, &["--replace", "s.a"]);
        team.world.write("shop/go", "");
        // Somewhere between the last command and the last event.
        wait::until("the end is near", || {
            std::fs::read_dir(team.world.state_directory().join("runs").join(&id)).is_err()
                || team.world.run(["history", "--stack", "shop", "-q"]).code == Some(0)
        });
        kill(&team.world);
        apply.kill();
        let attached: Output = team.world.run(["run", "attach", &id]);
        assert_eq!(attached.code, Some(0), "{attached}");
        let known = history(&team.world).into_iter().filter(|row| row["run"] == json!(id)).count();
        assert_eq!(known, 1);
        for name in ["go", "middle"] {
            std::fs::remove_file(team.world.work().join("shop").join(name)).unwrap();
        }
    }
}

/// Changes what the files of a dead daemon say, without making new ones.
fn rewrite(team: &Platform, from: &str, to: &str) {
    let state = team.world.state_directory();
    let below = |directory: &str| std::fs::read_dir(state.join(directory)).unwrap().flatten().map(|entry| entry.path());
    let files = below("journal").chain(below("runs").map(|run| run.join("place.json")));
    for path in files.filter(|path| path.is_file()) {
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }
}

fn first_line(path: &str) -> String {
    std::fs::read_to_string(path).unwrap().lines().next().unwrap().to_owned()
}

#[test]
fn what_another_machine_with_the_same_home_left_is_not_touched() {
    let team = local("1000");
    team.write_stack("shop", &THREE);
    let (apply, id) = begin(&team, &[]);
    kill(&team.world);
    apply.wait().exits(3);
    rewrite(&team, &first_line("/etc/machine-id"), "another-machine");
    // The item says that the run is at work; only its own machine, or a stranger's patience, may end that.
    team.world.run(["apply", "--stack", "shop", "--yes"]).exits(5).complains("is locked");
    team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("Fencing token: 1");
    assert!(runs(&team.world).iter().all(|run| run["id"] != json!(id) || run["owned"] == json!(false)));
    let events = team.world.state_directory().join("runs").join(&id).join("events.jsonl");
    assert!(events.exists(), "the other machine's files are gone");
}

#[test]
fn after_a_start_of_the_machine_a_lock_is_waited_for_like_a_strangers() {
    let team = local("1000");
    team.write_stack("shop", &THREE);
    let (apply, id) = begin(&team, &[]);
    kill(&team.world);
    apply.wait().exits(3);
    rewrite(&team, &first_line("/proc/sys/kernel/random/boot_id"), "an-earlier-boot");
    assert_eq!(status(&team.world, &id), "RUN_STATUS_INTERRUPTED");
    team.world.run(["apply", "--stack", "shop", "--yes"]).exits(5).complains("is locked");
    team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("Fencing token: 1");
}

#[test]
fn a_killed_private_daemon_leaves_no_process_and_a_lock_that_is_waited_for() {
    let team = Platform::local().in_development();
    let secret = team.create_tenant("web-team");
    team.sign_in("web-team", &secret);
    team.write_stack("shop", &["a: { type: command, apply: 'echo $$ > leader; exec sleep 1000' }"]);
    let mut apply = team
        .world
        .command(["apply", "--stack", "shop", "--yes", "--no-daemon"])
        .env("DEPLOYER_TENANT", "web-team")
        .env("DEPLOYER_SECRET", &secret)
        .env("DEPLOYER_BACKEND", &team.address)
        .spawn();
    let leader = team.world.work().join("shop/leader");
    let leader = wait::until_some("the command runs", || {
        std::fs::read_to_string(&leader).ok().filter(|text| text.ends_with('\n'))
    });
    let private = team.world.processes().into_iter().find(|(_, line)| line.contains("--private")).unwrap().0;
    kill_process(Pid::from_raw(i32::try_from(private).unwrap()).unwrap(), Signal::KILL).unwrap();
    apply.kill();
    let stat = format!("/proc/{}/stat", leader.trim());
    wait::until("the command is gone", || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ")));
    // The user's own daemon is another incarnation with another journal: it waits like a stranger.
    team.world.run(["lock", "run", "--stack", "shop", "--", "true"]).exits(5).complains("is locked");
    team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("Fencing token: 1");
}
