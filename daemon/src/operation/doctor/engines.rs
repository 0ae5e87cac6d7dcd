//! What engines, usage and logs need: the caller's own rights, not those of the tenant's role.

use deployer_domain::backend::{Backend, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::engine_rights::{Need, Tried};
use deployer_domain::entropy::ulid;
use deployer_domain::finding::{Finding, Verdict};
use deployer_domain::object::PortError;
use deployer_domain::port_error::explain;

use crate::operation::Ports;

const NEEDS: [(Need, &str, &str); 4] = [
    (Need::LookAtStacks, "CloudFormation: look at stacks", "components that are CloudFormation stacks need"),
    (Need::ChangeStacks, "CloudFormation: change stacks", "components that are CloudFormation stacks need"),
    (Need::Measure, "Usage: measure what runs", "`deployer tenant usage` needs"),
    (Need::ReadLogs, "Logs: read them", "`deployer logs` needs"),
];

/// Tries what engines need. Nobody needs all of it: what is missing is worth a thought, and no problem.
pub(super) async fn engines(ports: &Ports, caller: &Caller, backend: &Backend, findings: &mut Vec<Finding>) {
    let place = BackendRef { role_arn: None, tenant: None, ..backend.place.clone() };
    let rights = match ports.backends.engine_rights(&place, caller).await {
        Ok(rights) => rights,
        Err(error) => {
            return findings
                .push(Finding { verdict: Verdict::Warning, ..Finding::failed("Your own credentials", &error) });
        }
    };
    let nobodys = format!("deployer-doctor-{}", ulid(ports.entropy.as_ref(), ports.clock.now())).to_lowercase();
    for (need, subject, who) in NEEDS {
        findings.push(judged(subject, who, rights.attempt(need, &nobodys).await, &place));
    }
    findings.push(costs("tenant usage"));
}

/// What is asked for costs, and is therefore not asked for here.
pub(super) fn costs(command: &str) -> Finding {
    let why = "each question to Cost Explorer (ce:GetCostAndUsage) costs 0.01 dollars";
    Finding::ok("Costs", format!("not tried, because {why}: `deployer {command}` asks"))
}

fn judged(subject: &str, who: &str, tried: Vec<Tried>, place: &BackendRef) -> Finding {
    let failed: Vec<(&str, PortError)> =
        tried.into_iter().filter_map(|tried| Some((tried.action, tried.answer.err()?))).collect();
    let Some((_, first)) = failed.first() else { return Finding::ok(subject, "done") };
    let attempted = subject.split_once(": ").map_or(subject, |(_, attempted)| attempted);
    let found = Finding::warning(subject, explain(first.clone(), attempted, &place.address).to_string());
    let denied = failed.iter().filter(|(_, error)| matches!(error, PortError::Denied(_)));
    let actions: Vec<&str> = denied.map(|(action, _)| *action).collect();
    let found = if actions.is_empty() { found } else { found.mend(format!("this is missing: {}", actions.join(", "))) };
    found.mend(format!("only {who} it: ask for access, or use a profile that has it"))
}

#[cfg(test)]
mod tests {
    use deployer_domain::backend::BackendAddress;

    use super::*;

    #[test]
    fn all_that_was_denied_is_named_and_nothing_else() {
        let place = BackendRef::from("s3://acme-state".parse::<BackendAddress>().unwrap());
        let denied = || Err(PortError::Denied("ECS answered AccessDenied".to_owned()));
        let tried = |actions: [(&'static str, _); 3]| {
            let tried = actions.map(|(action, answer)| Tried { action, answer });
            judged("Usage: measure what runs", "`deployer tenant usage` needs", tried.into(), &place)
        };
        let found = tried([("a:One", Ok(())), ("b:Two", denied()), ("c:Three", denied())]);
        assert_eq!(found.verdict, Verdict::Warning);
        assert!(found.message.contains("AccessDenied"), "{found:?}");
        assert_eq!(found.mends[0], "this is missing: b:Two, c:Three");
        assert_eq!(tried([("a:One", Ok(())), ("b:Two", Ok(())), ("c:Three", Ok(()))]).verdict, Verdict::Ok);
    }
}
