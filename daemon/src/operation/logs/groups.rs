//! The log group of a component.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::error::Result;
use deployer_domain::logs::{LogGroups, LogLine};
use deployer_domain::name::ComponentId;
use jiff::Timestamp;

/// How late an event may appear behind one that happened after it.
const LATE: Duration = Duration::from_secs(10);

/// The log group of a component, read from a moment on.
pub(super) struct Group {
    /// Whose it is.
    pub component: ComponentId,
    /// What the provider calls it.
    pub name: String,
    reader: Arc<dyn LogGroups>,
    from: Timestamp,
    /// What was read already of the time that is asked for again.
    seen: BTreeMap<String, Timestamp>,
}

impl Group {
    pub(super) fn new(component: ComponentId, reader: Arc<dyn LogGroups>, name: String, from: Timestamp) -> Self {
        Self { component, name, reader, from, seen: BTreeMap::new() }
    }

    /// The lines that are new, in the order of their times.
    pub(super) async fn more(&mut self) -> Result<Vec<LogLine>> {
        let read = self.reader.read(&self.name, self.from).await;
        let events = read.map_err(|error| super::unreadable(&format!("the log group {}", self.name), &error))?;
        let mut lines = Vec::new();
        for event in events {
            if self.seen.insert(event.id, event.time).is_some() {
                continue;
            }
            lines.extend(event.text.lines().map(|text| LogLine {
                time: event.time,
                component: self.component.clone(),
                source: event.stream.clone(),
                text: text.to_owned(),
            }));
        }
        let newest = self.seen.values().max().copied();
        if let Some(from) = newest.and_then(|newest| newest.checked_sub(LATE).ok()).filter(|from| *from > self.from) {
            self.from = from;
            self.seen.retain(|_, time| *time >= from);
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use deployer_domain::logs::LogEvent;
    use deployer_domain::object::PortResult;

    use super::*;

    /// A group that answers at most so many events at once.
    struct Kept {
        events: Mutex<Vec<LogEvent>>,
        at_once: usize,
    }

    impl Kept {
        fn add(&self, second: i64, id: &str) {
            let time = Timestamp::from_second(second).unwrap();
            let (id, stream) = (id.to_owned(), "one".to_owned());
            self.events.lock().unwrap().push(LogEvent { text: id.clone(), id, time, stream });
        }
    }

    #[async_trait]
    impl LogGroups for Kept {
        async fn read(&self, _: &str, from: Timestamp) -> PortResult<Vec<LogEvent>> {
            let mut events: Vec<LogEvent> = self.events.lock().unwrap().clone();
            events.retain(|event| event.time >= from);
            events.sort_by_key(|event| event.time);
            events.truncate(self.at_once);
            Ok(events)
        }
    }

    async fn all(group: &mut Group) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            let lines = group.more().await.unwrap();
            if lines.is_empty() {
                return texts;
            }
            texts.extend(lines.into_iter().map(|line| line.text));
        }
    }

    #[tokio::test]
    async fn every_event_is_told_once_also_one_that_comes_late() {
        let kept = Arc::new(Kept { events: Mutex::default(), at_once: 30 });
        for second in 0..100 {
            kept.add(1_000 + second, &second.to_string());
        }
        let reader = Arc::clone(&kept) as Arc<dyn LogGroups>;
        let from = Timestamp::from_second(1_000).unwrap();
        let mut group = Group::new("s.a".parse().unwrap(), reader, "g".to_owned(), from);
        assert_eq!(all(&mut group).await, (0..100).map(|second: i64| second.to_string()).collect::<Vec<_>>());
        kept.add(1_095, "late");
        kept.add(1_101, "new");
        assert_eq!(all(&mut group).await, ["late", "new"]);
        assert!(group.seen.len() < 30, "what is long past is not kept in mind");
    }
}
