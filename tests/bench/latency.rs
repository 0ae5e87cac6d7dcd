//! How long the shortest command takes, with a daemon and without.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::measure::{Contender, Times, in_turns, time};
use crate::report::{Report, Row, spread};
use crate::world::World;
use crate::{Outcome, peers};

/// The command with one call that is measured: it answers from the daemon, signed in, without asking the backend.
const ONE_CALL: [&str; 2] = ["context", "list"];
const TURNS: usize = 300;
const COLD_TURNS: usize = 40;

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    report.heading("The shortest command, from its start to its end");
    let world = World::new(programs, "memory")?;
    world.sign_in()?;
    let floor = Floor::open()?;
    let mut nothing = Contender::new(Command::new("/bin/true"));
    let mut lowest = Contender::new(floor.command());
    let mut warm = Contender::new(world.command(&ONE_CALL));
    let peers = [peers::pueue(), peers::rbw()];
    let mut running: Vec<(&str, Contender)> = Vec::new();
    for peer in peers.iter().filter_map(|peer| peer.as_ref().ok()) {
        running.push((peer.name, peer.contender()));
    }
    let mut all = vec![&mut nothing, &mut lowest, &mut warm];
    all.extend(running.iter_mut().map(|(_, contender)| contender));
    in_turns(&mut all, TURNS)?;

    report.row(Row::known("/bin/true", spread(&nothing.times), ""));
    report.row(Row::known("floor: connect to a Unix socket, read one byte", spread(&lowest.times), ""));
    let what = format!("deployer {}, daemon running", ONE_CALL.join(" "));
    report.row(Row::ratio(&what, &warm.times, ("the floor", &lowest.times), 1.8));
    for (name, contender) in &running {
        report.row(Row::known(name, spread(&contender.times), ""));
        report.row(Row::faster(&what, &warm.times, (name, &contender.times)));
    }
    for missing in peers.iter().filter_map(|peer| peer.as_ref().err()) {
        report.row(Row::skipped(missing.name, &missing.why));
    }
    cold(programs, &floor, report)
}

/// The same command where no daemon runs: it starts one.
fn cold(programs: &Path, floor: &Floor, report: &mut Report) -> Outcome<()> {
    let world = World::new(programs, "memory")?;
    let mut lowest = Contender::new(floor.command());
    let mut first = Times::default();
    for turn in 0..=COLD_TURNS {
        let took = time(&mut world.command(&ONE_CALL), false)?;
        lowest.run()?;
        if turn > 0 {
            first.add(took);
        }
        world.stop_daemon()?;
    }
    let what = format!("deployer {}, no daemon running", ONE_CALL.join(" "));
    report.row(Row::ratio(&what, &first, ("the floor", &lowest.times), 15.0));
    Ok(())
}

/// A socket that gives each caller one byte.
struct Floor {
    directory: tempfile::TempDir,
}

impl Floor {
    fn open() -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let listener = UnixListener::bind(directory.path().join("floor.sock"))?;
        // Ends with the program: nothing is to be cleaned up but the directory.
        std::thread::spawn(move || {
            for mut caller in listener.incoming().flatten() {
                let _ = caller.write_all(b"!");
            }
        });
        Ok(Self { directory })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_floor"));
        command.arg(self.directory.path().join("floor.sock")).env_clear();
        command
    }
}
