//! The children of a guard, each with its process group.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, test_kill_process_group, wait};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lines;
use super::message::{Ending, Exit, Spawn, Stream, Tell};
use super::tree;
use crate::engine::process;

/// Between SIGTERM and SIGKILL for what a child left running in its group.
const LEFT_BEHIND: Duration = Duration::from_secs(2);
/// How long a group may survive SIGKILL (a zombie whose parent does not wait) before it counts as gone.
const UNDEAD: Duration = Duration::from_secs(1);
/// How often a group is looked at that outlived its leader.
const RECHECK: Duration = Duration::from_millis(20);

pub struct Children {
    environment: BTreeMap<String, String>,
    living: HashMap<u64, Child>,
    tells: mpsc::Sender<Tell>,
}

struct Child {
    group: Pid,
    ending: Ending,
    asked: bool,
    leader: Option<WaitStatus>,
    kill_at: Option<Instant>,
    killed_at: Option<Instant>,
    by_deadline: bool,
    exit: oneshot::Sender<Exit>,
}

impl Children {
    pub fn new(environment: BTreeMap<String, String>, tells: mpsc::Sender<Tell>) -> Self {
        Self { environment, living: HashMap::new(), tells }
    }

    /// Starts a child, or tells why it cannot be started.
    pub fn spawn(&mut self, spawn: Spawn) {
        let (child, ending) = (spawn.child, spawn.ending);
        let started = process::start_child(&spawn, &self.environment).and_then(|started| {
            let out = pipe::Receiver::from_owned_fd(started.stdout)?;
            let err = pipe::Receiver::from_owned_fd(started.stderr)?;
            Ok((started.group, out, err))
        });
        match started {
            Ok((group, out, err)) => {
                let (exit, exited) = oneshot::channel();
                self.living.insert(child, Child::new(group, ending, exit));
                tokio::spawn(follow(child, out, err, exited, self.tells.clone()));
            }
            Err(error) => {
                let (tells, why) = (self.tells.clone(), error.to_string());
                tokio::spawn(async move { tells.send(Tell::Refused { child, why }).await });
            }
        }
    }

    /// Takes note of every process that died.
    pub fn reap(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if let Some(child) = self.living.values_mut().find(|child| child.group == pid && child.leader.is_none()) {
                child.leader = Some(status);
            }
        }
        self.settle();
    }

    /// Ends a child's group.
    pub fn end(&mut self, child: u64, grace: Duration) {
        if let Some(child) = self.living.get_mut(&child) {
            child.end(grace);
        }
    }

    /// Asks a child's group to end.
    pub fn stop(&mut self, child: u64) {
        if let Some(child) = self.living.get_mut(&child) {
            child.ask();
        }
    }

    /// Ends all groups because the deadline passed or the lock was lost.
    pub fn end_all(&mut self, grace: Duration) {
        for child in self.living.values_mut().filter(|child| !child.by_deadline) {
            child.by_deadline = child.leader.is_none();
            child.end(grace);
        }
    }

    /// Sends a signal to the descendants that left their group.
    pub fn signal_strays(&self, signal: Signal) {
        tree::signal_outside(&self.groups(), signal);
    }

    /// Sends a signal to all descendants, also to those that left their group.
    pub fn signal_all(&self, signal: Signal) {
        let groups = self.groups();
        for group in &groups {
            let _ = kill_process_group(*group, signal);
        }
        tree::signal_outside(&groups, signal);
    }

    fn groups(&self) -> Vec<Pid> {
        self.living.values().map(|child| child.group).collect()
    }

    /// When [`look`](Self::look) is due.
    pub fn next_look(&self) -> Option<Duration> {
        let due = |child: &Child| match child.leader {
            Some(_) => Some(RECHECK),
            None => child.kill_at.map(|at| at.saturating_duration_since(Instant::now())),
        };
        self.living.values().filter_map(due).min()
    }

    /// Kills what outlived its grace.
    pub fn look(&mut self) {
        let now = Instant::now();
        for child in self.living.values_mut() {
            if child.kill_at.is_some_and(|at| at <= now) {
                child.kill_at = None;
                child.killed_at.get_or_insert(now);
                let _ = kill_process_group(child.group, Signal::KILL);
            }
        }
        self.settle();
    }

    /// Lets go of children whose whole group is gone, and ends what the others left behind.
    fn settle(&mut self) {
        let mut gone = Vec::new();
        for (id, child) in &mut self.living {
            if child.leader.is_none() {
                continue;
            }
            let undead = child.killed_at.is_some_and(|at| at.elapsed() > UNDEAD);
            if undead || test_kill_process_group(child.group) == Err(Errno::SRCH) {
                gone.push(*id);
            } else if child.kill_at.is_none() && child.killed_at.is_none() {
                child.end(LEFT_BEHIND);
            }
        }
        for id in gone {
            if let Some(Child { leader: Some(status), exit, by_deadline, .. }) = self.living.remove(&id) {
                let exit_of = Exit { code: status.exit_status(), signal: status.terminating_signal(), by_deadline };
                let _ = exit.send(exit_of);
            }
        }
    }
}

impl Child {
    fn new(group: Pid, ending: Ending, exit: oneshot::Sender<Exit>) -> Self {
        Self { group, ending, asked: false, leader: None, kill_at: None, killed_at: None, by_deadline: false, exit }
    }

    fn end(&mut self, grace: Duration) {
        let kill_at = Instant::now() + grace;
        self.kill_at = Some(self.kill_at.map_or(kill_at, |at| at.min(kill_at)));
        self.ask();
    }

    fn ask(&mut self) {
        let signal = match (self.ending, self.leader) {
            (Ending::Interrupt, None) if self.asked => None,
            (Ending::Interrupt, None) => Some(Signal::INT),
            // What a dead leader left behind may not listen to SIGINT.
            _ => Some(Signal::TERM),
        };
        self.asked = true;
        if let Some(signal) = signal {
            let _ = kill_process_group(self.group, signal);
        }
        // A stopped process sees the signal only when it goes on.
        let _ = kill_process_group(self.group, Signal::CONT);
    }
}

/// Hands on what a child prints, then how it ended.
async fn follow(
    child: u64,
    out: pipe::Receiver,
    err: pipe::Receiver,
    exited: oneshot::Receiver<Exit>,
    tells: mpsc::Sender<Tell>,
) {
    let gone = CancellationToken::new();
    let line = |stream| {
        let tells = &tells;
        move |text| async move { tells.send(Tell::Line { child, stream, text }).await.is_ok() }
    };
    let exit = async {
        let exit = exited.await;
        gone.cancel();
        exit
    };
    let (exit, (), ()) = tokio::join!(
        exit,
        lines::copy(out, &gone, line(Stream::Stdout)),
        lines::copy(err, &gone, line(Stream::Stderr))
    );
    if let Ok(exit) = exit {
        let _ = tells.send(Tell::Exited { child, exit }).await;
    }
}
