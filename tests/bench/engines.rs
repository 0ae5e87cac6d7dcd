//! What a run costs around an engine: Terraform through the product, beside Terraform by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::aws::{LocalAws, REGION};

use crate::measure::{Times, time};
use crate::report::{Report, Row, spread};
use crate::world::World;
use crate::{Outcome, peers};

/// How many resources.
const RESOURCES: usize = 100;
const TURNS: usize = 7;

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    report.heading(&format!("Terraform: a new module of {RESOURCES} terraform_data, from init to its outputs"));
    let Some(program) = ["terraform", "tofu"].into_iter().find_map(peers::installed) else {
        report.row(Row::skipped("terraform", "neither terraform nor tofu is on the PATH"));
        return Ok(());
    };
    let local = World::new(programs, "memory")?;
    local.sign_in()?;
    let bare = Bare { program: program.clone(), world: &local, backend: String::new(), environment: Vec::new() };
    let (ours, theirs) = in_turns(&local, &bare)?;
    let (what, peer) = ("deployer apply, local backend", "terraform init && apply, state in a file");
    report.row(Row::known(peer, spread(&theirs), ""));
    report.row(Row::ratio(what, &ours, (peer, &theirs), 1.1));

    let aws = LocalAws::start();
    let world = World::new(programs, "memory")?.with_backend("s3://bench-state", aws.environment());
    world.sign_in()?;
    let mut environment = aws.environment();
    environment.push(("AWS_EC2_METADATA_DISABLED", "true".to_owned()));
    let bare = Bare { program, world: &world, backend: s3_backend(&aws.endpoint()), environment };
    let (ours, theirs) = in_turns(&world, &bare)?;
    let (what, peer) = ("deployer apply, S3 and DynamoDB", "terraform init && apply, its S3 backend");
    report.row(Row::known(peer, spread(&theirs), "with use_lockfile"));
    report.row(Row::faster(what, &ours, (peer, &theirs)));
    Ok(())
}

/// A new stack, and a new directory, in each turn; the first turn does not count.
fn in_turns(world: &World, bare: &Bare<'_>) -> Outcome<(Times, Times)> {
    let (mut ours, mut theirs) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        let (by_us, by_itself) = (time(&mut applying(world, turn)?, false)?, time(&mut bare.applying(turn)?, false)?);
        if turn > 0 {
            ours.add(by_us);
            theirs.add(by_itself);
        }
    }
    Ok((ours, theirs))
}

fn applying(world: &World, turn: usize) -> Outcome<Command> {
    let name = format!("module-{turn}");
    let text = format!(
        "apiVersion: deployer/v1\nkind: Stack\nname: {name}\nenvironments: {{ development: {{}} }}\nservices:\n  work:\n    \
         components:\n      many: {{ type: terraform, source: ./many }}\n"
    );
    let file = world.write_stack(&name, &text)?;
    let directory = PathBuf::from(&file).parent().map(|parent| parent.join("many")).unwrap_or_default();
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("main.tf"), module(""))?;
    Ok(world.command(&["apply", "--file", &file, "--yes"]))
}

/// Terraform as one runs it by hand, or in a pipeline.
struct Bare<'a> {
    program: PathBuf,
    world: &'a World,
    /// Its backend, with `KEY` where the turn's name belongs.
    backend: String,
    environment: Vec<(&'static str, String)>,
}

impl Bare<'_> {
    fn applying(&self, turn: usize) -> Outcome<Command> {
        let directory = self.world.home().join(format!("bare-{turn}"));
        std::fs::create_dir_all(&directory)?;
        let backend = self.backend.replace("KEY", &format!("bare-{turn}"));
        std::fs::write(directory.join("main.tf"), module(&backend))?;
        let program = self.program.display();
        let script =
            format!("{program} init -input=false >/dev/null && {program} apply -input=false -auto-approve -json");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script]).current_dir(directory).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.world.home()).env("CHECKPOINT_DISABLE", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}

fn module(backend: &str) -> String {
    format!(
        "{backend}resource \"terraform_data\" \"many\" {{\n  count = {RESOURCES}\n}}\noutput \"first\" {{\n  value = \
         terraform_data.many[0].id\n}}\n"
    )
}

/// The same bucket as the product's.
fn s3_backend(endpoint: &str) -> String {
    format!(
        r#"terraform {{
  backend "s3" {{
    bucket = "bench-state"
    key = "KEY/terraform.tfstate"
    region = "{REGION}"
    endpoints = {{ s3 = "{endpoint}", sts = "{endpoint}", iam = "{endpoint}" }}
    use_path_style = true
    skip_credentials_validation = true
    skip_metadata_api_check = true
    skip_requesting_account_id = true
    skip_region_validation = true
    use_lockfile = true
  }}
}}
"#
    )
}
