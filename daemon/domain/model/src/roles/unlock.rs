//! Somebody who unlocks by force: two looks, then one transaction.

use super::{Deed, Port, Turn};
use crate::law::Law;
use crate::rules::Unlocking;
use crate::world::{Message, Person};

impl Turn<'_> {
    pub fn person(&mut self, who: usize, deed: Deed) -> Option<()> {
        let number = u8::try_from(who).unwrap_or(u8::MAX);
        let item = self.world.table.item;
        let next = match (deed, self.world.people[who]) {
            (Deed::Start, Person::Idle) => {
                let step = self.rules.first_look(number, self.scene.unlockers[who], item);
                self.unlocking(step, item.map(|item| Person::Looked { item, age: 0 }))
            }
            (Deed::Look, Person::Looked { item: first, age }) if age >= self.rules.ages.look => {
                self.unlocking(self.rules.second_look(number, first, item), None)
            }
            (Deed::Request(Port::Table, fate), Person::Sent { write, silent: false }) => {
                match self.meet_other(fate, Message::Unlock { person: number, write })? {
                    None => Person::Sent { write, silent: true },
                    Some(applied) => {
                        let audited = self.world.table.audits.has(u64::from(number));
                        self.world.broken.note(Law::OneAuditPerUnlock, applied != audited);
                        Person::Done
                    }
                }
            }
            (Deed::Repeat, Person::Sent { write, silent: true }) => Person::Sent { write, silent: false },
            (Deed::Abandon, Person::Sent { silent: true, .. }) => Person::Done,
            _ => return None,
        };
        self.world.people[who] = next;
        Some(())
    }

    fn unlocking(&self, step: Unlocking, looked: Option<Person>) -> Person {
        match step {
            Unlocking::Nothing => Person::Done,
            Unlocking::LookAgain => looked.unwrap_or(Person::Done),
            Unlocking::Release(write) => Person::Sent { write, silent: false },
        }
    }
}
