//! What a run costs around CloudFormation: one stack beside the AWS CLI's own deployment, and many slow ones at once.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use harness::aws::{LocalAws, REGION, python_environment};

use crate::measure::{Times, time};
use crate::report::{Report, Row, spread};
use crate::world::World;
use crate::{Outcome, peers};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/slow_stacks.py");
const TURNS: usize = 5;
/// How many slow stacks there are at once.
const MANY: usize = 20;
const QUEUE: &str = "Resources: { Queue: { Type: 'AWS::SQS::Queue' } }\n";
/// It takes as long as its signal, which comes three seconds later.
const SLOW: &str = "Resources:\n  Handle: { Type: 'AWS::CloudFormation::WaitConditionHandle' }\n  Wait:\n    \
    Type: AWS::CloudFormation::WaitCondition\n    Properties: { Handle: !Ref Handle, Timeout: '600' }\n";

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    report.heading("CloudFormation on a local AWS");
    let aws = LocalAws::start();
    let world = World::new(programs, "memory")?.with_backend("s3://bench-state", aws.environment());
    world.sign_in()?;
    one(&world, &aws, report)?;
    many(&world, &aws, report)
}

/// A new stack with one queue in each turn; the first turn does not count.
fn one(world: &World, aws: &LocalAws, report: &mut Report) -> Outcome<()> {
    let what = "deployer apply of one stack";
    let Some(program) = peers::installed("aws") else {
        report.row(Row::skipped("aws cloudformation deploy", "the AWS CLI is not on the PATH"));
        return Ok(());
    };
    let (mut ours, mut theirs) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        let by_us = time(&mut applying(world, &format!("one-{turn}"), QUEUE, 1)?, false)?;
        let template = world.home().join("queue.yaml");
        std::fs::write(&template, QUEUE)?;
        let mut deploy = Command::new(&program);
        deploy.args(["cloudformation", "deploy", "--stack-name", &format!("bare-{turn}"), "--template-file"]);
        deploy.arg(&template).envs(aws.environment()).env("AWS_DEFAULT_REGION", REGION);
        let by_itself = time(&mut deploy, false)?;
        if turn > 0 {
            ours.add(by_us);
            theirs.add(by_itself);
        }
    }
    report.row(Row::known("aws cloudformation deploy", spread(&theirs), ""));
    report.row(Row::ratio(what, &ours, ("aws cloudformation deploy", &theirs), 1.1));
    Ok(())
}

/// All of them are as slow as each of them.
fn many(world: &World, aws: &LocalAws, report: &mut Report) -> Outcome<()> {
    let _signals = Signals::start(aws)?;
    let (mut single, mut all) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        let alone = time(&mut applying(world, &format!("slow-{turn}"), SLOW, 1)?, false)?;
        let together = time(&mut applying(world, &format!("many-{turn}"), SLOW, MANY)?, false)?;
        if turn > 0 {
            single.add(alone);
            all.add(together);
        }
    }
    report.row(Row::known("deployer apply of one stack of three seconds", spread(&single), ""));
    report.row(Row::ratio(&format!("deployer apply of {MANY} of them"), &all, ("one of them", &single), 1.3));
    Ok(())
}

fn applying(world: &World, name: &str, template: &str, components: usize) -> Outcome<Command> {
    let rows: String =
        (0..components).map(|at| format!("      c{at}: {{ type: cloudformation, template: t.yaml }}\n")).collect();
    let head = format!("apiVersion: deployer/v1\nkind: Stack\nname: {name}\nenvironments: {{ development: {{}} }}\n");
    let file = world.write_stack(name, &format!("{head}services:\n  work:\n    components:\n{rows}"))?;
    let directory = PathBuf::from(&file).parent().map(Path::to_owned).unwrap_or_default();
    std::fs::write(directory.join("t.yaml"), template)?;
    Ok(world.command(&["apply", "--file", &file, "--yes"]))
}

/// Whoever lets the slow stacks succeed; ended with this.
struct Signals(Child);

impl Signals {
    fn start(aws: &LocalAws) -> Outcome<Self> {
        let mut python = Command::new(python_environment().join("bin/python"));
        python.arg(SCRIPT).envs(aws.environment()).env("AWS_DEFAULT_REGION", REGION).stdout(Stdio::piped());
        let mut child = Self(python.spawn()?);
        let stdout = child.0.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(child)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}
