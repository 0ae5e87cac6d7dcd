//! Fifty who want one lock, over eight daemons, a thousand times.

use std::time::{Duration, Instant};

use deployer_proto::v1::RunStatus;
use harness::scenes::Platform;
use harness::{World, client};

use super::runs::{Caller, Wanted, end};
use super::witness::{Visit, Witness, count};
use super::{TEAM, alone, items, on_aws, on_the_embedded_backend};

const DAEMONS: usize = 8;
const CONTENDERS: usize = 50;
/// How often each of them wants it.
const TIMES: usize = 20;
/// Of the real times. A lease is then 24 s, a waiter looks every 0.8 to 4 s.
const PERMILLE: &str = "400";
const PATIENCE: Duration = Duration::from_secs(900);

#[test]
fn fifty_contenders_over_eight_daemons_take_turns_on_the_embedded_backend() {
    let _alone = alone();
    a_thousand_turns(on_the_embedded_backend());
}

#[test]
fn fifty_contenders_over_eight_daemons_take_turns_on_aws() {
    let _alone = alone();
    a_thousand_turns(on_aws());
}

/// The first of a daemon's contenders uses the command line, the others call the daemon as an editor does.
fn a_thousand_turns(mut platform: Platform) {
    let secret = platform.create_tenant(TEAM);
    platform.world = platform.world.with("DEPLOYER_TEST_LEASE_PERMILLE", PERMILLE);
    let worlds: Vec<World> = (0..DAEMONS).map(|_| platform.colleague(TEAM, &secret)).collect();
    let directory = tempfile::tempdir().unwrap();
    let witness = Witness::new(directory.path());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (number, world) in worlds.iter().enumerate() {
            let witness = &witness;
            scope.spawn(move || by_command_line(world, witness, &format!("c{number}")));
        }
        client::block_on(by_calls(&worlds, &witness));
    });
    let visits = witness.visits();
    report(&visits, begun.elapsed());
    let counts = count(&visits);
    assert_eq!(counts.len(), CONTENDERS);
    assert!(counts.values().all(|&times| times == TIMES), "{counts:?}");
    let tokens: Vec<u64> = visits.iter().map(|visit| visit.token).collect();
    assert_eq!(tokens, (1..=(CONTENDERS * TIMES) as u64).collect::<Vec<_>>(), "one token each, in order");
    let half = count(&visits[..visits.len() / 2]);
    assert_eq!(half.len(), CONTENDERS, "somebody had nothing when half was over: {half:?}");
    let item = &items::read(&platform)["tenant:web-team:stack:shop:env:development"];
    assert_eq!((&item["LockState"], &item["FencingToken"]), (&"RELEASED".into(), &1000.into()), "{item}");
    for world in &worlds {
        let log = world.log();
        assert!(!log.contains("the lock was lost") && !log.contains("the lease's state changed"), "{log}");
    }
}

fn by_command_line(world: &World, witness: &Witness, who: &str) {
    let command = witness.command(who);
    for _ in 0..TIMES {
        let words = ["lock", "run", "--stack", "shop", "--wait", "15m", "--"];
        let words = words.into_iter().chain(command.iter().map(String::as_str));
        world.command(words).current_dir(witness.directory()).deadline(PATIENCE).run().succeeds();
    }
}

async fn by_calls(worlds: &[World], witness: &Witness) {
    let mut contenders = Vec::new();
    for number in DAEMONS..CONTENDERS {
        let caller = Caller::of(&worlds[number % DAEMONS], witness.directory()).await;
        let command = witness.command(&format!("c{number}"));
        contenders.push(async move {
            for _ in 0..TIMES {
                let (stack, wait_seconds) = ("shop".to_owned(), PATIENCE.as_secs() as u32);
                let events = caller.run(Wanted { stack, command: command.clone(), wait_seconds }).await.unwrap();
                let finished = end(events).await;
                assert_eq!(finished.status(), RunStatus::Succeeded, "{finished:?}");
            }
        });
    }
    super::runs::all(contenders).await;
}

/// What a person wants to know of a run of this.
#[allow(clippy::print_stderr, reason = "figures for whoever asks for them with --no-capture")]
fn report(visits: &[Visit], took: Duration) {
    let gap = |who: &str| {
        let at: Vec<usize> =
            visits.iter().enumerate().filter(|(_, visit)| visit.who == who).map(|(at, _)| at).collect();
        let first = at.first().copied().unwrap_or_default();
        at.windows(2).map(|pair| pair[1] - pair[0]).chain([first]).max().unwrap_or_default()
    };
    let longest = count(visits).keys().map(|who| gap(who)).max().unwrap_or_default();
    let each = took / visits.len().max(1) as u32;
    eprintln!("{} turns in {took:.1?}, {each:.1?} each; the longest wait was {longest} turns of others", visits.len());
}
