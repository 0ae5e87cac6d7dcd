//! Every prompt has a flag and a variable, and Ctrl-C in any of them ends the program without a trace.

use harness::World;
use harness::terminal::{CTRL_C, Terminal};

/// A prompt and its answer.
type Asked = (&'static str, &'static str);

/// The prompts of each command, in their order, with an answer that leads to the next one.
const PROMPTS: [(&[&str], &[Asked]); 6] = [
    (
        &["admin", "bootstrap"],
        &[("S3 Bucket:", "state"), ("Region:", ""), ("Admin Password:", "hush"), ("Once more:", "hush")],
    ),
    (&["admin", "login"], &[("S3 Bucket:", "state"), ("Region:", "eu-west-1"), ("Admin Password:", "hush")]),
    (&["login"], &[("Tenant Name:", "web-team"), ("Tenant Secret:", "hush"), ("S3 Bucket:", "state"), ("Region:", "")]),
    (
        &["tenant", "init"],
        &[
            ("Tenant Name:", "web-team"),
            ("Display Name:", ""),
            ("Contact Email:", "web@example.com"),
            ("AWS Account ID (for IAM policies):", ""),
            ("Enable cost tracking:", "y"),
            ("Monthly cost limit (USD):", "5000"),
            ("State version:", ""),
        ],
    ),
    (&["stack", "init"], &[("Stack Name:", "web")]),
    (&["lock", "unlock", "--stack", "web", "--environment", "staging"], &[("Reason:", "dead laptop")]),
];

#[test]
fn ctrl_c_in_every_prompt_ends_cleanly() {
    for (command, prompts) in PROMPTS {
        for stop in 0..prompts.len() {
            let world = World::new();
            let mut terminal = Terminal::new(world.command(command.iter().copied()), 80, 24);
            for (prompt, answer) in &prompts[..stop] {
                terminal.wait_for(prompt);
                terminal.type_in(&format!("{answer}\r"));
            }
            let (prompt, _) = prompts[stop];
            terminal.wait_for(prompt);
            terminal.type_in(CTRL_C);
            let (code, text) = terminal.wait();
            assert_eq!(code, Some(130), "{command:?} at {prompt}\n{text}");
            assert!(!text.contains("Error") && !text.contains("panicked"), "{command:?} at {prompt}\n{text}");
            assert!(!text.contains("hush"), "a secret is shown by {command:?}\n{text}");
            assert_eq!(world.daemon(), None, "{command:?} has started a daemon before it was answered");
        }
    }
}

#[test]
fn an_answer_that_cannot_be_right_is_refused_while_its_question_is_there() {
    for (command, prompt, answer, why) in [
        (&["tenant", "init"][..], "Tenant Name:", "9lives", "a letter first"),
        (
            &["tenant", "init", "web-team", "--display-name", "W"],
            "Contact Email:",
            "bad",
            "write it as team@company.com",
        ),
    ] {
        let world = World::new();
        let mut terminal = Terminal::new(world.command(command.iter().copied()), 120, 24);
        terminal.wait_for(prompt);
        terminal.type_in(&format!("{answer}\r"));
        terminal.wait_for(why);
        terminal.type_in(CTRL_C);
        assert_eq!(terminal.wait().0, Some(130));
    }
}

#[test]
fn a_signal_at_a_prompt_ends_cleanly_too() {
    let world = World::new();
    let terminal = Terminal::new(world.command(["login"]), 80, 24);
    terminal.wait_for("Tenant Name:");
    let pid = i32::try_from(terminal.pid()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(terminal.wait().0, Some(130));
}

#[test]
fn a_daemon_that_is_replaced_while_a_question_is_answered_is_no_loss() {
    let world = World::new();
    world.run(["daemon", "start"]).succeeds();
    let backend = format!("local:{}", world.work().join("none.db").display());
    let login = ["login", "--tenant", "web-team", "--backend", &backend];
    let mut terminal = Terminal::new(world.command(login), 80, 24);
    terminal.wait_for("Tenant Secret:");
    world.run(["daemon", "stop"]).succeeds();
    world.run(["daemon", "start"]).succeeds();
    assert!(!world.log().contains("cut off"), "a caller who asks for nothing is waited for\n{}", world.log());
    terminal.type_in("hush\r");
    let (code, text) = terminal.wait();
    assert!(code == Some(8) && text.contains("none.db"), "{code:?}\n{text}");
}

#[test]
fn without_a_terminal_a_missing_value_names_its_flag_and_its_variable() {
    let cases: [(&[&str], &str, &str); 7] = [
        (&["login"], "--tenant", "DEPLOYER_TENANT"),
        (&["login", "--tenant", "x"], "--secret-stdin", "DEPLOYER_SECRET"),
        (&["admin", "login"], "--bucket", "DEPLOYER_BUCKET"),
        (&["admin", "login", "--bucket", "b"], "--password-stdin", "DEPLOYER_ADMIN_PASSWORD"),
        (&["admin", "bootstrap"], "--backend", "DEPLOYER_BACKEND"),
        (&["tenant", "init"], "NAME", "DEPLOYER_TENANT"),
        (&["lock", "unlock"], "--reason", "DEPLOYER_UNLOCK_REASON"),
    ];
    let world = World::new();
    for (command, flag, variable) in cases {
        let output = world.run(command.iter().copied());
        assert_eq!(output.code, Some(64), "{output}");
        assert!(output.stderr.contains(flag) && output.stderr.contains(variable), "{output}");
        assert_eq!(output.stdout, "", "{output}");
    }
}

#[test]
fn no_input_never_asks_on_a_terminal_either() {
    let world = World::new();
    let (code, text) = Terminal::new(world.command(["login", "--no-input"]), 80, 24).wait();
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("DEPLOYER_TENANT"), "{text}");
}

#[test]
fn a_backend_and_a_bucket_that_disagree_are_refused() {
    let world = World::new();
    let output = world.run(["admin", "login", "--backend", "local:x.db", "--bucket", "state"]);
    assert_eq!(output.code, Some(64), "{output}");
    assert!(output.stderr.contains("--backend and --bucket disagree"), "{output}");
    let output = world.with("DEPLOYER_BACKEND", "s3://a").with("DEPLOYER_BUCKET", "b").run(["admin", "login"]);
    assert_eq!(output.code, Some(64), "{output}");
    assert!(output.stderr.contains("DEPLOYER_BACKEND and DEPLOYER_BUCKET disagree"), "{output}");
}

#[test]
fn a_promised_secret_must_arrive() {
    let world = World::new();
    let output = world.command(["login", "--tenant", "x", "--secret-stdin"]).stdin("\n").run();
    assert_eq!(output.code, Some(64), "{output}");
    assert!(output.stderr.contains("stdin is empty"), "{output}");
}

#[test]
fn no_prompt_shows_a_secret_and_no_argument_takes_one() {
    let world = World::new();
    for arguments in [["login", "--secret=hush"], ["login", "--password=hush"]] {
        assert_eq!(world.run(arguments).code, Some(64));
    }
}
