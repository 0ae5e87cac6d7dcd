//! What a lock costs: requests and time of one cycle beside the peers', and what a daemon pays for a hundred of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use harness::aws::LocalAws;
use harness::proxy::{Proxy, Seen};

use crate::measure::{Contender, in_turns};
use crate::report::{Report, Row, spread};
use crate::world::World;
use crate::{Outcome, burden, lock_peers};

/// How often each cycle is measured.
const TURNS: usize = 11;

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    report.heading("Locks: one acquire-release cycle, requests to AWS counted by a proxy before a local one");
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint())?;
    let mut environment = aws.environment();
    environment.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
    environment.push(("AWS_ENDPOINT_URL", proxy.endpoint()));
    let world =
        World::new(programs, "memory")?.with_backend("s3://bench-state", environment).with("DEPLOYER_LOG", "debug");
    world.sign_in()?;
    cycle(&world, &proxy, report)?;
    report.heading("Locks: one daemon that holds a hundred of them");
    burden::measure(&world, "S3 and DynamoDB", report)?;
    let local = World::new(programs, "memory")?.with("DEPLOYER_LOG", "debug");
    local.sign_in()?;
    burden::measure(&local, "local backend", report)
}

fn cycle(world: &World, proxy: &Proxy, report: &mut Report) -> Outcome<()> {
    let ours = ["lock", "run", "--stack", "shop", "--environment", "development", "--", "true"];
    world.run(&ours)?;
    requests(world, proxy, &ours, report)?;
    let mut run = Contender::new(world.command(&ours));
    let peers = lock_peers::all(world, &proxy.endpoint());
    let mut ready = Vec::new();
    for peer in peers {
        match peer {
            Ok(peer) => {
                proxy.forget();
                peer.command().output()?;
                let asked = kinds(&proxy.seen());
                ready.push((peer.contender(), peer, asked));
            }
            Err(missing) => report.row(Row::skipped(missing.name, &missing.why)),
        }
    }
    let mut turns: Vec<&mut Contender> = ready.iter_mut().map(|(contender, ..)| contender).collect();
    turns.push(&mut run);
    in_turns(&mut turns, TURNS)?;
    report.row(Row::known("deployer lock run -- true", spread(&run.times), "from its start to its end"));
    for (contender, peer, asked) in &ready {
        report.row(Row::known(peer.name, spread(&contender.times), asked));
        report.row(Row::faster("deployer lock run", &run.times, (peer.name, &contender.times)));
    }
    Ok(())
}

/// Counts what one cycle asks: for the lock and the seal, and for the rest of the run that holds it.
fn requests(world: &World, proxy: &Proxy, ours: &[&str], report: &mut Report) -> Outcome<()> {
    proxy.forget();
    world.run(ours)?;
    settle(proxy);
    let (lock, rest): (Vec<Seen>, Vec<Seen>) = proxy.seen().into_iter().partition(is_lock_or_seal);
    let count = |service: &str| lock.iter().filter(|seen| seen.operation.service() == service).count();
    let (dynamodb, s3) = (count("DynamoDB"), count("S3"));
    let value = format!("{dynamodb} DynamoDB + {s3} S3");
    let met = dynamodb <= 3 && s3 <= 2;
    report.row(Row::judged("lock and seal", value, "target at most 3 DynamoDB + 2 S3", met));
    report.row(Row::known("the run that holds it", format!("{} more", rest.len()), &kinds(&rest)));
    Ok(())
}

/// Waits until what a command leaves to the daemon is over: its events are stored after its end.
fn settle(proxy: &Proxy) {
    proxy.wait_until(Duration::from_secs(10), |seen| {
        seen.iter().any(|seen| seen.path.contains("/runs/") && seen.status.is_some())
    });
}

fn is_lock_or_seal(seen: &Seen) -> bool {
    seen.operation.service() == "DynamoDB"
        || seen.path.split('?').next().is_some_and(|path| path.ends_with("/state.json"))
}

/// What was asked, by operation and, for documents, by what they are.
fn kinds(seen: &[Seen]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for seen in seen {
        let what = ["registry", "audit", "runs", "state.orphan"].into_iter().find(|part| seen.path.contains(part));
        let what = what.map(|what| format!(" ({what})")).unwrap_or_default();
        *counts.entry(format!("{}{what}", seen.operation)).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(what, count)| format!("{what} {count}")).collect();
    counts.join(", ")
}
