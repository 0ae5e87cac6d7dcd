//! The crash matrix: the daemon is killed before and after every write of an apply, and then somebody applies again.
//!
//! The writes are those that the proxy sees in an apply that nothing happens to. "Before" means that the server never got
//! the write, "after" that it applied it and the daemon never heard so. Each position has a stack of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::Output;
use harness::proxy::{Fault, Rule, Seen};
use serde_json::Value;

use crate::ground::{ACQUIRE, BEAT, Ground, PUT, RELEASE, UPDATE, User, history};

/// What writes there are, by operation and by a word that only they have.
const KINDS: [(&str, &str); 9] = [
    (UPDATE, ACQUIRE),
    (UPDATE, BEAT),
    (UPDATE, RELEASE),
    (PUT, "state.json"),
    (PUT, "/history/"),
    (PUT, "/audit/"),
    (PUT, "/runs/"),
    (PUT, "/sources/"),
    ("S3.DeleteObject", ""),
];
/// Writes whose number depends on how long an apply takes.
const BY_TIME: [&str; 2] = [BEAT, "/runs/"];

/// One write of an apply: the how-manieth of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    kind: (&'static str, &'static str),
    number: usize,
}

/// Who applies again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Successor {
    /// The same user, whose daemon starts anew.
    Restarted,
    /// Another user on another machine.
    Colleague,
}

struct Matrix {
    ground: Ground,
    alice: User,
    bob: User,
}

/// Components in a row that count how often they ran, and say so as an output. The last one lasts longer than a beat.
fn components(ground: &Ground, stack: &str, names: &[&str]) -> Vec<String> {
    let at = ground.witness().join(stack);
    let at = at.display();
    let component = |(number, name): (usize, &&str)| {
        let after = if number > 0 { format!(", dependsOn: [s.{}]", names[number - 1]) } else { String::new() };
        let pause = if *name == "b" { "sleep 0.7; " } else { "" };
        let script = format!(
            "{pause}echo $DEPLOYER_FENCE >> {at}.{name}; \
             echo \"{{\\\"runs\\\": \\\"$(grep -c . {at}.{name})\\\"}}\" > $DEPLOYER_OUTPUTS"
        );
        format!("{name}: {{ type: command, apply: '{script}'{after} }}")
    };
    names.iter().enumerate().map(component).collect()
}

/// How often a component of a stack ran.
fn ran(ground: &Ground, stack: &str, name: &str) -> usize {
    std::fs::read_to_string(ground.witness().join(format!("{stack}.{name}"))).map_or(0, |text| text.lines().count())
}

impl Matrix {
    fn new() -> Self {
        let ground = Ground::new(50);
        let (alice, bob) = (ground.user("alice"), ground.user("bob"));
        Self { ground, alice, bob }
    }

    fn write(&self, stack: &str, names: &[&str]) {
        let components = components(&self.ground, stack, names);
        let components: Vec<&str> = components.iter().map(String::as_str).collect();
        self.alice.writes_stack(stack, &components);
        self.bob.writes_stack(stack, &components);
    }

    /// All writes of an apply that nothing happens to.
    #[track_caller]
    fn positions(&self) -> Vec<Position> {
        self.write("calm", &["a", "b"]);
        self.alice.proxy.forget();
        apply(&self.alice, "calm").succeeds();
        let writes = self.alice.proxy.seen().into_iter().filter(is_write).collect::<Vec<_>>();
        let mut counts = BTreeMap::new();
        for write in &writes {
            let kind = KINDS.iter().find(|(operation, word)| write.is(operation, word));
            *counts.entry(kind.unwrap_or_else(|| panic!("the matrix does not know {write:?}"))).or_insert(0) += 1;
        }
        // An apply that takes long beats, and tells its events in more parts.
        BY_TIME.iter().for_each(|word| {
            let kind = KINDS.iter().find(|kind| kind.1 == *word).unwrap();
            counts.insert(kind, 1);
        });
        let each = |(kind, count): (&(_, _), usize)| {
            (0..count).map(|number| Position { kind: *kind, number }).collect::<Vec<_>>()
        };
        counts.into_iter().flat_map(each).collect()
    }

    /// Kills the daemon at a position; answers whether the apply came there.
    fn crash(&self, stack: &str, position: Position, fault: &Fault) -> bool {
        let Position { kind: (operation, word), number } = position;
        let own = match (operation, word) {
            (UPDATE, _) => lock_word(stack),
            (_, "/audit/") => format!("{stack}/development"),
            _ => format!("/{stack}/"),
        };
        let rule = Rule::on(operation, fault.clone()).containing(word).containing(&own);
        self.alice.proxy.forget();
        self.alice.proxy.add(rule.after(number).times(1));
        let mut applying = self.alice.world.command(["apply", "--stack", stack, "--yes"]).spawn();
        let held = |seen: &[Seen]| {
            seen.iter()
                .any(|seen| seen.fault.as_ref() == Some(fault) && (*fault == Fault::Hold || seen.status.is_some()))
        };
        while !self.alice.proxy.wait_until(Duration::from_millis(20), held) {
            if applying.has_ended() {
                // The last events are stored after the end.
                let after_all = if word == "/runs/" { Duration::from_secs(20) } else { Duration::from_millis(1) };
                let came = self.alice.proxy.wait_until(after_all, held);
                if !came {
                    self.alice.proxy.heal();
                    applying.wait().succeeds();
                    return false;
                }
                break;
            }
        }
        self.alice.kill();
        self.alice.proxy.heal();
        let _killed = applying.wait();
        true
    }

    /// Applies again after a crash, then once more with something new, and judges what is there.
    #[track_caller]
    fn mend(&self, stack: &str, successor: Successor) {
        let user = match successor {
            Successor::Restarted => &self.alice,
            Successor::Colleague => &self.bob,
        };
        let space = self.ground.space(stack);
        let at_crash = self.ground.stored.json(&format!("{space}/state.json")).unwrap_or_default();
        let ran_by_then = ["a", "b"].map(|name| ran(&self.ground, stack, name));
        self.apply_in_time(user, stack);
        for (name, before) in ["a", "b"].into_iter().zip(ran_by_then) {
            if is_done(&at_crash, name) {
                assert_eq!(ran(&self.ground, stack, name), before, "{name} was recorded as done and was done again");
            }
        }
        self.write(stack, &["a", "b", "c"]);
        self.apply_in_time(user, stack);
        let state = self.ground.stored.json(&format!("{space}/state.json")).unwrap();
        for name in ["a", "b", "c"] {
            let component = &state["components"][format!("s.{name}")];
            assert_eq!(component["status"], "deployed", "{name}: {state}");
            let runs = ran(&self.ground, stack, name).to_string();
            assert_eq!(
                component["outputs"]["runs"]["value"],
                runs.as_str(),
                "the state is what the engine did: {state}"
            );
            assert!((1..=2).contains(&ran(&self.ground, stack, name)), "{name} ran {runs} times");
        }
        assert_eq!(state["components"].as_object().unwrap().len(), 3);
        assert_eq!(state["inFlight"], serde_json::json!({}));
        let item = self.ground.stored.item(&self.ground.lock(stack)).unwrap();
        assert_eq!(item["LockState"], "RELEASED", "a lock is left behind");
        assert_eq!(item["FencingToken"], state["fence"].to_string());
        assert_eq!(state["historyNumber"], history(&self.ground.stored, &space).len());
        assert_eq!(self.ground.stored.keys(&format!("{space}/state.orphan/")), Vec::<String>::new());
    }

    /// Applies, and asserts that the lock was to be had within the lease.
    #[track_caller]
    fn apply_in_time(&self, user: &User, stack: &str) {
        user.proxy.forget();
        apply(user, stack).succeeds();
        let looks = user.asked("DynamoDB.GetItem", &lock_word(stack));
        let taken = user.asked(UPDATE, ACQUIRE).into_iter().rfind(|seen| seen.is(UPDATE, &lock_word(stack)));
        if let (Some(first), Some(taken)) = (looks.first(), taken) {
            self.ground.took("the wait for the lock", taken.asked - first.asked, 0, 75);
        }
    }

    #[track_caller]
    fn run(&self, fault: &Fault, successor: Successor) {
        let positions = self.positions();
        let mut met = Vec::new();
        for (index, position) in positions.iter().enumerate() {
            let stack = format!("m{index}");
            self.write(&stack, &["a", "b"]);
            eprintln!("{position:?}");
            let came = self.crash(&stack, *position, fault);
            self.mend(&stack, successor);
            met.push(came);
        }
        let count = met.iter().filter(|came| **came).count();
        let missed: Vec<_> = positions.iter().zip(&met).filter(|(_, came)| !**came).collect();
        println!("killed at {count} of {} writes; not met: {missed:?}", positions.len());
        // Of the writes of the state one may be joined with the next.
        assert!(missed.iter().all(|(position, _)| position.number > 0), "{missed:?}");
        assert!(positions.len() >= 10, "{positions:?}");
    }
}

/// What the lock of a stack has in its name, and no other.
fn lock_word(stack: &str) -> String {
    format!("stack:{stack}:")
}

fn is_write(seen: &Seen) -> bool {
    let name = seen.operation.name();
    !["Get", "Head", "List", "Query", "Batch", "Scan"].iter().any(|read| name.contains(&format!(".{read}")))
}

/// Whether a state says that a component is deployed and that nothing goes on with it.
fn is_done(state: &Value, name: &str) -> bool {
    let id = format!("s.{name}");
    state["components"][&id]["status"] == "deployed" && state["inFlight"].get(&id).is_none()
}

#[track_caller]
fn apply(user: &User, stack: &str) -> Output {
    user.world.command(["apply", "--stack", stack, "--yes", "--wait", "30m"]).deadline(Duration::from_secs(120)).run()
}

#[test]
fn killed_before_each_write_and_gone_on_from_by_a_restarted_daemon() {
    Matrix::new().run(&Fault::Hold, Successor::Restarted);
}

#[test]
fn killed_after_each_write_and_gone_on_from_by_a_restarted_daemon() {
    Matrix::new().run(&Fault::HoldAnswer, Successor::Restarted);
}

#[test]
fn killed_before_each_write_and_gone_on_from_by_a_colleague() {
    Matrix::new().run(&Fault::Hold, Successor::Colleague);
}

#[test]
fn killed_after_each_write_and_gone_on_from_by_a_colleague() {
    Matrix::new().run(&Fault::HoldAnswer, Successor::Colleague);
}
