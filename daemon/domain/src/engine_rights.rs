//! What callers' own credentials have to be allowed beside the storage: tried by requests that cannot have an effect.

use async_trait::async_trait;

use crate::object::{PortError, PortResult};

/// What rights are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To look at the stacks that components are.
    LookAtStacks,
    /// To make, change and remove them.
    ChangeStacks,
    /// To measure what runs.
    Measure,
    /// To read what it logs.
    ReadLogs,
}

/// One right that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The provider's own word for it, such as `cloudformation:DescribeStacks`.
    pub action: &'static str,
    /// What came of it.
    pub answer: PortResult<()>,
}

impl Tried {
    /// A request about what is not there: who hears that it is not there was allowed to ask.
    pub fn of_nothing<T>(action: &'static str, answer: PortResult<T>) -> Self {
        let answer = match answer {
            Ok(_)
            | Err(PortError::Conflict | PortError::Gone | PortError::NoSuchBackend(_) | PortError::Invalid(_)) => {
                Ok(())
            }
            Err(error) => Err(error),
        };
        Self { action, answer }
    }
}

/// A caller's own rights in one region.
#[async_trait]
pub trait EngineRights: Send + Sync {
    /// Tries each right that is needed for something, on things that are called `nobodys` and are not there: lower-case
    /// letters, digits and hyphens, 63 at most.
    async fn attempt(&self, need: Need, nobodys: &str) -> Vec<Tried>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hears_that_something_is_not_there_was_allowed_to_ask() {
        let tried = |answer: PortResult<u8>| Tried::of_nothing("x:Look", answer).answer;
        assert_eq!(tried(Err(PortError::Invalid("there is no such stack".to_owned()))), Ok(()));
        let denied = PortError::Denied("AccessDenied".to_owned());
        assert_eq!(tried(Err(denied.clone())), Err(denied));
        assert!(tried(Err(PortError::Unavailable(String::new()))).is_err(), "who hears nothing knows nothing");
    }
}
