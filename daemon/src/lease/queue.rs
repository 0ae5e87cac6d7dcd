//! Who waits for which lock in this daemon: a release tells the first of them at once, where others find it by looking.
//!
//! Newcomers stand behind those who wait already. Both are best effort: whoever waits looks by itself too, now and then.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deployer_domain::backend::BackendAddress;
use deployer_domain::key::LockKey;
use tokio::sync::mpsc;

/// So often in a row a lock is handed from one caller of this daemon to the next. Then it is left to whoever looks
/// first, or the waiters of other daemons, whom nobody tells, would never find it free.
const IN_A_ROW: u32 = 4;

/// All who wait in this daemon.
#[derive(Clone, Default)]
pub(super) struct Queues(Arc<Mutex<Queued>>);

#[derive(Default)]
struct Queued {
    waiting: HashMap<Place, VecDeque<Waiter>>,
    next: u64,
}

/// Which lock, and where.
pub(super) type Place = (BackendAddress, LockKey);

struct Waiter {
    id: u64,
    tell: mpsc::UnboundedSender<u32>,
}

/// A place in a queue, for as long as this lives.
pub(super) struct Ticket {
    queues: Queues,
    place: Place,
    id: u64,
    told: mpsc::UnboundedReceiver<u32>,
    served: bool,
}

impl Queues {
    /// Takes the last place.
    pub(super) fn join(&self, place: Place) -> Ticket {
        let (tell, told) = mpsc::unbounded_channel();
        let mut queued = self.queued();
        let id = queued.next;
        queued.next += 1;
        queued.waiting.entry(place.clone()).or_default().push_back(Waiter { id, tell });
        drop(queued);
        Ticket { queues: self.clone(), place, id, told, served: false }
    }

    /// Tells the first that the lock may be free. `turn` says how often in a row it was handed on like that.
    pub(super) fn released(&self, place: &Place, turn: u32) {
        if turn < IN_A_ROW {
            self.hand_on(place, turn + 1);
        }
    }

    fn hand_on(&self, place: &Place, turn: u32) {
        if let Some(first) = self.queued().waiting.get(place).and_then(VecDeque::front) {
            let _leaving = first.tell.send(turn);
        }
    }

    fn queued(&self) -> MutexGuard<'_, Queued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Whether nobody of this daemon waits for longer.
    pub(super) fn is_first(&self) -> bool {
        let first = |queue: &VecDeque<Waiter>| queue.front().is_some_and(|waiter| waiter.id == self.id);
        self.queues.queued().waiting.get(&self.place).is_none_or(first)
    }

    /// Gives the place away after the lock was acquired.
    pub(super) fn served(mut self) {
        self.served = true;
    }

    /// Waits until this daemon releases the lock and this is the first; answers which turn in a row it is.
    pub(super) async fn told(&mut self) -> u32 {
        match self.told.recv().await {
            Some(turn) => turn,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut queued = self.queues.queued();
        if let Some(queue) = queued.waiting.get_mut(&self.place) {
            queue.retain(|waiter| waiter.id != self.id);
            if queue.is_empty() {
                queued.waiting.remove(&self.place);
            }
        }
        drop(queued);
        // Whoever leaves with nothing may have been told, and whoever stood behind waited for that.
        if !self.served {
            let turn = self.told.try_recv().unwrap_or(0);
            self.queues.hand_on(&self.place, turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(stack: &str) -> Place {
        let key = format!("tenant:acme-team:stack:{stack}:env:dev").parse().unwrap();
        ("local:/a.db".parse().unwrap(), key)
    }

    fn turn(ticket: &mut Ticket) -> Option<u32> {
        ticket.told.try_recv().ok()
    }

    #[test]
    fn the_first_is_told_and_nobody_else() {
        let queues = Queues::default();
        let (mut first, mut second) = (queues.join(place("shop")), queues.join(place("shop")));
        let mut elsewhere = queues.join(place("blog"));
        queues.released(&place("shop"), 0);
        assert_eq!([&mut first, &mut second, &mut elsewhere].map(turn), [Some(1), None, None]);
        assert_eq!([&first, &second, &elsewhere].map(Ticket::is_first), [true, false, true]);
        first.served();
        assert!(second.is_first());
        assert_eq!(turn(&mut second), None);
        queues.released(&place("shop"), 1);
        assert_eq!(turn(&mut second), Some(2));
    }

    #[test]
    fn whoever_leaves_without_making_use_of_it_hands_it_on() {
        let queues = Queues::default();
        let (first, mut second) = (queues.join(place("shop")), queues.join(place("shop")));
        queues.released(&place("shop"), 2);
        drop(first);
        assert_eq!(turn(&mut second), Some(3));
        let mut third = queues.join(place("shop"));
        drop(second);
        assert_eq!(turn(&mut third), Some(0), "it may be free");
        third.served();
        assert!(queues.queued().waiting.is_empty());
    }

    #[test]
    fn after_some_turns_in_a_row_others_get_their_chance() {
        let queues = Queues::default();
        let mut waiter = queues.join(place("shop"));
        queues.released(&place("shop"), IN_A_ROW - 1);
        assert_eq!(turn(&mut waiter), Some(IN_A_ROW));
        queues.released(&place("shop"), IN_A_ROW);
        assert_eq!(turn(&mut waiter), None);
    }
}
