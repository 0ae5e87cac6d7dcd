//! What a run costs around an engine: Terraform through the product, beside Terraform by itself.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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
    report.row(Row::ratio(what, &ours, (peer, &theirs), 1.1));
    let (ours, theirs) = backends(&bare)?;
    report.row(Row::faster("terraform init && apply, the daemon's backend", &ours, (peer, &theirs)));
    Ok(())
}

/// The same commands by hand over both backends that keep the state in S3: what a state costs by itself.
fn backends(bare: &Bare<'_>) -> Outcome<(Times, Times)> {
    let (mut ours, mut theirs) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        let (by_us, by_itself) = (bare.served(turn)?, time(&mut bare.applying(&format!("by-itself-{turn}"))?, false)?);
        if turn > 0 {
            ours.add(by_us);
            theirs.add(by_itself);
        }
    }
    Ok((ours, theirs))
}

/// A new stack, and a new directory, in each turn; the first turn does not count.
fn in_turns(world: &World, bare: &Bare<'_>) -> Outcome<(Times, Times)> {
    let (mut ours, mut theirs) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        let (by_us, by_itself) = (
            time(&mut applying(world, &format!("module-{turn}"))?, false)?,
            time(&mut bare.applying(&format!("bare-{turn}"))?, false)?,
        );
        if turn > 0 {
            ours.add(by_us);
            theirs.add(by_itself);
        }
    }
    Ok((ours, theirs))
}

fn applying(world: &World, name: &str) -> Outcome<Command> {
    let text = format!(
        "apiVersion: deployer/v1\nkind: Stack\nname: {name}\nenvironments: {{ development: {{}} }}\nservices:\n  work:\n    \
         components:\n      many: {{ type: terraform, source: ./many }}\n"
    );
    let file = world.write_stack(name, &text)?;
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
    fn applying(&self, name: &str) -> Outcome<Command> {
        let directory = self.world.home().join(name);
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("main.tf"), module(&self.backend.replace("KEY", name)))?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &self.script()]).current_dir(directory).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.world.home()).env("CHECKPOINT_DISABLE", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    fn script(&self) -> String {
        let program = self.program.display();
        format!("{program} init -input=false >/dev/null && {program} apply -input=false -auto-approve -json")
    }

    /// How long the same commands take over the backend that the daemon serves to a run which holds its lock: what
    /// stands for Terraform in that run measures them where it was to apply, and then ends the run.
    fn served(&self, turn: usize) -> Outcome<Duration> {
        let (name, home) = (format!("served-{turn}"), self.world.home());
        let (directory, programs, took) = (home.join(&name), home.join("programs"), home.join("took"));
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("main.tf"), module("terraform {\n  backend \"http\" {}\n}\n"))?;
        let stand_in = format!(
            "#!/bin/sh\n[ \"$1\" = apply ] || exec {program} \"$@\"\nunset TF_DATA_DIR\ncd {directory} || exit\n\
             from=$(date +%s%N)\n/bin/sh -c '{script}' >/dev/null || exit\necho $(($(date +%s%N) - from)) > {took}\nexit 1\n",
            program = self.program.display(),
            directory = directory.display(),
            script = self.script(),
            took = took.display(),
        );
        std::fs::create_dir_all(&programs)?;
        let program = programs.join("terraform");
        std::fs::write(&program, stand_in)?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        let path = format!("{}:{}", programs.display(), std::env::var("PATH")?);
        applying(self.world, &name)?.env("PATH", path).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        let measured = std::fs::read_to_string(&took)?;
        std::fs::remove_file(took)?;
        Ok(Duration::from_nanos(measured.trim().parse()?))
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
