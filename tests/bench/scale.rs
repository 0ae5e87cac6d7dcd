//! How long it takes to apply many components that do nothing.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::measure::{Contender, Times, time};
use crate::report::{Report, Row, spread};
use crate::world::World;
use crate::{Outcome, peers};

/// How many components.
const COMPONENTS: usize = 100;
/// How many commands the product runs at once, and xargs too.
const AT_ONCE: usize = 10;
/// What each component does.
const COMMAND: &str = "true";
const TURNS: usize = 9;

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    report.heading(&format!("{COMPONENTS} independent components that do nothing, local backend"));
    let world = World::new(programs, "memory")?;
    world.sign_in()?;
    let file = world.write_stack("many", &stack())?;
    let terraform = Terraform::ready(&world);
    let mut xargs = Contender::new(xargs());
    let (mut applied, mut created) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        xargs.run()?;
        let environment = format!("e{turn}");
        let arguments = ["apply", "--file", &file, "--environment", &environment, "--yes"];
        let took = time(&mut world.command(&arguments), false)?;
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

fn stack() -> String {
    let mut text = "apiVersion: deployer/v1\nkind: Stack\nname: many\nenvironments:\n".to_owned();
    for turn in 0..=TURNS {
        let _ = writeln!(text, "  e{turn}: {{}}");
    }
    text.push_str("services:\n  work:\n    components:\n");
    for component in 0..COMPONENTS {
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
