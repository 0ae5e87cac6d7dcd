//! What happens to the backend when a request arrives, and to the sender of the request.

use super::{Fate, Turn};
use crate::law::{Event, Law};
use crate::mutant::Mutant;
use crate::rules::{Judged, WriteId};
use crate::world::{Message, Put, Sent};

impl Turn<'_> {
    /// A write of the item arrives.
    pub fn write_item(&mut self, write: WriteId) -> Judged {
        let judged = self.rules.judge(write, self.world.table.item);
        if judged.applied.is_some() {
            self.world.table.unlocked =
                if judged.applied == self.world.table.item { self.world.table.unlocked } else { 0 };
            self.world.table.item = judged.applied;
        }
        self.world.broken.join(judged.broken);
        self.world.event = self.world.event.or(judged.event);
        judged
    }

    /// A forced unlock arrives. The transaction is recognised by its audit item.
    pub fn unlock_item(&mut self, person: u8, write: WriteId) -> bool {
        let audit = u64::from(person);
        if self.rules.is(Mutant::AuditApart) {
            self.world.table.audits.add(audit);
        } else if self.world.table.audits.has(audit) {
            return true;
        }
        let applied = self.write_item(write).applied.is_some();
        if applied {
            self.world.broken.note(Law::OneAuditPerUnlock, self.world.table.forced.has(audit));
            self.world.table.forced.add(audit);
            self.world.table.audits.add(audit);
        }
        applied
    }

    /// A write of the state arrives.
    pub fn write_state(&mut self, put: Put) -> bool {
        if self.world.state != put.over && !self.rules.is(Mutant::WriteAlways) {
            return false;
        }
        let broken = self.rules.put_laws(put, self.world.state, self.world.engine);
        self.world.broken.join(broken);
        self.world.state = Some(put.document);
        self.world.sealed.add(self.rules.fence(Some(put.document)));
        true
    }

    /// The execution of a change set is asked for. Asking again for what was executed is answered as a success.
    pub fn execute(&mut self, token: u64) -> bool {
        let cloud = &mut self.world.cloud;
        if cloud.executed.has(token) {
            return true;
        }
        if !cloud.sets.has(token) || cloud.running.is_some() {
            if self.world.engine > token {
                self.world.event = Some(Event::OlderSetRefused);
            }
            return false;
        }
        cloud.sets.remove(token);
        cloud.executed.add(token);
        cloud.running = Some(token);
        self.world.broken.note(Law::NothingAfterTheSuccessor, self.world.engine > token);
        true
    }

    /// A write of the item meets its fate. `Some` with the answer, if there is one; `None` when it cannot be.
    pub fn meet(&mut self, sent: &mut Sent, fate: Fate) -> Option<Option<Judged>> {
        if sent.silent {
            return None;
        }
        let write = sent.write;
        if fate != Fate::Answered {
            self.fault()?;
        }
        if matches!(fate, Fate::Twice | Fate::Delayed) {
            self.world.delay(Message::Lock(write));
        }
        let judged = (fate != Fate::Delayed).then(|| self.write_item(write));
        sent.silent = matches!(fate, Fate::AnswerLost | Fate::Delayed);
        Some(judged.filter(|_| !sent.silent))
    }

    /// A request for something else meets its fate.
    pub fn meet_other(&mut self, fate: Fate, message: Message) -> Option<Option<bool>> {
        if fate != Fate::Answered {
            self.fault()?;
        }
        if matches!(fate, Fate::Twice | Fate::Delayed) {
            self.world.delay(message.clone());
        }
        let answer = if fate == Fate::Delayed { None } else { Some(self.arrive(message)) };
        Some(answer.filter(|_| fate != Fate::AnswerLost))
    }

    /// A request that nobody waits for any more arrives.
    pub fn late(&mut self, at: usize) {
        let message = self.world.late.remove(at);
        self.arrive(message);
    }

    fn arrive(&mut self, message: Message) -> bool {
        match message {
            Message::Lock(write) => self.write_item(write).applied.is_some(),
            Message::Unlock { person, write } => self.unlock_item(person, write),
            Message::Put(put) => self.write_state(put),
            Message::Execute(token) => self.execute(token),
        }
    }
}
