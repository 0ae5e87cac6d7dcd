//! What is secret is nowhere: not in arguments, environments, logs, events, answers, documents or files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::scenes::{PASSWORD, Platform, platforms};
use harness::{World, wait};

/// What must be found nowhere, and what each is.
type Hushed = BTreeMap<&'static str, String>;

#[track_caller]
fn quiet(hushed: &Hushed, place: &str, bytes: &[u8]) {
    for (what, text) in hushed {
        let found = bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!found, "{what} is shown by {place}");
    }
}

fn files(directory: &Path, hushed: &Hushed, looked: &mut usize) {
    for entry in directory.read_dir().unwrap().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files(&path, hushed, looked);
        } else if kind.is_file() {
            *looked += 1;
            quiet(hushed, &path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}

/// Looks at all processes of a world over and over until it is told to end; answers how many it saw.
fn watched<T>(world: &World, hushed: &Hushed, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !over.load(Ordering::SeqCst) {
                for (pid, line) in world.processes() {
                    quiet(hushed, &format!("the arguments of {line}"), line.as_bytes());
                    seen.insert(pid);
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            seen.len()
        });
        let done = work();
        over.store(true, Ordering::SeqCst);
        let seen = watching.join().expect("nothing secret was seen");
        assert!(seen >= 2, "only {seen} processes were seen");
        done
    })
}

#[test]
fn nothing_secret_is_shown_kept_or_logged_in_a_whole_session() {
    for mut team in platforms().map(Platform::in_development) {
        let secret = team.create_tenant("web-team");
        let token = "a-token-of-the-callers-own-0123456789";
        team.world.run(["daemon", "stop", "--force"]).succeeds();
        team.world = team.world.with("DEPLOYER_LOG", "trace").with("AWS_SESSION_TOKEN", token);
        team.world = team.world.with("DEPLOYER_SECRET", &secret).with("DEPLOYER_ADMIN_PASSWORD", PASSWORD);
        let hushed = Hushed::from([
            ("the tenant's secret", secret.clone()),
            ("the admin's password", PASSWORD.to_owned()),
            ("the value of a sensitive variable", "correct-horse-battery".to_owned()),
            ("the caller's session token", token.to_owned()),
        ]);
        let commands = watched(&team.world, &hushed, || whole_session(&team, &secret));
        for (line, output) in commands {
            quiet(&hushed, &format!("the answer of {line}"), output.stdout.as_bytes());
            quiet(&hushed, &format!("the messages of {line}"), output.stderr.as_bytes());
        }
        assert!(team.world.log().contains("called"), "the log is at its loudest");
        wait::until("all events are stored", || team.keys("tenants/web-team/v1").len() > 5);
        let mut looked = 0;
        files(team.world.directory(), &hushed, &mut looked);
        assert!(looked > 5, "{looked}");
        for key in team.keys("") {
            for (what, text) in &hushed {
                assert!(!team.document_bytes_hold(&key, text), "{what} lies in {key}");
            }
        }
    }
}

fn whole_session(team: &Platform, secret: &str) -> Vec<(String, harness::Output)> {
    team.world.write(
        "shop/stack.yaml",
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\n\
         variables: { PW: { sensitive: true } }\nservices:\n  s:\n    components:\n      a:\n        type: command\n        \
         environment: { PW: '${var.PW}' }\n        apply: 'echo said $PW; echo $AWS_SESSION_TOKEN >&2; env | grep -c \
         DEPLOYER_SECRET; test -n \"$PW\"'\n        check: 'test -z \"$DEPLOYER_SECRET\"'\n",
    );
    let tenant = "web-team";
    let mut ran = Vec::new();
    let mut run = |arguments: &[&str], stdin: &str| {
        let output = team.world.command(arguments.iter().copied()).stdin(stdin).run();
        ran.push((arguments.join(" "), output));
    };
    let backend = team.address.as_str();
    run(&["login", "--tenant", tenant, "--backend", backend, "--secret-stdin"], secret);
    run(&["login", "--tenant", tenant, "--backend", backend, "--secret-stdin"], "wrong");
    run(&["admin", "login", "--backend", backend], "");
    run(&["admin", "login", "--backend", backend, "--password-stdin"], "wrong");
    run(&["session", "-o", "json"], "");
    run(&["context", "list", "-o", "json"], "");
    run(&["tenant", "show", tenant, "-o", "json"], "");
    run(&["tenant", "details"], "");
    let values = team.world.directory().join("values.yaml");
    std::fs::write(&values, "PW: correct-horse-battery\n").unwrap();
    let values = values.display().to_string();
    for command in [&["plan"][..], &["apply", "--yes", "-o", "json"], &["apply", "--yes", "--replace", "s.a"]] {
        let more = ["--stack", "shop", "--var-file", &values];
        run(&command.iter().chain(&more).copied().collect::<Vec<_>>(), "");
    }
    std::fs::remove_file(&values).unwrap();
    for command in ["status", "outputs", "history"] {
        run(&[command, "--stack", "shop", "-o", "json"], "");
    }
    run(&["lock", "run", "--stack", "shop", "--", "sh", "-c", "echo $DEPLOYER_SECRET; env"], "");
    run(&["run", "list", "-o", "json"], "");
    run(&["daemon", "status", "-o", "json"], "");
    run(&["daemon", "logs"], "");
    run(&["schema"], "");
    ran
}
