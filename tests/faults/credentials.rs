//! Credentials that expire in the middle of a run: a program prints them (`credential_process`) until it has none, and from
//! their end on the servers refuse them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harness::proxy::{Fault, Refusal, Rule};
use harness::{Command, Process};

use crate::ground::{ACQUIRE, BEAT, Ground, UPDATE, User, ended, lasts, lease_states};

/// How long the credentials last that a run begins with; time enough to begin it on a busy machine.
const LASTS: Duration = Duration::from_secs(40);

/// A user whose credentials come from a program.
fn with_a_program(ground: &Ground) -> User {
    let mut alice = ground.stranger("alice");
    alice.world = alice.world.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let config = alice.world.home().join(".aws/config");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    let text = format!("[default]\ncredential_process = cat {}\n", printed(&alice).display());
    std::fs::write(config, text).unwrap();
    alice
}

fn printed(user: &User) -> std::path::PathBuf {
    user.world.directory().join("credentials.json")
}

/// Gives the user new credentials; answers when they end.
fn renew(user: &User, lasts: Duration) -> Instant {
    give(user, ("test", "test"), lasts)
}

/// Gives the user credentials with this access key.
fn give(user: &User, (key, secret): (&str, &str), lasts: Duration) -> Instant {
    let end = (SystemTime::now() + lasts).duration_since(UNIX_EPOCH).unwrap().as_secs();
    let end =
        Command::new("date").args(["-u", "-d", &format!("@{end}"), "+%Y-%m-%dT%H:%M:%SZ"]).run().succeeds().stdout;
    let text = format!(
        r#"{{"Version": 1, "AccessKeyId": "{key}", "SecretAccessKey": "{secret}", "SessionToken": "t", "Expiration": "{}"}}"#,
        end.trim()
    );
    let part = user.world.write("credentials.part", &text);
    std::fs::rename(part, printed(user)).unwrap();
    Instant::now() + lasts
}

/// A run whose credentials have just ended, after a beat with the longest lease.
#[track_caller]
fn expired(ground: &Ground, alice: &User) -> Process {
    let end = renew(alice, LASTS);
    alice.sign_in(ground);
    alice.writes(&[&ground.gated("a", "")]);
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    let longest = format!("{:?}", ground.time(900).as_millis().to_string());
    let stretched =
        |seen: &harness::proxy::Seen| seen.is(UPDATE, BEAT) && seen.is(UPDATE, &longest) && seen.status == Some(200);
    let left = end.saturating_duration_since(Instant::now());
    let came = alice.proxy.wait_until(left, |seen| seen.iter().any(stretched));
    assert!(came, "no beat with the longest lease came before the credentials ended");
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    std::fs::remove_file(printed(alice)).unwrap();
    alice.proxy.add(Rule::everything(Fault::Refuse(Refusal::Expired)));
    apply
}

#[test]
fn credentials_that_return_after_10_minutes_find_the_lock_held() {
    let ground = Ground::new(40);
    let (alice, bob) = (with_a_program(&ground), ground.user("bob"));
    bob.writes(&[&ground.gated("a", "")]);
    let apply = expired(&ground, &alice);
    let began = Instant::now();
    let waiting = bob.apply_waiting().spawn();
    bob.wait_for_look();
    lasts(began, ground.time(600));
    assert_eq!(bob.asked(UPDATE, ACQUIRE).len(), 0, "nobody took over");
    renew(&alice, Duration::from_secs(3600));
    alice.proxy.heal();
    alice.wait_for_beat();
    ground.mark("a.go");
    let events = ended(apply).succeeds().json_lines();
    let states = lease_states(&events);
    assert!(!states.contains(&"LOST"), "{states:?}");
    assert!(states.is_empty() || states.last() == Some(&"HELD"), "{states:?}");
    ended(waiting).succeeds();
    assert_eq!(ground.token(), 2);
    assert_eq!(ground.orphans(), Vec::<String>::new());
    ground.history();
}

#[test]
fn credentials_that_do_not_return_free_the_lock_after_15_minutes_and_5_seconds() {
    let ground = Ground::new(40);
    let (alice, bob) = (with_a_program(&ground), ground.user("bob"));
    bob.writes(&[&ground.gated("a", "")]);
    let apply = expired(&ground, &alice);
    let waiting = bob.apply_waiting().spawn();
    bob.wait_for("the takeover", |seen| seen.is(UPDATE, ACQUIRE) && seen.status == Some(200));
    ground.took("the takeover", bob.watched(), 905, 915);
    ground.mark("a.go");
    ended(waiting).succeeds();
    let state = ground.state();
    renew(&alice, Duration::from_secs(3600));
    alice.proxy.heal();
    let events = ended(apply).exits(6).json_lines();
    assert_eq!(lease_states(&events).last(), Some(&"LOST"));
    assert_eq!(ground.orphans().len(), 1, "the late flush");
    assert_eq!((ground.state(), ground.token()), (state, 2));
}

#[test]
fn credentials_that_become_somebody_elses_do_not_keep_the_lock() {
    let ground = Ground::new(40);
    let (alice, bob) = (with_a_program(&ground), ground.user("bob"));
    bob.writes(&[&ground.gated("a", "")]);
    let end = renew(&alice, LASTS);
    alice.sign_in(&ground);
    alice.writes(&[&ground.gated("a", "")]);
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    alice.wait_for_beat();
    // From now on her profile leads to another user's credentials, which could write the lock's item as well.
    let carol = ground.access_key("carol");
    give(&alice, (&carol.0, &carol.1), Duration::from_secs(3600));
    let waiting = bob.apply_waiting().spawn();
    bob.wait_for("the takeover", |seen| seen.is(UPDATE, ACQUIRE) && seen.status == Some(200));
    ground.took("the takeover", bob.watched(), 65, 75);
    assert!(alice.last_beat().asked < end, "no beat came with the other user's credentials");
    ground.mark("a.go");
    ended(waiting).succeeds();
    let state = ground.state();
    // Her own credentials are back: now she learns what became of her lock.
    renew(&alice, Duration::from_secs(3600));
    let events = ended(apply).exits(6).json_lines();
    let states = lease_states(&events);
    assert_eq!((states.first(), states.last()), (Some(&"SUSPECT"), Some(&"LOST")), "{states:?}");
    let why = events.iter().find_map(|event| event["leaseChanged"]["message"].as_str()).unwrap();
    assert!(why.contains("now those of") && why.contains("user/carol"), "{why}");
    assert_eq!((ground.state(), ground.token()), (state, 2));
}

#[test]
fn new_credentials_of_the_same_identity_keep_the_lock() {
    let ground = Ground::new(40);
    let alice = with_a_program(&ground);
    let carol = ground.access_key("carol");
    let end = give(&alice, (&carol.0, &carol.1), LASTS);
    alice.sign_in(&ground);
    alice.writes(&[&ground.gated("a", "")]);
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    let second = ground.access_key("carol");
    assert_ne!(carol.0, second.0);
    give(&alice, (&second.0, &second.1), Duration::from_secs(3600));
    lasts(Instant::now(), end.saturating_duration_since(Instant::now()));
    alice.wait_for_beat();
    ground.mark("a.go");
    let events = ended(apply).succeeds().json_lines();
    assert_eq!(lease_states(&events), Vec::<&str>::new());
}
