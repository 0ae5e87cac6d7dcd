//! Any terminal: very narrow, without colours, without UTF-8, closed too early.

use harness::World;
use harness::scenes::{self, Platform};
use harness::terminal::{CTRL_C, Terminal};

/// Commands that print much without any backend.
const COMMANDS: [&[&str]; 8] = [
    &["--help"],
    &["apply", "--help"],
    &["tenant", "init", "--help"],
    &["version"],
    &["context", "list"],
    &["daemon", "status"],
    &["daemon", "logs"],
    &["stack", "validate"],
];

#[test]
fn twenty_columns_are_enough() {
    let world = World::new();
    for command in COMMANDS {
        for columns in [1, 20, 40, 80] {
            let (code, text) = Terminal::new(world.command(command.iter().copied()), columns, 24).wait();
            assert!(matches!(code, Some(0 | 3 | 8 | 64)), "{command:?} in {columns} columns: {code:?}\n{text}");
            assert!(!text.contains("bug in deployer") && !text.contains("panicked"), "{command:?}\n{text}");
        }
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let colour = |world: &World, arguments: &[&str]| {
        let terminal = Terminal::new(world.command(arguments.iter().copied()), 80, 24);
        terminal.wait_for("not running");
        terminal.raw().contains("\u{1b}[31m")
    };
    let world = World::new().with("TERM", "xterm");
    assert!(colour(&world, &["daemon", "status"]));
    assert!(!colour(&world, &["daemon", "status", "--no-color"]));
    assert!(!colour(&World::new().with("TERM", "xterm").with("NO_COLOR", "1"), &["daemon", "status"]));
    assert!(!colour(&World::new().with("TERM", "dumb"), &["daemon", "status"]));
    assert!(!world.run(["daemon", "status"]).stderr.contains('\u{1b}'));
}

#[test]
fn a_locale_without_utf_8_gets_ascii() {
    for locale in ["C", "POSIX", "de_DE.ISO-8859-1"] {
        let world = World::new().with("LC_ALL", locale);
        for command in [&["daemon", "start"][..], &["daemon", "status"], &["context", "list"]] {
            let output = world.run(command.iter().copied());
            assert_eq!(output.code, Some(0), "{output}");
            assert!(output.stdout.is_ascii() && output.stderr.is_ascii(), "{locale}: {output}");
        }
        let output = world.run(["tenant", "show"]);
        assert!(output.stderr.is_ascii(), "{output}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let world = World::new();
    for command in ["completion bash", "daemon status", "context list -o json", "version", "--help"] {
        let line = format!(
            "{} {command} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}",
            harness::programs::deployer().display()
        );
        world.run(["daemon", "start"]);
        let output = world.program("bash").args(["-c", &line]).run();
        assert_eq!(output.stdout.trim(), "0", "{command}: {output}");
        assert_eq!(output.stderr, "", "{command}: {output}");
    }
}

#[test]
fn a_full_disk_behind_the_answer_is_said() {
    let world = World::new();
    let line = format!("{} completion bash >/dev/full", harness::programs::deployer().display());
    let output = world.program("bash").args(["-c", &line]).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.contains("could not write the answer"), "{output}");
}

#[test]
fn a_secret_that_could_not_be_shown_names_the_way_to_a_new_one() {
    let platform = Platform::local();
    let program = harness::programs::deployer().display().to_string();
    // A full disk, and a reader that has left before.
    for (id, before, into) in [("full-team", ":", "/dev/full"), ("pipe-team", "exec 5> >(:); wait $!", "&5")] {
        let line = format!("{before}; {program} tenant init {id} -q --no-input >{into}");
        let output = platform.world.program("bash").args(["-c", &line]).run();
        assert_eq!(output.code, Some(1), "{output}");
        assert!(output.stderr.contains(&format!("the secret of the tenant {id} could not be shown")), "{output}");
        assert!(output.stderr.contains(&format!("deployer tenant rotate {id}")), "{output}");
    }
}

fn team_with(components: &[&str]) -> Platform {
    let platform = scenes::team();
    platform.write_stack("web", components);
    platform
}

fn on_terminal(platform: &Platform, arguments: &[&str], columns: u16) -> Terminal {
    Terminal::new(platform.world.command(arguments.iter().copied()), columns, 30)
}

#[test]
fn an_apply_shows_its_plan_asks_and_draws_a_tree() {
    let platform = team_with(&[
        "a: { type: command, apply: echo hello }",
        "b: { type: command, apply: 'true', dependsOn: [s.a] }",
    ]);
    for columns in [80, 40, 20] {
        let mut terminal = on_terminal(&platform, &["apply", "--stack", "web", "--replace", "s.a"], columns);
        terminal.wait_for("Continue?");
        assert!(terminal.text().contains("s.a"), "{}", terminal.text());
        terminal.type_in("yes\r");
        let (code, text) = terminal.wait();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("├── s.a... ✓") || text.contains("└── s.a... ✓"), "{text}");
        assert!(text.contains("✓ Applied web/development"), "{text}");
    }
}

#[test]
fn a_plan_that_went_stale_before_the_answer_is_shown_and_asked_about_again() {
    for platform in scenes::teams() {
        platform.write_stack("web", &["a: { type: command, apply: touch old }"]);
        let mut terminal = on_terminal(&platform, &["apply", "--stack", "web"], 80);
        terminal.wait_for("Continue?");
        platform.write_stack("web", &["b: { type: command, apply: touch new }"]);
        terminal.type_in("yes\r");
        let shown_again = || {
            let text = terminal.text();
            let (_, after) = text.split_once("The plan has changed since you saw it")?;
            (after.contains("s.b") && after.contains("Continue?")).then_some(())
        };
        harness::wait::until_some("it shows the new plan and asks again", shown_again);
        let ran = |name: &str| platform.world.work().join("web").join(name).exists();
        assert!(!ran("old") && !ran("new"));
        terminal.type_in("yes\r");
        let (code, text) = terminal.wait();
        assert_eq!(code, Some(0), "{text}");
        assert!(ran("new") && !ran("old"));
    }
}

#[test]
fn a_declined_apply_changes_nothing() {
    let platform = team_with(&["a: { type: command, apply: touch ran }"]);
    for answer in ["no\r", "\r", CTRL_C] {
        let mut terminal = on_terminal(&platform, &["apply", "--stack", "web"], 80);
        terminal.wait_for("Continue?");
        terminal.type_in(answer);
        let (code, text) = terminal.wait();
        assert_eq!(code, Some(130), "{text}");
    }
    assert!(!platform.world.work().join("web/ran").exists());
    platform.world.run(["history", "--stack", "web"]).exits(8);
}

#[test]
fn a_destroy_wants_the_stack_s_name() {
    let platform = scenes::team();
    let ran = platform.world.work().join("ran");
    let (apply, destroy) = (format!("touch {}", ran.display()), format!("rm {}", ran.display()));
    platform.write_stack("web", &[&format!("a: {{ type: command, apply: {apply}, destroy: {destroy} }}")]);
    platform.world.run(["apply", "--stack", "web", "--yes"]).succeeds();
    for (typed, code) in [("wab\r", 130), (CTRL_C, 130), ("web\r", 0)] {
        assert!(ran.exists());
        let mut terminal = on_terminal(&platform, &["destroy", "--stack", "web"], 80);
        terminal.wait_for("Type the stack's name (web) to confirm:");
        terminal.type_in(typed);
        let (ended, text) = terminal.wait();
        assert_eq!(ended, Some(code), "{typed:?}\n{text}");
    }
    assert!(!ran.exists());
}

#[test]
fn the_first_ctrl_c_cancels() {
    let platform = team_with(&["a: { type: command, apply: touch begun; exec sleep 600 }"]);
    let mut terminal = on_terminal(&platform, &["apply", "--stack", "web", "--yes"], 80);
    harness::wait::until("the command runs", || platform.world.work().join("web/begun").exists());
    terminal.wait_for("s.a... creating");
    terminal.type_in(CTRL_C);
    let (code, text) = terminal.wait();
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("⚠ cancelled") && text.contains("Cancelling"), "{text}");
    platform.world.run(["status", "--stack", "web"]).exits(1);
}

#[test]
fn the_second_ctrl_c_leaves_the_run_alone() {
    let stubborn = "a: { type: command, apply: \"trap '' TERM; touch begun; until test -e go; do sleep 0.05; done\" }";
    let platform = team_with(&[stubborn]);
    let mut terminal = on_terminal(&platform, &["apply", "--stack", "web", "--yes"], 80);
    harness::wait::until("the command runs", || platform.world.work().join("web/begun").exists());
    terminal.wait_for("s.a... creating");
    terminal.type_in(CTRL_C);
    terminal.wait_for("Ctrl-C again");
    terminal.type_in(CTRL_C);
    let (code, text) = terminal.wait();
    assert_eq!(code, Some(130), "{text}");
    let id = platform.world.run(["run", "list", "-q"]).succeeds().stdout.trim().to_owned();
    assert!(text.contains(&format!("deployer run attach {id}")), "{text}");
    platform.world.run(["run", "show", &id, "-q"]).succeeds().says("cancelling");
    platform.world.write("web/go", "");
    platform.world.run(["run", "attach", &id]).exits(130);
}

#[test]
fn a_sign_in_is_typed_and_its_secret_is_not_shown() {
    let platform = Platform::local();
    let secret = platform.create_tenant("web-team");
    let mut terminal = on_terminal(&platform, &["login"], 80);
    for (prompt, answer) in
        [("Tenant Name:", "web-team"), ("Tenant Secret:", &secret), ("S3 Bucket:", &platform.address)]
    {
        terminal.wait_for(prompt);
        terminal.type_in(&format!("{answer}\r"));
    }
    let (code, text) = terminal.wait();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("└── Authentication successful ✓") && text.contains("✓ Logged in as: web-team"), "{text}");
    assert!(!text.contains(&secret), "{text}");
}

#[test]
fn what_a_command_prints_cannot_paint_the_screen() {
    let platform =
        team_with(&["a: { type: command, apply: \"printf 'x\\\\033[2Jy\\\\342\\\\200\\\\256z\\\\n'; exit 1\" }"]);
    let (code, text) = {
        let terminal = on_terminal(&platform, &["apply", "--stack", "web", "--yes"], 80);
        terminal.wait_for("failed");
        assert!(!terminal.raw().contains("\u{1b}[2J"), "{:?}", terminal.raw());
        terminal.wait()
    };
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("x\\e[2Jy") && !text.contains('\u{202e}'), "{text}");
}
