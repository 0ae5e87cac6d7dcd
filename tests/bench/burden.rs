//! What a daemon pays for a hundred locks: its processor time, and how punctual the heartbeats are beside busy programs.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::measure::Times;
use crate::report::{Report, Row, short};
use crate::world::World;

const LOCKS: usize = 100;
/// So many are begun at once.
const AT_ONCE: usize = 20;
/// How long processor time is counted, and heartbeats are watched.
const WATCHED: Duration = Duration::from_secs(40);
const PATIENCE: Duration = Duration::from_secs(120);
const AT_MOST_LATE: Duration = Duration::from_secs(1);
/// Ticks of processor time in a second, as Linux tells them to programs.
const TICKS: u64 = 100;
/// Of one core, in percent.
const AT_MOST_BUSY: f64 = 2.0;

/// Measures and prints. The world's daemon must log at the level `debug`.
pub fn measure(world: &World, backend: &str, report: &mut Report) -> Outcome<()> {
    let daemon = world.daemon()?;
    let go = world.home().join("go");
    run(Command::new("mkfifo").arg(&go))?;
    let mut holders = Holders(Vec::new());
    for number in 0..LOCKS {
        let stack = format!("many-{number}");
        // Opening it for reading waits, at no cost, until somebody opens it for writing.
        let words = ["lock", "run", "--stack", &stack, "--environment", "development", "--", "sh", "-c", ": < go"];
        holders.0.push(world.command(&words).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
        let begun = holders.0.len();
        if begun.is_multiple_of(AT_ONCE) {
            wait_until("the locks are held", || held(world).is_ok_and(|held| held == begun))?;
        }
    }
    let (before, guards) = (busy(daemon)?, guards(daemon)?);
    let guards_before = sum(&guards)?;
    let begun = Instant::now();
    std::thread::sleep(WATCHED);
    let percent = |used: Duration| used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
    let (used, by_guards) = (percent(busy(daemon)? - before), percent(sum(&guards)? - guards_before));
    let what = format!("{LOCKS} locks, {backend}: the daemon's processor time");
    let of = "of one core, target less than 2 %";
    report.row(Row::judged(&what, format!("{used:.2} %"), of, used < AT_MOST_BUSY));
    let what = format!("{LOCKS} locks, {backend}: their {} guards'", guards.len());
    report.row(Row::known(&what, format!("{by_guards:.2} %"), "of one core"));

    let logged = log(world)?.len();
    {
        let _busy = Hogs::start()?;
        std::thread::sleep(WATCHED);
    }
    let late = lateness(log(world)?.get(logged..).unwrap_or_default());
    let (p50, p99, worst) = (late.median(), late.at(0.99), late.at(1.0));
    let what = format!("{LOCKS} locks, {backend}: heartbeats late, all cores busy");
    let value = format!("p99 {} (p50 {}, worst {})", short(p99), short(p50), short(worst));
    let of = format!("of {} beats, target p99 below 1 s", late.count());
    report.row(Row::judged(&what, value, &of, late.count() > 0 && p99 < AT_MOST_LATE));
    let still = held(world)?;
    let failed = holders.end(&go)?;
    if still != LOCKS || failed > 0 {
        return Err(format!("{still} of {LOCKS} locks were still held, {failed} commands failed").into());
    }
    Ok(())
}

/// The command lines that hold the locks.
struct Holders(Vec<Child>);

impl Holders {
    /// Lets all go and waits for their ends; answers how many failed.
    fn end(&mut self, go: &Path) -> Outcome<usize> {
        let _open = File::options().read(true).write(true).open(go)?;
        let mut failed = 0;
        for mut holder in self.0.drain(..) {
            failed += usize::from(!holder.wait()?.success());
        }
        Ok(failed)
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        for holder in &mut self.0 {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

/// One program for each core that does nothing but be busy.
struct Hogs(Vec<Child>);

impl Hogs {
    fn start() -> Outcome<Self> {
        let cores = std::thread::available_parallelism()?.get();
        let hog = || Command::new("/bin/sh").args(["-c", "while :; do :; done"]).spawn();
        Ok(Self((0..cores).map(|_| hog()).collect::<Result<_, _>>()?))
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

fn held(world: &World) -> Outcome<usize> {
    let listed: serde_json::Value = serde_json::from_str(&world.run(&["lock", "list", "-o", "json"])?)?;
    let locks = listed.get("locks").and_then(serde_json::Value::as_array).ok_or("no list of locks")?;
    Ok(locks.iter().filter(|lock| lock.get("holderState").is_some_and(|state| state == "HELD")).count())
}

fn wait_until(what: &str, mut so: impl FnMut() -> bool) -> Outcome<()> {
    let begun = Instant::now();
    while !so() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("waited in vain for: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn run(command: &mut Command) -> Outcome<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// The processor time that a process has used, in user and system mode.
fn busy(pid: u32) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // What follows the name, which may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).ok_or("an unknown stat");
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS))
}

fn sum(pids: &[u32]) -> Outcome<Duration> {
    pids.iter().map(|&pid| busy(pid)).sum()
}

/// The children of the daemon.
fn guards(daemon: u32) -> Outcome<Vec<u32>> {
    let mut found = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{daemon}/task"))? {
        let children = std::fs::read_to_string(task?.path().join("children"))?;
        found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(found)
}

fn log(world: &World) -> Outcome<String> {
    Ok(std::fs::read_to_string(world.home().join("state/deployerd.log"))?)
}

/// How late each heartbeat was that the daemon tells of.
fn lateness(log: &str) -> Times {
    let mut times = Times::default();
    for line in log.lines().filter(|line| line.contains("a heartbeat started")) {
        let late = line.split("late_ms=").nth(1).and_then(|rest| rest.split_whitespace().next());
        late.and_then(|late| late.parse().ok()).into_iter().for_each(|late| times.add(Duration::from_millis(late)));
    }
    times
}
