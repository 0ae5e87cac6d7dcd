//! Others who lock in S3 or DynamoDB, each doing the least that it does under a lock.

use std::path::PathBuf;
use std::process::Command;

use harness::aws::REGION;

use crate::Outcome;
use crate::measure::{Contender, time};
use crate::peers::{Missing, installed};
use crate::world::World;

/// A Python that has `python-dynamodb-lock`.
const PYTHON: &str = "DEPLOYER_BENCH_PYTHON";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/peer_lock.py");
const TABLE: &str = "bench-peer-locks";

/// A peer that is ready to be run.
#[derive(Clone)]
pub struct Peer {
    /// What is run.
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    directory: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Peer {
    /// One run.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// One run, to be measured.
    pub fn contender(&self) -> Contender {
        Contender::new(self.command())
    }
}

/// All peers, on the AWS at an endpoint.
pub fn all(world: &World, endpoint: &str) -> Vec<Result<Peer, Missing>> {
    vec![
        terraform(world, endpoint, "terraform apply, no changes, dynamodb_table", "dynamodb_table = \"bench-locks\""),
        terraform(world, endpoint, "terraform apply, no changes, use_lockfile", "use_lockfile = true"),
        python(world, endpoint),
    ]
}

/// Terraform's S3 backend, in the product's own bucket; its lock table has the same key.
fn terraform(world: &World, endpoint: &str, name: &'static str, locking: &str) -> Result<Peer, Missing> {
    let Some(program) = ["terraform", "tofu"].into_iter().find_map(installed) else {
        return Err(Missing { name, why: "neither terraform nor tofu is on the PATH".to_owned() });
    };
    let word: String = locking.chars().take_while(|c| *c != ' ').collect();
    let directory = world.home().join(&word);
    let ready = || -> Outcome<Peer> {
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("main.tf"), module(endpoint, &word, locking))?;
        let arguments = ["apply", "-auto-approve", "-input=false"].map(str::to_owned).into();
        let environment = environment(world, endpoint);
        let peer = Peer { name, program, arguments, directory, environment };
        let init = Peer { arguments: ["init", "-input=false"].map(str::to_owned).into(), ..peer.clone() };
        time(&mut init.command(), false)?;
        time(&mut peer.command(), false)?;
        Ok(peer)
    };
    ready().map_err(|error| Missing { name, why: format!("installed, but it does not work here: {error}") })
}

fn module(endpoint: &str, key: &str, locking: &str) -> String {
    format!(
        r#"terraform {{
  backend "s3" {{
    bucket = "bench-state"
    key = "{key}/terraform.tfstate"
    region = "{REGION}"
    endpoints = {{ s3 = "{endpoint}", dynamodb = "{endpoint}", sts = "{endpoint}", iam = "{endpoint}" }}
    use_path_style = true
    skip_credentials_validation = true
    skip_metadata_api_check = true
    skip_requesting_account_id = true
    skip_region_validation = true
    {locking}
  }}
}}
resource "terraform_data" "one" {{}}
"#
    )
}

fn python(world: &World, endpoint: &str) -> Result<Peer, Missing> {
    let name = "python-dynamodb-lock, one process, one cycle";
    let Some(python) = std::env::var_os(PYTHON) else {
        let why = format!("{PYTHON} does not name a Python that has it (pip install python-dynamodb-lock boto3)");
        return Err(Missing { name, why });
    };
    let peer = |times: &str| Peer {
        name,
        program: PathBuf::from(&python),
        arguments: [SCRIPT, TABLE, times].map(str::to_owned).into(),
        directory: world.home().to_owned(),
        environment: environment(world, endpoint),
    };
    match time(&mut peer("0").command(), false) {
        Ok(_) => Ok(peer("1")),
        Err(error) => Err(Missing { name, why: format!("it does not work here: {error}") }),
    }
}

fn environment(world: &World, endpoint: &str) -> Vec<(&'static str, String)> {
    vec![
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", world.home().display().to_string()),
        ("CHECKPOINT_DISABLE", "1".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}
