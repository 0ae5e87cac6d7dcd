//! What a tenant may use, against what it would use.

use crate::error::{Error, Reason, Result};
use crate::tenant::Limits;

/// What a tenant uses: counts over all its states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Distinct names of stacks with something deployed.
    pub stacks: u32,
    /// Distinct pairs of stack and service.
    pub services: u32,
}

/// Refuses a change that grows beyond a limit. What is over a limit already may stay, and shrink.
pub fn allow(limits: &Limits, before: Usage, after: Usage) -> Result<()> {
    let over = |what: &str, before: u32, after: u32, most: u32| -> Result<()> {
        if after <= most || after <= before {
            return Ok(());
        }
        Err(Error::new(Reason::LimitExceeded, format!("the tenant may have {most} {what}, this would make {after}"))
            .fact("In use", format!("{before} / {most} {what}"))
            .hint("destroy what is not needed any more, or ask your admin for a higher limit"))
    };
    over("stacks", before.stacks, after.stacks, limits.max_stacks)?;
    over("services", before.services, after.services, limits.max_services)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(before: (u32, u32), after: (u32, u32)) -> Result<()> {
        let limits = Limits { max_stacks: 2, max_services: 4, ..Limits::default() };
        let usage = |(stacks, services)| Usage { stacks, services };
        allow(&limits, usage(before), usage(after))
    }

    #[test]
    fn growth_up_to_the_limit_is_allowed_and_beyond_it_is_refused() {
        assert!(allowed((1, 2), (2, 4)).is_ok());
        let error = allowed((2, 2), (3, 3)).unwrap_err();
        assert_eq!(error.reason, Reason::LimitExceeded);
        assert_eq!(error.facts[0].1, "2 / 2 stacks");
        assert!(allowed((2, 4), (2, 5)).unwrap_err().message.contains("services"));
    }

    #[test]
    fn what_is_over_a_lowered_limit_may_change_and_shrink_but_not_grow() {
        assert!(allowed((5, 9), (5, 9)).is_ok());
        assert!(allowed((5, 9), (4, 8)).is_ok());
        assert!(allowed((5, 9), (6, 9)).is_err());
    }
}
