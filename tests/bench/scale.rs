//! How long it takes to apply many components that do nothing, and to find out that nothing is to be done.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::measure::{Contender, Times, in_turns, time};
use crate::report::{Report, Row, short, spread};
use crate::world::World;
use crate::{Outcome, peers};

/// How many components.
const COMPONENTS: usize = 100;
/// How many commands the product runs at once, and xargs too.
const AT_ONCE: usize = 10;
/// What each component does.
const COMMAND: &str = "true";
const TURNS: usize = 15;
/// How many components are planned that are as they should be.
const UNCHANGED: usize = 500;
const UNCHANGED_WITHIN: Duration = Duration::from_millis(150);

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    let world = World::new(programs, "memory")?;
    world.sign_in()?;
    apply(&world, report)?;
    plan(&world, report)
}

/// A new stack in each turn, so that the product has as much to do each time as Terraform in a new directory.
fn apply(world: &World, report: &mut Report) -> Outcome<()> {
    report.heading(&format!("{COMPONENTS} independent components that do nothing, local backend"));
    let terraform = Terraform::ready(world);
    let mut xargs = Contender::new(xargs());
    let (mut applied, mut created) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        xargs.run()?;
        let took = time(&mut applying(world, turn)?, false)?;
        let terraform = terraform.as_ref().map(|terraform| terraform.create(turn)).transpose()?;
        if turn == 0 {
            xargs.times = Times::default();
            continue;
        }
        applied.add(took);
        terraform.into_iter().for_each(|time| created.add(time));
    }
    let what = format!("deployer apply of {COMPONENTS} commands");
    let peer = format!("xargs -P{AT_ONCE}");
    report.row(Row::known(&format!("{peer} sh -c {COMMAND}"), spread(&xargs.times), ""));
    report.row(Row::ratio(&what, &applied, (&peer, &xargs.times), 1.5));
    match terraform {
        Some(_) => {
            report.row(Row::known("terraform apply of 100 terraform_data", spread(&created), ""));
            report.row(Row::faster(&what, &applied, ("terraform apply", &created)));
        }
        None => report.row(Row::skipped("terraform apply", "neither terraform nor tofu is on the PATH")),
    }
    Ok(())
}

fn applying(world: &World, turn: usize) -> Outcome<Command> {
    let name = format!("many-{turn}");
    let file = world.write_stack(&name, &stack(&name, COMPONENTS))?;
    Ok(world.command(&["apply", "--file", &file, "--yes"]))
}

fn plan(world: &World, report: &mut Report) -> Outcome<()> {
    report.heading(&format!("Plan of {UNCHANGED} components that are as they should be"));
    let file = world.write_stack("unchanged", &stack("unchanged", UNCHANGED))?;
    let first = time(&mut world.command(&["apply", "--file", &file, "--yes"]), false)?;
    let mut plan = Contender::new(world.command(&["plan", "--file", &file, "--detailed-exitcode"]));
    in_turns(&mut [&mut plan], TURNS)?;
    report.row(Row::known(&format!("deployer apply of {UNCHANGED} commands, once"), short(first), ""));
    report.row(Row::within(&format!("deployer plan, {UNCHANGED} unchanged"), &plan.times, UNCHANGED_WITHIN));
    Ok(())
}

fn stack(name: &str, components: usize) -> String {
    let mut text =
        format!("apiVersion: deployer/v1\nkind: Stack\nname: {name}\nenvironments: {{ development: {{}} }}\n");
    text.push_str("services:\n  work:\n    components:\n");
    for component in 0..components {
        let _ = writeln!(text, "      c{component}: {{ type: command, apply: \"{COMMAND}\" }}");
    }
    text
}

/// The same commands by the same shell, as many at once, without a plan, a lock, a state or a history.
fn xargs() -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("seq {COMPONENTS} | xargs -P{AT_ONCE} -I{{}} /bin/sh -c '{COMMAND}'")]);
    command
}

struct Terraform<'a> {
    world: &'a World,
    program: std::path::PathBuf,
}

impl<'a> Terraform<'a> {
    /// Nothing where it is not installed.
    fn ready(world: &'a World) -> Option<Self> {
        let program = ["terraform", "tofu"].into_iter().find_map(peers::installed)?;
        Some(Self { world, program })
    }

    /// Creates all in a new directory that is initialised.
    fn create(&self, turn: usize) -> Outcome<std::time::Duration> {
        let directory = self.world.home().join(format!("terraform-{turn}"));
        std::fs::create_dir_all(&directory)?;
        let module = format!("resource \"terraform_data\" \"many\" {{\n  count = {COMPONENTS}\n}}\n");
        std::fs::write(directory.join("main.tf"), module)?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&self.program);
            command.args(arguments).current_dir(&directory).env("CHECKPOINT_DISABLE", "1");
            command.env("HOME", self.world.home()).env_remove("TF_CLI_CONFIG_FILE");
            command
        };
        time(&mut command(&["init", "-input=false"]), false)?;
        time(&mut command(&["apply", "-auto-approve", "-input=false", &format!("-parallelism={AT_ONCE}")]), false)
    }
}
