use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn owner(tenant: &str) -> Owner {
    Owner { backend: "s3://company-state".parse().unwrap(), tenant: tenant.parse().unwrap() }
}

fn place(environment: &str) -> LockPlace {
    LockPlace { stack: "shop".parse().unwrap(), environment: environment.parse().unwrap() }
}

fn run(number: u8) -> RunId {
    format!("01JD00000000000000000000{number:02}").parse().unwrap()
}

fn ours(state: HolderState) -> What {
    What::Lock(owner("web-team"), place("production"), LockStanding::Ours(state))
}

fn theirs(alive: bool) -> Look {
    let standing = LockStanding::Theirs { token: 7, alive };
    Look { locks: vec![(place("production"), standing)], approvals: Vec::new() }
}

/// The changes after a number, one after another.
fn told(log: &ChangeLog, mut after: u64) -> Vec<What> {
    let mut told = Vec::new();
    while let Some(change) = log.after(after).unwrap() {
        after = change.sequence;
        told.push(change.what.clone());
    }
    told
}

#[test]
fn what_is_known_is_no_news() {
    let mut log = ChangeLog::default();
    assert!(log.note(NOW, ours(HolderState::Held)));
    assert!(!log.note(NOW, ours(HolderState::Held)));
    assert!(log.note(NOW, ours(HolderState::Suspect)));
    assert!(log.note(NOW, ours(HolderState::Held)));
    assert_eq!(log.last(), 3);
}

#[test]
fn who_was_away_goes_on_where_it_was() {
    let mut log = ChangeLog::default();
    assert_eq!(log.after(0), Ok(None));
    for state in [HolderState::Held, HolderState::Suspect, HolderState::Lost] {
        log.note(NOW, ours(state));
    }
    assert_eq!(told(&log, 1), [ours(HolderState::Suspect), ours(HolderState::Lost)]);
    assert_eq!(log.after(3), Ok(None));
}

#[test]
fn who_was_away_for_too_long_or_comes_from_elsewhere_has_missed_something() {
    let mut log = ChangeLog::default();
    for at in 0..KEPT + 10 {
        log.note(NOW, ours(if at % 2 == 0 { HolderState::Held } else { HolderState::Suspect }));
    }
    assert_eq!(log.after(9), Err(Missed));
    assert_eq!(log.after(10).unwrap().unwrap().sequence, 11);
    assert_eq!(told(&log, 10).len(), KEPT);
    assert_eq!(log.after(log.last() + 1), Err(Missed));
}

#[test]
fn a_look_tells_what_came_what_died_and_what_went() {
    let (mut log, owner) = (ChangeLog::default(), owner("web-team"));
    assert!(log.note_look(NOW, &owner, theirs(true)));
    assert!(!log.note_look(NOW, &owner, theirs(true)));
    assert!(log.note_look(NOW, &owner, theirs(false)));
    assert!(log.note_look(NOW, &owner, Look::default()));
    assert!(!log.note_look(NOW, &owner, Look::default()));
    let of = |standing| What::Lock(owner.clone(), place("production"), standing);
    let expected = [
        of(LockStanding::Theirs { token: 7, alive: true }),
        of(LockStanding::Theirs { token: 7, alive: false }),
        of(LockStanding::Free),
    ];
    assert_eq!(told(&log, 0), expected);
}

#[test]
fn a_look_says_nothing_of_our_own_locks_and_of_other_tenants() {
    let mut log = ChangeLog::default();
    log.note(NOW, ours(HolderState::Held));
    log.note_look(NOW, &owner("other-team"), theirs(true));
    assert!(!log.note_look(NOW, &owner("web-team"), Look::default()));
    assert_eq!(log.last(), 2);
}

#[test]
fn a_decision_is_news_to_a_look_only_where_it_was_waited_for() {
    let (mut log, owner) = (ChangeLog::default(), owner("web-team"));
    let found = |one: Standing| Look { locks: Vec::new(), approvals: vec![(run(1), one), (run(2), Standing::Expired)] };
    assert!(log.note_look(NOW, &owner, found(Standing::Pending)));
    assert!(!log.note_look(NOW, &owner, found(Standing::Pending)));
    assert!(log.note_look(NOW, &owner, found(Standing::Approved)));
    assert!(!log.note_look(NOW, &owner, found(Standing::Approved)));
    let of = |standing| What::Approval(owner.clone(), run(1), standing);
    assert_eq!(told(&log, 0), [of(Standing::Pending), of(Standing::Approved)]);
}

#[test]
fn a_decision_that_is_made_here_is_always_news() {
    let mut log = ChangeLog::default();
    assert!(log.note(NOW, What::Approval(owner("web-team"), run(1), Standing::Rejected)));
}
