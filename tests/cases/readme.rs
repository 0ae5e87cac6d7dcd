//! What README.md promises is run as it stands there.

use harness::World;
use harness::aws::LocalAws;
use harness::scenes::PASSWORD;
use harness::terminal::Terminal;
use harness::{programs, wait};

/// The commands of a section: its lines without their comments.
fn commands(section: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(programs::root().join("README.md")).unwrap();
    let (_, after) = readme.split_once(&format!("\n## {section}\n")).expect("the section is there");
    let (_, block) = after.split_once("```sh\n").expect("it has commands");
    let (block, _) = block.split_once("```").expect("they end");
    let plain = block.lines().map(|line| line.split("  #").next().unwrap_or_default().trim().to_owned());
    plain.filter(|line| !line.is_empty() && !line.starts_with("make ")).collect()
}

/// Types what a command asks for, each thing once.
fn answer(terminal: &mut Terminal, answers: &[(&str, &str)]) {
    for (prompt, text) in answers {
        terminal.wait_for(prompt);
        terminal.type_in(&format!("{text}\r"));
    }
}

/// Runs the commands on a terminal, as a reader would, and answers their prompts.
fn followed(world: &World, lines: &[String]) {
    let directory = programs::directory().display();
    let (mut secret, mut cwd) = (String::new(), world.work());
    for line in lines {
        if let Some((first, then)) = line.split_once(" && cd ") {
            run(world, &cwd, &directory.to_string(), first, &mut secret);
            cwd = cwd.join(then);
        } else {
            run(world, &cwd, &directory.to_string(), line, &mut secret);
        }
    }
}

fn run(world: &World, cwd: &std::path::Path, programs: &str, line: &str, secret: &mut String) {
    let path = format!("{programs}:/usr/bin:/bin");
    let command = world.program("bash").args(["-c", line]).env("PATH", path).current_dir(cwd);
    let mut terminal = Terminal::new(command, 100, 40);
    let verb = line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ");
    match verb.as_str() {
        "admin bootstrap" => answer(&mut terminal, &[("Admin Password:", PASSWORD), ("Once more:", PASSWORD)]),
        "admin login" => answer(&mut terminal, &[("Admin Password:", PASSWORD)]),
        "tenant init" => answer(
            &mut terminal,
            &[
                ("Display Name:", ""),
                ("Contact Email:", "team@example.com"),
                ("AWS Account ID", ""),
                ("Enable cost tracking:", ""),
                ("Monthly cost limit", ""),
                ("State version:", ""),
            ],
        ),
        _ if verb.starts_with("login") => answer(&mut terminal, &[("Tenant Secret:", secret)]),
        _ if verb.starts_with("apply") => answer(&mut terminal, &[("Continue?", "yes")]),
        _ => {}
    }
    let (code, text) = terminal.wait();
    assert_eq!(code, Some(0), "`{line}` ended with {code:?}:\n{text}");
    if let Some((_, after)) = text.split_once("Tenant Secret: ") {
        *secret = after.lines().next().unwrap_or_default().trim().to_owned();
    }
}

#[test]
fn the_main_job_on_this_machine() {
    let world = World::new();
    let lines = commands("The main job, on your machine");
    assert!(lines.len() >= 8, "{lines:?}");
    followed(&world, &lines);
    assert!(world.work().join("hello/stack.yaml").exists());
    world.run(["status", "--stack", "hello", "--environment", "development"]).succeeds();
}

#[test]
fn the_main_job_on_aws() {
    let aws = LocalAws::start();
    let world = aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
    world.run(["stack", "init", "notification-platform"]).succeeds();
    let lines = commands("The main job, on AWS");
    assert!(lines.len() >= 5, "{lines:?}");
    followed(&world, &lines);
    let shown = world.run(["stack", "list"]).succeeds();
    shown.says("notification-platform").says("staging").says("deployed");
}

#[test]
fn the_demo_shows_the_main_job_and_leaves_nothing_behind() {
    let world = World::new();
    let temporary = world.directory().join("t");
    std::fs::create_dir(&temporary).unwrap();
    let demo = programs::root().join("docs/demo/run");
    let command = world.program("bash").args([demo.as_os_str(), programs::directory().as_os_str()]);
    let output = command.env("TMPDIR", &temporary).run().succeeds();
    for part in [
        "Admin authentication successful",
        "✓ Logged in as: web-team",
        "Plan: ",
        "✓ Applied ",
        "No changes",
        "✓ Destroyed ",
    ] {
        assert!(output.stdout.contains(part), "no {part:?} in {output}");
    }
    wait::until("nothing of it runs", || world.processes().is_empty());
    assert_eq!(temporary.read_dir().unwrap().count(), 0);
    assert_eq!(world.home().read_dir().unwrap().count(), 0);
}
