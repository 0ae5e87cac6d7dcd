//! What a tenant may use, against what it would use.

use crate::error::{Error, Reason, Result};
use crate::tenant::Limits;
use crate::tenant_config::CostLimitPolicy;

/// What a tenant uses: counts over all its states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Distinct names of stacks with something deployed.
    pub stacks: u32,
    /// Distinct pairs of stack and service.
    pub services: u32,
}

/// Room below a limit that is more than a tenant's computers use up in some minutes, whoever works there.
const ROOM: u32 = 10;

impl Usage {
    /// What would be used at most once a plan made these services new: each might be the first of its stack.
    #[must_use]
    pub fn with(self, services: u32) -> Self {
        Self { stacks: self.stacks.saturating_add(1), services: self.services.saturating_add(services) }
    }

    /// Whether this is so far from the limits that it need not be counted anew for a while.
    pub fn is_far_from(self, limits: &Limits) -> bool {
        let far = |used: u32, most: u32| used.saturating_add(ROOM.max(most / 5)) <= most;
        far(self.stacks, limits.max_stacks) && far(self.services, limits.max_services)
    }
}

/// Refuses a change that grows beyond a limit. What is over a limit already may stay, and shrink.
pub fn allow(limits: &Limits, before: Usage, after: Usage) -> Result<()> {
    let over = |what: &str, before: u32, after: u32, most: u32| -> Result<()> {
        if after <= most || after <= before {
            return Ok(());
        }
        let (name, flag) =
            if what == "stacks" { ("maxStacks", "--max-stacks") } else { ("maxServices", "--max-services") };
        let message = format!("the tenant's limit {name} allows {most} {what}, this would make {after}");
        Err(Error::new(Reason::LimitExceeded, message)
            .fact("In use", format!("{before} / {most} {what}"))
            .hint("destroy what is not needed any more")
            .hint(format!("an admin can raise it: `deployer tenant edit ID {flag} N`")))
    };
    over("stacks", before.stacks, after.stacks, limits.max_stacks)?;
    over("services", before.services, after.services, limits.max_services)
}

/// Of the monthly limit, in percent: from here on there is a warning.
const NEAR: f64 = 80.0;

/// What this month's cost says of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CostVerdict {
    /// Nothing.
    Fine,
    /// It goes on, and somebody should know.
    Warn(String),
    /// What grows is refused.
    Refuse(Error),
}

/// Compares this month's cost with the tenant's limit. `grows` says whether the change makes something new; `cost` is in
/// US dollars, or why it is unknown.
pub fn judge_cost(
    limits: &Limits,
    policy: CostLimitPolicy,
    grows: bool,
    cost: std::result::Result<f64, &str>,
) -> CostVerdict {
    let Some(limit) = limits.monthly_cost_limit.filter(|limit| *limit > 0) else { return CostVerdict::Fine };
    let denies = policy == CostLimitPolicy::Deny;
    let cost = match cost {
        Ok(cost) => cost,
        Err(why) if denies && grows => {
            return CostVerdict::Warn(format!("the limit monthlyCostLimit of ${limit} was not checked: {why}"));
        }
        Err(_) => return CostVerdict::Fine,
    };
    let percent = cost * 100.0 / f64::from(limit);
    let used = format!("${cost:.0} / ${limit} ({percent:.0}%)");
    match percent {
        ..NEAR => CostVerdict::Fine,
        100.0.. if denies && grows => CostVerdict::Refuse(
            Error::new(Reason::LimitExceeded, format!("the tenant's limit monthlyCostLimit of ${limit} is reached"))
                .fact("This month", used)
                .hint("what is there may change and be destroyed, nothing new is made before next month")
                .hint("an admin can raise it: `deployer tenant edit ID --monthly-cost-limit N`"),
        ),
        100.0.. => CostVerdict::Warn(format!("the tenant's limit monthlyCostLimit is reached: {used} this month")),
        _ => CostVerdict::Warn(format!("the tenant's limit monthlyCostLimit is near: {used} this month")),
    }
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
    fn small_limits_and_near_ones_are_always_counted() {
        let far = |stacks, services, max_stacks, max_services| {
            let limits = Limits { max_stacks, max_services, ..Limits::default() };
            Usage { stacks, services }.is_far_from(&limits)
        };
        assert!(far(80, 400, 100, 500) && far(2, 5, 12, 15));
        assert!(!far(81, 0, 100, 500) && !far(0, 401, 100, 500), "a fifth is left free");
        assert!(!far(0, 0, 9, 500) && !far(0, 0, 100, 9), "small limits");
        assert_eq!(Usage { stacks: 1, services: 2 }.with(3), Usage { stacks: 2, services: 5 });
    }

    #[test]
    fn a_refusal_names_the_limit_and_who_can_change_it() {
        let error = allowed((2, 4), (2, 5)).unwrap_err();
        assert!(error.message.contains("maxServices") && error.hints[1].contains("--max-services"), "{error:?}");
    }

    #[test]
    fn cost_is_warned_of_at_80_percent_and_at_100_growth_is_refused_where_the_policy_says_so() {
        let limits = Limits { monthly_cost_limit: Some(1000), ..Limits::default() };
        let judged = |policy, grows, cost| judge_cost(&limits, policy, grows, cost);
        let (warn, deny) = (CostLimitPolicy::Warn, CostLimitPolicy::Deny);
        let is_warning =
            |verdict: CostVerdict, word: &str| matches!(verdict, CostVerdict::Warn(text) if text.contains(word));
        assert_eq!(judged(deny, true, Ok(799.0)), CostVerdict::Fine);
        assert!(is_warning(judged(deny, true, Ok(800.0)), "near: $800 / $1000 (80%)"));
        assert!(is_warning(judged(warn, true, Ok(1000.0)), "reached"));
        assert!(is_warning(judged(deny, false, Ok(5000.0)), "reached"), "what is there may change");
        let CostVerdict::Refuse(error) = judged(deny, true, Ok(1234.4)) else { panic!("growth is refused") };
        assert_eq!((error.reason, error.facts[0].1.as_str()), (Reason::LimitExceeded, "$1234 / $1000 (123%)"));
        assert!(is_warning(judged(deny, true, Err("no bills")), "not checked: no bills"));
        assert_eq!(judged(warn, true, Err("no bills")), CostVerdict::Fine);
        assert_eq!(judge_cost(&Limits::default(), deny, true, Ok(9e9)), CostVerdict::Fine);
    }

    #[test]
    fn what_is_over_a_lowered_limit_may_change_and_shrink_but_not_grow() {
        assert!(allowed((5, 9), (5, 9)).is_ok());
        assert!(allowed((5, 9), (4, 8)).is_ok());
        assert!(allowed((5, 9), (6, 9)).is_err());
    }
}
