//! How much memory a signed-in daemon needs that has nothing to do.

use std::path::Path;
use std::time::Duration;

use harness::aws::LocalAws;

use crate::Outcome;
use crate::report::{Report, Row};
use crate::world::World;

const AT_MOST_KIB: u64 = 15 * 1024;
/// How long nothing is asked before the memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    report.heading("Memory of an idle daemon, admin and tenant signed in (VmRSS)");
    row(&World::new(programs, "memory")?, "local backend", report)?;
    let aws = LocalAws::start();
    let world = World::new(programs, "memory")?.with_backend("s3://bench-state", aws.environment());
    row(&world, "S3, DynamoDB, Secrets Manager and STS", report)
}

fn row(world: &World, what: &str, report: &mut Report) -> Outcome<()> {
    world.sign_in()?;
    world.run(&["tenant", "details"])?;
    std::thread::sleep(IDLE);
    let resident = resident(world.daemon()?)?;
    let value = format!("{:.1} MiB", resident as f64 / 1024.0);
    report.row(Row::judged(what, value, "target at most 15 MiB", resident <= AT_MOST_KIB));
    Ok(())
}

/// What a process holds in memory, in KiB.
pub fn resident(pid: u32) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
