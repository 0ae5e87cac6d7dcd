//! What ten thousand tenants cost those who are one of them, and their admins; on a local AWS.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use harness::aws::LocalAws;
use harness::stored::Stored;

use crate::Outcome;
use crate::measure::{Contender, Times, in_turns, time};
use crate::memory::resident;
use crate::report::{Report, Row, short};
use crate::world::{TENANT, World};

const FEW: usize = 10;
const MANY: usize = 10_000;
const TURNS: usize = 15;
const AT_MOST_KIB: u64 = 64 * 1024;

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    report.heading(&format!("{MANY} tenants beside {FEW}, S3 of a local AWS"));
    let aws = LocalAws::start();
    let few = Platform::with(programs, &aws, FEW)?;
    let many = Platform::with(programs, &aws, MANY)?;
    logins(&few, &many, report)?;
    admins(&many, report)?;
    let kib = resident(many.world.daemon()?)?;
    let value = format!("{:.1} MiB", kib as f64 / 1024.0);
    report.row(Row::judged("memory of the daemon after all this", value, "target at most 64 MiB", kib <= AT_MOST_KIB));
    Ok(())
}

/// A platform with many tenants, one of them real.
struct Platform {
    world: World,
    backend: String,
    secret: String,
}

impl Platform {
    fn with(programs: &Path, aws: &LocalAws, tenants: usize) -> Outcome<Self> {
        let backend = format!("s3://bench-{tenants}-state");
        let world = World::new(programs, "memory")?.with_backend(&backend, aws.environment());
        let secret = world.sign_in()?;
        let stored = Stored::of(aws, &backend);
        let registry = stored.text("tenants.yaml").ok_or("there is no tenants.yaml")?;
        stored.put("tenants.yaml", &multiplied(&registry, tenants)?);
        world.run(&["admin", "sync"])?;
        Ok(Self { world, backend, secret })
    }

    /// One program that signs in and nothing else.
    fn login(&self) -> std::process::Command {
        let mut command = self.world.command(&["--no-daemon", "tenant", "stacks", "-q"]);
        command.env("DEPLOYER_TENANT", TENANT).env("DEPLOYER_SECRET", &self.secret);
        command.env("DEPLOYER_BACKEND", &self.backend);
        command
    }
}

/// The registry with copies of its one tenant under other names.
fn multiplied(registry: &str, tenants: usize) -> Outcome<String> {
    let at = registry.find(&format!("- id: {TENANT}")).ok_or("the tenant is not in tenants.yaml")?;
    let entry = &registry[at..];
    let mut all = registry.to_owned();
    for n in 1..tenants {
        write!(all, "{}", entry.replace(TENANT, &format!("team-{n}")))?;
    }
    Ok(all)
}

fn logins(few: &Platform, many: &Platform, report: &mut Report) -> Outcome<()> {
    let (mut one, mut other) = (Contender::new(few.login()), Contender::new(many.login()));
    in_turns(&mut [&mut one, &mut other], TURNS)?;
    let what = format!("sign-in of one of {MANY} tenants");
    report.row(Row::ratio(&what, &other.times, (&format!("of {FEW}"), &one.times), 1.1));
    Ok(())
}

fn admins(many: &Platform, report: &mut Report) -> Outcome<()> {
    let world = &many.world;
    let first = time(&mut world.command(&["tenant", "list", "-q"]), false)?;
    report.row(Row::known(&format!("tenant list of {MANY}, counted anew, once"), short(first), ""));
    let mut list = Contender::new(world.command(&["tenant", "list", "-q"]));
    in_turns(&mut [&mut list], TURNS)?;
    report.row(Row::within("tenant list from counts that are there", &list.times, Duration::from_millis(200)));
    let (mut init, mut rotate) = (Times::default(), Times::default());
    for n in 0..TURNS {
        let name = format!("new-team-{n}");
        init.add(time(&mut world.command(&["tenant", "init", &name, "--no-input", "-q"]), false)?);
        rotate.add(time(&mut world.command(&["tenant", "rotate", &name, "--yes", "-q"]), false)?);
    }
    report.row(Row::within(&format!("tenant init beside {MANY}"), &init, Duration::from_secs(1)));
    report.row(Row::within(&format!("tenant rotate beside {MANY}"), &rotate, Duration::from_secs(1)));
    Ok(())
}
