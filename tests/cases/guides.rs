//! What the guides say is run as it stands there, and what is generated is up to date.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::aws::LocalAws;
use harness::guide::{Reader, commands};
use harness::scenes::Platform;
use harness::{Command, World, programs};

const BUCKET: &str = "s3://company-deployer-state";

fn world(aws: &LocalAws) -> World {
    let world = aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
    world.with("AWS_REGION", "us-east-1")
}

/// A platform as the guides describe it, whose team has not signed in yet; and its secret.
fn platform(aws: &LocalAws, tenant: &str) -> (Platform, String) {
    let platform = Platform::prepared(world(aws), BUCKET.to_owned());
    let secret = platform.create_tenant(tenant);
    (platform, secret)
}

/// The installer is tested where packages are: here it finds that all is there.
fn without_installing(world: &World) -> PathBuf {
    let directory = world.directory().join("shims");
    std::fs::create_dir(&directory).unwrap();
    let curl = directory.join("curl");
    std::fs::write(&curl, "#!/bin/sh\n[ \"$2\" = https://deployer.io/install.sh ] && echo 'echo installed'\n").unwrap();
    std::fs::set_permissions(&curl, std::fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

#[test]
fn a_platform_team_follows_its_guide() {
    let aws = LocalAws::start();
    let world = world(&aws);
    let lines = commands("docs/PLATFORM_ADMIN_GUIDE.md");
    assert!(lines.len() >= 20, "{lines:?}");
    Reader::new(&world).follow(&lines);
    world.run(["tenant", "list"]).exits(4);
}

#[test]
fn a_team_follows_its_guide() {
    let aws = LocalAws::start();
    let (platform, secret) = platform(&aws, "notifications-team");
    let lines = commands("docs/GETTING_STARTED_GUIDE.md");
    assert!(lines.len() >= 20, "{lines:?}");
    let mut reader = Reader::new(&platform.world);
    reader.secret = secret;
    reader.first_on_path = Some(without_installing(&platform.world));
    reader.follow(&lines);
    platform.world.run(["stack", "list"]).exits(4);
}

#[test]
fn the_page_on_operations_is_followed() {
    let aws = LocalAws::start();
    let (platform, secret) = platform(&aws, "web-team");
    platform.sign_in("web-team", &secret);
    platform.world.run(["stack", "init", "hello"]).succeeds();
    let lines = commands("docs/OPERATIONS.md");
    // A deleted tenant's session ends: what a team does comes before what its admin does.
    assert!(lines.len() >= 10, "{lines:?}");
    platform.world.run(["apply", "--stack", "hello", "--environment", "development", "--yes"]).succeeds();
    Reader::new(&platform.world).follow(&lines);
}

#[test]
fn an_older_state_is_brought_back_as_the_page_on_operations_says() {
    let aws = LocalAws::start();
    let (platform, secret) = platform(&aws, "web-team");
    platform.sign_in("web-team", &secret);
    platform.world.run(["stack", "init", "hello"]).succeeds();
    let place = ["--stack", "hello", "--environment", "development"];
    let apply = |more: &[&str]| {
        platform.world.run(["apply", "--yes"].iter().chain(&place).chain(more).copied()).succeeds();
    };
    apply(&[]);
    apply(&["--var", "GREETING=Hi"]);
    // The version that the first apply left, put back under the condition that nobody changed it meanwhile.
    let text = "s3 = boto3.client('s3')\n\
         where = {'Bucket': 'company-deployer-state', 'Key': \
             'tenants/web-team/v1/stacks/hello/development/state.json'}\n\
         versions = s3.list_object_versions(Bucket=where['Bucket'], Prefix=where['Key'])['Versions']\n\
         read = lambda v: s3.get_object(**where, VersionId=v['VersionId'])['Body'].read()\n\
         old = next(read(v) for v in reversed(versions) if json.loads(read(v)).get('historyNumber') == 1 \
             and not json.loads(read(v)).get('inFlight'))\n\
         s3.put_object(**where, Body=old, IfMatch=next(v for v in versions if v['IsLatest'])['ETag'])\n\
         answer(1)";
    harness::boto::boto(&aws, text);
    let plan =
        platform.world.run(["plan", "--detailed-exitcode", "--var", "GREETING=Hi"].iter().chain(&place).copied());
    plan.exits(2);
    apply(&["--var", "GREETING=Hi"]);
    platform.world.run(["status"].iter().chain(&place).copied()).succeeds();
}

#[test]
fn the_page_on_security_is_followed() {
    let aws = LocalAws::start();
    let (platform, secret) = platform(&aws, "web-team");
    let mut reader = Reader::new(&platform.world);
    reader.secret = secret;
    reader.follow(&commands("docs/SECURITY.md"));
}

/// What a page names as a command, in a sentence or on a line of its own.
fn named(text: &str) -> Vec<String> {
    let lines =
        text.lines().map(|line| line.trim().trim_start_matches("- ")).filter(|line| line.starts_with("deployer "));
    let inline = text.split("`deployer ").skip(1).map(|after| after.split('`').next().unwrap());
    let inline = inline.map(|words| format!("deployer {}", words.replace('\n', " ")));
    lines.map(str::to_owned).chain(inline).collect()
}

/// What keeps a command from being one that the program has, if anything does; by what its help says.
fn fault(command: &str, help: &BTreeMap<String, String>) -> Option<String> {
    let own = command.split(['#', '|', '>', '&']).next().unwrap().split(" -- ").next().unwrap();
    let words: Vec<&str> = own.split_whitespace().collect();
    let name =
        (1..=words.len().min(3)).rev().map(|count| words[..count].join(" ")).find(|name| help.contains_key(name))?;
    let about = &help[&name];
    if about.lines().any(|line| line.starts_with("Usage: ") && line.ends_with(" <COMMAND>")) {
        return Some(format!("`{command}`: there is no such command"));
    }
    let flags = words.iter().filter(|word| word.starts_with("--")).map(|flag| flag.split('=').next().unwrap());
    let known = |flag: &&str| {
        [about, &help["deployer"]].iter().any(|text| text.split([' ', ',', '\n']).any(|word| word == *flag))
    };
    let unknown: Vec<&str> = flags.filter(|flag| !known(flag)).collect();
    (!unknown.is_empty()).then(|| format!("`{command}`: there is no {}", unknown.join(", ")))
}

#[test]
fn every_command_that_a_page_names_is_one_that_the_program_has() {
    let root = programs::root();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    // Another test keeps this page what `--help` says.
    let help = read(&root.join("docs/COMMANDS.md"));
    let sections = help.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap());
    let help = sections.map(|(name, about)| (name.to_owned(), about.to_owned())).collect();
    let docs = root.join("docs").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|kind| kind == "md") && !path.ends_with("COMMANDS.md"));
    let others = ["README.md", "infrastructure/README.md", "packaging/README.md", "proto/README.md"];
    let pages: Vec<PathBuf> = docs.chain(others.map(|page| root.join(page))).collect();
    let commands: Vec<String> = pages.iter().flat_map(|page| named(&read(page))).collect();
    assert!(commands.len() > 100, "{commands:#?}");
    let faults: Vec<String> = commands.iter().filter_map(|command| fault(command, &help)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let invented = ["deployer lock take --stack a", "deployer plan --colour", "deployer unheard-of"];
    assert!(invented.iter().all(|command| fault(command, &help).is_some()), "the check sees nothing");
}

#[test]
fn what_is_generated_is_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let make =
        Command::new(programs::root().join("docs/reference/run")).args([programs::directory(), directory.path()]);
    make.env("PATH", "/usr/bin:/bin").env("HOME", directory.path()).run().succeeds();
    for page in ["COMMANDS.md", "STACK_FILE.md"] {
        let made = std::fs::read_to_string(directory.path().join(page)).unwrap();
        let kept = std::fs::read_to_string(programs::root().join("docs").join(page)).unwrap();
        assert!(made == kept, "docs/{page} is out of date: run `make docs`");
        assert!(made.len() > 10_000, "{}", made.len());
    }
}

#[test]
fn pictures_are_made_from_real_runs() {
    let directory = tempfile::tempdir().unwrap();
    let python = Command::new(harness::aws::python_environment().join("bin/python"));
    let script = programs::root().join("docs/pictures/make.py");
    let make = python.args([script.as_path(), programs::directory(), directory.path()]);
    make.env("PATH", "/usr/bin:/bin").deadline(std::time::Duration::from_secs(300)).run().succeeds();
    for (name, words) in [
        ("plan", ["Plan: demo-site/development", "to create", "+ content.data"]),
        ("apply", ["Applying demo-site/development", "[not started]", "created"]),
        ("status", ["demo-site", "site.publish", "All resources healthy"]),
        ("usage", ["ECS Tasks: 2", "Total: $354 / $500 (70.8%)", "Trend: "]),
    ] {
        let made = std::fs::read_to_string(directory.path().join(format!("{name}.svg"))).unwrap();
        let kept = std::fs::read_to_string(programs::root().join(format!("docs/pictures/{name}.svg"))).unwrap();
        for word in words {
            assert!(made.contains(word) && kept.contains(word), "no {word} in {name}: run `make pictures`\n{made}");
        }
    }
}
