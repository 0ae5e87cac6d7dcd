//! Many questions at once, but not too many.

use deployer_domain::error::{Error, Reason, Result};
use std::future::Future;
use tokio::task::JoinSet;

/// How many requests of one command are in flight at once.
pub const AT_ONCE: usize = 16;

/// Asks a question of every item, [`AT_ONCE`] at a time, and answers in the items' order; the first failure ends it.
pub async fn map<T, U, F>(items: impl IntoIterator<Item = T>, question: impl Fn(T) -> F) -> Result<Vec<U>>
where
    F: Future<Output = Result<U>> + Send + 'static,
    U: Send + 'static,
{
    let items: Vec<T> = items.into_iter().collect();
    let mut items = items.into_iter().enumerate();
    let mut asked = JoinSet::new();
    let mut answers = Vec::new();
    loop {
        // A question is made only when there is room for it: thousands that wait would need much memory.
        for (at, item) in items.by_ref().take(AT_ONCE - asked.len()) {
            let question = question(item);
            asked.spawn(async move { question.await.map(|answer| (at, answer)) });
        }
        let Some(answer) = asked.join_next().await else { break };
        answers.push(answer.map_err(|_| Error::new(Reason::Internal, "a question was cut off"))??);
    }
    answers.sort_unstable_by_key(|(at, _)| *at);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn answers_keep_the_order_and_no_more_than_the_bound_run_at_once() {
        let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let answers = map(0..100, |item| {
            let running = Arc::clone(&running);
            async move {
                let now = running.0.fetch_add(1, Ordering::SeqCst) + 1;
                running.1.fetch_max(now, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.0.fetch_sub(1, Ordering::SeqCst);
                Ok(item * 2)
            }
        });
        assert_eq!(answers.await.unwrap(), (0..100).map(|item| item * 2).collect::<Vec<_>>());
        assert!(running.1.load(Ordering::SeqCst) <= AT_ONCE);
    }

    #[tokio::test]
    async fn a_failure_ends_it() {
        let failed = map([1, 2], |item| async move {
            if item == 2 { Err(Error::new(Reason::BackendUnavailable, "gone")) } else { Ok(item) }
        });
        assert_eq!(failed.await.unwrap_err().reason, Reason::BackendUnavailable);
    }
}
