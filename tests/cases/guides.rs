//! What the guides say is run as it stands there, and what is generated is up to date.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use harness::aws::LocalAws;
use harness::guide::{Reader, commands, commands_of};
use harness::scenes::Platform;
use harness::{Command, World, programs};

const BUCKET: &str = "s3://company-deployer-state";
const OPERATIONS: &str = "docs/OPERATIONS.md";
/// The section that another test follows, with a state that has an older version.
const DAMAGED: &str = "A state that was damaged";

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
    let lines = commands("docs/PLATFORM_ADMIN_GUIDE.md");
    assert!(lines.len() >= 20, "{lines:?}");
    follow_as_admin(Platform { world: world(&aws), address: BUCKET.to_owned() }, &lines);
}

/// Follows the admin's guide. Before it comes to the stacks that an older tool left, there are some.
fn follow_as_admin(platform: Platform, lines: &[String]) {
    let mut reader = Reader::new(&platform.world);
    let moving = lines.iter().position(|line| line.contains("tenant migrate")).expect("the guide moves stacks");
    let (before, after) = lines.split_at(moving);
    reader.follow(before);
    platform.put_document("stacks/old-shop/production/state.json", r#"{"serial": 1}"#);
    reader.follow(after);
    platform.world.run(["tenant", "list"]).exits(4);
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

/// The commands of a page for the backend without a cloud.
fn on_this_machine(page: &str, world: &World) -> Vec<String> {
    let address = format!("local:{}", world.directory().join("deployer.db").display());
    let cloud = format!("{BUCKET} --region us-east-1");
    commands(page).into_iter().map(|line| line.replace(&cloud, &address)).collect()
}

#[test]
fn a_platform_team_follows_its_guide_on_one_machine() {
    let world = World::new();
    let lines = on_this_machine("docs/PLATFORM_ADMIN_GUIDE.md", &world);
    // The guide says so: there is no IAM on one machine.
    let (roles, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.contains("tenant policy"));
    assert!(roles.len() == 2 && lines.len() >= 20 && lines.iter().all(|line| !line.contains("s3://")), "{lines:?}");
    let address = format!("local:{}", world.directory().join("deployer.db").display());
    follow_as_admin(Platform { world, address }, &lines);
}

#[test]
fn a_team_follows_its_guide_on_one_machine() {
    let platform = Platform::local();
    let lines = on_this_machine("docs/GETTING_STARTED_GUIDE.md", &platform.world);
    assert!(lines.len() >= 20 && lines.iter().all(|line| !line.contains("s3://")), "{lines:?}");
    let secret = platform.create_tenant("notifications-team");
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
    let apart = commands_of(OPERATIONS, DAMAGED);
    let lines: Vec<String> = commands(OPERATIONS).into_iter().filter(|line| !apart.contains(line)).collect();
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
    // The version that the first apply left, and the one that is there.
    let text = "s3 = boto3.client('s3')\n\
         where = {'Bucket': 'company-deployer-state', 'Key': \
             'tenants/web-team/v1/stacks/hello/development/state.json'}\n\
         versions = s3.list_object_versions(Bucket=where['Bucket'], Prefix=where['Key'])['Versions']\n\
         read = lambda v: json.loads(s3.get_object(**where, VersionId=v['VersionId'])['Body'].read())\n\
         old = next(v for v in reversed(versions) if read(v).get('historyNumber') == 1 and not read(v).get('inFlight'))\n\
         answer([old['VersionId'], next(v for v in versions if v['IsLatest'])['ETag']])";
    let chosen = harness::boto::boto(&aws, text);
    let given = |line: String| {
        let line = line.replace(" VERSION ", &format!(" {} ", chosen[0].as_str().unwrap()));
        line.replace(" ETAG", &format!(" '{}'", chosen[1].as_str().unwrap()))
    };
    let lines: Vec<String> = commands_of(OPERATIONS, DAMAGED).into_iter().map(given).collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("aws s3api ")).count(), 3, "{lines:?}");
    let mut reader = Reader::new(&platform.world);
    reader.first_on_path = Some(harness::aws::python_environment().join("bin"));
    reader.follow(&lines);
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
