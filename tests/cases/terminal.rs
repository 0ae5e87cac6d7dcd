//! Any terminal: very narrow, without colours, without UTF-8, closed too early.

use harness::World;
use harness::terminal::Terminal;

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
