//! Many tenants at once: `tenant init --from FILE`.

use harness::aws::LocalAws;
use harness::pids::signal;
use harness::proxy::{Fault, Proxy, Rule};
use harness::scenes::{Platform, platforms};
use harness::wait;
use rustix::process::Signal;

const FILE: &str = "tenants:\n  - id: web-team\n    email: web@company.com\n    limits: { maxStacks: 3 }\n  - id: \
                    payments-team\n    displayName: The Payments\n    secretPrefix: pay\n";

#[test]
fn a_file_of_teams_becomes_teams_that_can_sign_in_and_the_same_file_changes_nothing() {
    for platform in platforms() {
        platform.world.write("teams.yaml", FILE);
        let from = ["tenant", "init", "--from", "teams.yaml"];
        let created = platform.world.run(from.into_iter().chain(["-o", "json"])).succeeds().json();
        let secret = |n: usize| created["created"][n]["secret"].as_str().unwrap().to_owned();
        assert!(secret(0).starts_with("dplr_") && secret(1).starts_with("pay_"), "{created}");
        platform.sign_in("web-team", &secret(0));
        platform.sign_in("payments-team", &secret(1));
        let shown = platform.world.run(["tenant", "show", "web-team"]).succeeds();
        shown.says("Email: web@company.com").says("Stacks: 0 / 3");
        platform.world.run(["tenant", "show", "payments-team"]).succeeds().says("Display Name: The Payments");
        let before = platform.document("tenants.yaml");
        platform.world.run(from).succeeds().says("• web-team").says("deployer tenant rotate ID");
        platform.world.write("teams.yaml", &format!("{FILE}  - id: mail-team\n"));
        let quiet = platform.world.run(from.into_iter().chain(["-q"])).succeeds().stdout;
        assert!(quiet.starts_with("mail-team dplr_") && quiet.lines().count() == 1, "{quiet}");
        assert!(platform.document("tenants.yaml").len() > before.len());
        for key in platform.keys("") {
            assert!(!platform.document_bytes_hold(&key, &secret(0)), "the secret lies in {key}");
        }
    }
}

#[test]
fn a_file_with_mistakes_creates_nothing_and_names_them_all() {
    for platform in platforms() {
        let before = platform.document("tenants.yaml");
        let bad = "tenants:\n  - id: good-team\n  - id: A b\n  - id: web-team\n    email: nobody\n  - id: web-team\n";
        platform.world.write("teams.yaml", bad);
        let output = platform.world.run(["tenant", "init", "--from", "teams.yaml"]).exits(64);
        output.clone().complains("teams.yaml:3:9").complains("teams.yaml:5:12").complains("teams.yaml:6:9");
        platform.world.run(["tenant", "init", "--from", "nowhere.yaml"]).exits(8).complains("nowhere.yaml");
        platform.world.run(["tenant", "init", "web-team", "--from", "teams.yaml"]).exits(64);
        assert_eq!(platform.document("tenants.yaml"), before);
        platform.world.run(["tenant", "init", "web-team", "-q"]).succeeds();
        platform.world.write("teams.yaml", "tenants:\n  - id: good-team\n  - id: web-team\n    email: a@b.com\n");
        let taken = platform.world.run(["tenant", "init", "--from", "teams.yaml"]).exits(6);
        taken.complains("teams.yaml:3:9").complains("email");
        platform.world.run(["tenant", "show", "good-team"]).exits(8);
    }
}

#[test]
fn a_daemon_that_is_killed_at_the_registry_leaves_all_or_none_and_the_same_command_completes_it() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let platform = Platform::behind(&aws, &proxy);
    let from = ["tenant", "init", "--from", "teams.yaml"];
    platform.world.write("teams.yaml", FILE);
    // Killed before the registry is written: nobody exists. Killed after it: everybody does.
    for (fault, existing) in [(Fault::Hold, 0), (Fault::HoldAnswer, 2)] {
        proxy.forget();
        proxy.add(Rule::on("S3.PutObject", fault).containing("tenants.yaml"));
        let creating = platform.world.command(from).spawn();
        let held = |seen: &[harness::proxy::Seen]| {
            seen.iter().any(|seen| {
                let done = existing == 0 || seen.status == Some(200);
                seen.is("S3.PutObject", "/tenants.yaml") && done
            })
        };
        assert!(proxy.wait_until(wait::DEADLINE, held), "the registry is about to be written");
        signal(platform.world.daemon().unwrap(), Signal::KILL);
        creating.wait().exits(3);
        proxy.heal();
        let again = platform.world.run(from.into_iter().chain(["-o", "json"])).succeeds().json();
        let count = |name: &str| again[name].as_array().unwrap().len();
        assert_eq!((count("created"), count("existing")), (2 - existing, existing), "{again}");
        let secret = platform.world.run(["tenant", "rotate", "web-team", "--yes", "-q"]).succeeds().stdout;
        platform.sign_in("web-team", secret.trim());
        for id in ["web-team", "payments-team"] {
            platform.world.run(["tenant", "delete", id, "--confirm"]).succeeds();
        }
    }
}
