//! A backend that is wrong, unreachable or unwilling: said clearly, with what to do next, and nothing half done.

use std::time::{Duration, Instant};

use harness::canned::{Answer, Canned};
use harness::scenes::{PASSWORD, Platform, platforms, team, teams};
use harness::{Output, World};

/// Signs in as a tenant of some backend.
fn login(world: &World, backend: &str, more: &[&str]) -> Output {
    let arguments = ["login", "--tenant", "web-team", "--backend", backend, "--secret-stdin"];
    world.command(arguments.iter().chain(more).copied()).stdin("dplr_x").run()
}

/// A caller of AWS whose every endpoint is that URL.
fn caller(endpoint: &str) -> World {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    variables.into_iter().fold(World::new(), |world, (name, value)| world.with(name, value))
}

/// Every failure of a backend is told like this.
#[track_caller]
fn told(output: Output, code: i32, words: &[&str]) {
    let output = output.exits(code);
    for word in words.iter().chain(&["✗ Error: ", "Caused by: ", "Hint: "]) {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
    assert!(!output.stderr.contains("panicked") && !output.stderr.contains("RUST_BACKTRACE"), "{output}");
    assert_eq!(output.stdout, "", "{output}");
}

#[test]
fn a_bucket_or_a_file_that_is_not_there_is_named_with_the_command_that_makes_it() {
    for platform in platforms() {
        let wrong = match platform.address.starts_with("s3") {
            true => "s3://no-such-bucket-anywhere".to_owned(),
            false => format!("local:{}", platform.world.work().join("no-such.db").display()),
        };
        let bootstrap = format!("deployer admin bootstrap --backend {wrong}");
        told(login(&platform.world, &wrong, &[]), 8, &[&wrong, "does not exist", &bootstrap]);
        let admin = ["admin", "login", "--backend", &wrong, "--password-stdin"];
        told(platform.world.command(admin).stdin(PASSWORD).run(), 8, &[&bootstrap]);
        assert_eq!(platform.world.work().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn without_credentials_it_says_so_at_once() {
    let world = caller("http://127.0.0.1:9").without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let begun = Instant::now();
    told(login(&world, "s3://state", &[]), 1, &["no AWS credentials", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    told(login(&world, "s3://state", &["--profile", "nobody"]), 64, &["nobody", "profile"]);
}

#[test]
fn without_a_network_new_commands_are_refused_and_nothing_hangs() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:9", "http://no-such-host.invalid", &silent] {
        let begun = Instant::now();
        let output = login(&caller(endpoint), "s3://state", &[]);
        told(output, 1, &["the bucket state ", "check the network", "safe to run the command again"]);
        assert!(begun.elapsed() < Duration::from_secs(50), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_session_outlives_a_network_that_is_gone_for_a_while() {
    let team = teams().last().unwrap();
    team.write_stack("shop", &["a: { type: command, apply: 'touch ran' }"]);
    let away = |arguments: &[&str]| {
        team.world.command(arguments.iter().copied()).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").run()
    };
    told(away(&["stack", "list"]), 1, &["cannot be reached"]);
    told(away(&["apply", "--stack", "shop", "--yes"]), 1, &["cannot be reached"]);
    assert!(!team.world.work().join("shop/ran").exists());
    team.apply("shop").succeeds();
}

#[test]
fn what_aws_refuses_is_said_in_plain_words() {
    let denied = Answer::s3_error(403, "AccessDenied");
    let server = Canned::start(denied);
    told(login(&caller(&server.endpoint()), "s3://state", &[]), 1, &["AccessDenied", "aws sts get-caller-identity"]);
    let server = Canned::start(Answer::s3_error(403, "InvalidAccessKeyId"));
    told(login(&caller(&server.endpoint()), "s3://state", &[]), 1, &["InvalidAccessKeyId"]);
    let server = Canned::start(Answer::s3_error(400, "ExpiredToken"));
    told(login(&caller(&server.endpoint()), "s3://state", &[]), 1, &["expired"]);
}

#[test]
fn throttling_is_waited_out_for_a_while_and_then_said() {
    let server = Canned::start(Answer::s3_error(503, "SlowDown"));
    told(login(&caller(&server.endpoint()), "s3://state", &[]), 1, &["again"]);
    assert!(server.requests() > 1, "it was not tried again");
}

#[test]
fn an_answer_that_is_no_answer_is_not_shown() {
    let page = "<html><body>Welcome to the hotel's network<script>x</script></body></html>".to_owned();
    let server = Canned::start(Answer { status: 200, headers: vec!["Content-Type: text/html".to_owned()], body: page });
    let output = login(&caller(&server.endpoint()), "s3://state", &[]);
    assert!(matches!(output.code, Some(1 | 64)), "{output}");
    assert!(!output.stderr.contains("<script>"), "{output}");
    assert!(output.stderr.contains("Hint: "), "{output}");
}

#[test]
fn a_region_a_bucket_or_a_scheme_that_cannot_be_is_refused_before_anything_is_asked() {
    let server = Canned::start(Answer::s3_error(500, "InternalError"));
    let world = caller(&server.endpoint());
    for (backend, word) in [
        ("s3://Bad_Bucket", "Bad_Bucket"),
        ("s3://a", "s3://a"),
        ("gs://state", "s3://BUCKET or local:PATH"),
        ("local:", "local:"),
    ] {
        let output = login(&world, backend, &[]).exits(64);
        assert!(output.stderr.contains(word) && output.stderr.contains("Hint: "), "{output}");
    }
    let world = world.without("AWS_ENDPOINT_URL");
    login(&world, "s3://state", &["--region", "mars north"]).exits(64).complains("mars north").complains("eu-west-1");
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_line_break_that_came_along_with_a_key_is_refused_by_name() {
    let world = caller("http://127.0.0.1:9").with("AWS_ACCESS_KEY_ID", "test\n");
    told(login(&world, "s3://acme-state", &[]), 64, &["AWS_ACCESS_KEY_ID", "line break"]);
}

#[test]
fn a_wrong_secret_and_an_unknown_tenant_look_alike_and_say_what_to_do() {
    for team in teams() {
        let refused = |tenant: &str| {
            let arguments = ["login", "--tenant", tenant, "--backend", &team.address, "--secret-stdin"];
            let output = team.world.command(arguments).stdin("dplr_wrong").run().exits(4);
            assert_eq!(output.stdout, "");
            output.stderr
        };
        assert_eq!(refused("web-team"), refused("nobody-team"));
        assert!(refused("web-team").ends_with(
            "✗ Authentication failed: Invalid credentials\n  Check the tenant's name and the secret, or ask your admin for a \
             new one.\n"
        ));
        let admin = ["admin", "login", "--backend", &team.address, "--password-stdin"];
        let output = team.world.command(admin).stdin("wrong").run().exits(4);
        output.complains("✗ Authentication failed: Invalid credentials").complains("Check the password");
        // The sessions that are there are none the worse for it.
        team.world.run(["tenant", "details"]).succeeds();
        team.world.run(["tenant", "list"]).succeeds();
    }
}

#[test]
fn a_file_that_is_no_backend_of_ours_is_left_alone() {
    let world = World::new();
    let other = world.write("other.db", "a file of somebody else's");
    let address = format!("local:{}", other.display());
    for verb in ["bootstrap", "login"] {
        let arguments = ["admin", verb, "--backend", &address, "--password-stdin"];
        let output = world.command(arguments).stdin(PASSWORD).run();
        assert!(matches!(output.code, Some(6 | 8 | 64)), "{output}");
        assert!(output.stderr.contains("other.db") && output.stderr.contains("Hint: "), "{output}");
    }
    assert_eq!(std::fs::read_to_string(other).unwrap(), "a file of somebody else's");
}

#[test]
fn a_disk_that_is_full_fails_the_command_and_damages_nothing() {
    let platform = Platform::local();
    let secret = platform.create_tenant("web-team");
    platform.world.run(["daemon", "stop", "--force"]).succeeds();
    let size = std::fs::metadata(platform.address.strip_prefix("local:").unwrap()).unwrap().len();
    // No file of the daemon may grow beyond what the backend has now, nor beyond what SQLite needs to open it (an index of
    // 32 KiB beside its log); the shell counts in units of 512 bytes.
    let size = size.max(128 * 1024);
    let line = format!(
        "ulimit -f {}; trap '' XFSZ; {} admin login --backend {} --password-stdin",
        size / 512 + 1,
        harness::programs::deployer().display(),
        platform.address
    );
    platform.world.program("sh").args(["-c", &line]).stdin(PASSWORD).run().succeeds();
    let mut failed = None;
    for n in 0..100 {
        let output = platform.world.run(["tenant", "init", &format!("team-{n}"), "-q"]);
        if output.code != Some(0) {
            failed = Some((n, output));
            break;
        }
    }
    let (n, output) = failed.expect("the disk is full at some time");
    assert!(matches!(output.code, Some(1 | 70)), "{output}");
    assert!(output.stderr.contains("Hint: ") && !output.stderr.contains("panicked"), "{output}");
    assert_eq!(output.stdout, "", "a secret that was not stored is not shown");
    // With room again everything is there that was, and what failed can be done.
    platform.world.run(["daemon", "stop", "--force"]);
    platform
        .world
        .command(["admin", "login", "--backend", &platform.address, "--password-stdin"])
        .stdin(PASSWORD)
        .run()
        .succeeds();
    let listed = platform.world.run(["tenant", "list", "-q"]).succeeds().stdout;
    assert_eq!(listed.lines().count(), n + 1, "{listed}");
    platform.world.run(["tenant", "init", &format!("team-{n}"), "-q"]).succeeds();
    platform.sign_in("web-team", &secret);
}

#[test]
fn a_terminal_of_twenty_columns_shows_errors_too() {
    let team = team();
    for columns in [20, 80] {
        let arguments = ["plan", "--stack", "nothing", "--environment", "staging"];
        let terminal = harness::terminal::Terminal::new(team.world.command(arguments), columns, 24);
        let (code, text) = terminal.wait();
        assert_eq!(code, Some(8), "{text}");
        assert!(text.contains("Error") && !text.contains("panicked"), "{text}");
    }
}
