//! Answers that stay good for a while. Whoever asks what somebody is asking already waits for that answer; nobody waits
//! for the answer to another question.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The answers that are remembered, by their questions.
pub(super) struct Answers<Q, A>(Mutex<HashMap<Q, Slot<A>>>);

/// The answer to one question and when it was given; held by the one who asks.
type Slot<A> = Arc<tokio::sync::Mutex<Option<(Timestamp, A)>>>;

impl<Q, A> Default for Answers<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q: Eq + Hash, A: Clone> Answers<Q, A> {
    /// The answer to a question: one that is good for longer than it is old, else what `ask` finds out. A failure is
    /// not remembered.
    pub async fn to<E>(
        &self,
        question: Q,
        now: Timestamp,
        good_for: impl Fn(&A) -> SignedDuration,
        ask: impl Future<Output = Result<A, E>>,
    ) -> Result<A, E> {
        let is_good = |(at, answer): &(Timestamp, A)| now.duration_since(*at) < good_for(answer);
        let slot = self.slot(question, is_good);
        let mut known = slot.lock().await;
        if let Some((_, answer)) = known.as_ref().filter(|known| is_good(known)) {
            return Ok(answer.clone());
        }
        let answer = ask.await?;
        *known = Some((now, answer.clone()));
        Ok(answer)
    }

    /// The place of a question's answer. Places of old answers that nobody waits at are forgotten.
    fn slot(&self, question: Q, is_good: impl Fn(&(Timestamp, A)) -> bool) -> Slot<A> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, slot| {
            Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|known| known.as_ref().is_some_and(&is_good))
        });
        Arc::clone(all.entry(question).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_asked_for_again_when_it_is_old_and_a_failure_at_once() {
        let answers = Answers::default();
        let ask = |now, answer| answers.to("cost", at(now), |_| HOUR, async move { answer });
        assert_eq!(ask(0, Err("no")).await, Err("no"));
        assert_eq!(ask(0, Ok(1)).await, Ok(1));
        assert_eq!(ask(3599, Ok(2)).await, Ok(1));
        assert_eq!(ask(3600, Ok(3)).await, Ok(3));
        assert_eq!(answers.to("else", at(9000), |_| HOUR, async { Ok::<_, ()>(4) }).await, Ok(4));
        assert_eq!(answers.0.lock().unwrap().len(), 1, "the old one is forgotten");
    }

    #[tokio::test]
    async fn one_question_is_asked_once_at_a_time_and_holds_up_no_other() {
        let answers = Arc::new(Answers::<&str, u32>::default());
        let (tell, told) = tokio::sync::oneshot::channel();
        let ask = |question, answer: tokio::sync::oneshot::Receiver<u32>| {
            let answers = Arc::clone(&answers);
            let wait = async move { Ok::<_, Infallible>(answer.await.unwrap()) };
            async move { answers.to(question, at(0), |_| HOUR, wait).await }
        };
        let first = tokio::spawn(ask("slow", told));
        tokio::task::yield_now().await;
        let (_never, nothing) = tokio::sync::oneshot::channel();
        let second = tokio::spawn(ask("slow", nothing));
        tokio::task::yield_now().await;
        assert_eq!(answers.to("other", at(0), |_| HOUR, async { Ok::<_, Infallible>(5) }).await, Ok(5));
        assert!(!first.is_finished() && !second.is_finished());
        tell.send(7).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(7), Ok(7)));
    }
}
