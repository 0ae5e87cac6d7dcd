use super::*;
use crate::run::ShownPlan;
use crate::state::Counts;

fn at(hours: i64) -> Timestamp {
    "2024-01-15T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

fn person(name: &str) -> Person {
    let identity = CloudIdentity {
        principal: format!("arn:aws:iam::123456789012:user/{name}"),
        account: "123456789012".to_owned(),
    };
    Person { actor: format!("{name}@company.com"), identity, host: "laptop".to_owned() }
}

fn request() -> ApprovalRequest {
    let (tenant, stack, environment): (TenantId, StackName, EnvironmentName) =
        ("web-team".parse().unwrap(), "shop".parse().unwrap(), "production".parse().unwrap());
    let plan = ShownPlan {
        tenant: tenant.clone(),
        stack: stack.clone(),
        environment: environment.clone(),
        operation: RunOperation::Apply,
        serial: 4,
        digest: "d1".to_owned(),
        steps: Vec::new(),
        counts: Counts::default(),
        warnings: Vec::new(),
        refusals: Vec::new(),
        changes: true,
        needs_approval: true,
        rollback_to: None,
        locked_by: String::new(),
        lock_unknown: false,
    };
    ApprovalRequest {
        format_version: APPROVAL_FORMAT,
        run: "01JD8Z3W9Q4V7M2K6H5T1R0XYZ".parse().unwrap(),
        tenant,
        stack,
        environment,
        operation: RunOperation::Apply,
        requested_by: person("alice"),
        requested: at(0),
        expires: at(24),
        digest: "d1".to_owned(),
        proposals: Approved::default(),
        plan,
        task: Task::default(),
    }
}

#[test]
fn another_person_approves_and_only_until_it_expires() {
    let request = request();
    assert_eq!(request.standing(None, at(1)), Standing::Pending);
    let decision = request.decide(Verdict::Approved, person("bob"), " looks good ", at(1)).unwrap();
    assert_eq!(
        (decision.comment.as_str(), request.standing(Some(&decision), at(2))),
        ("looks good", Standing::Approved)
    );
    assert_eq!(request.standing(Some(&decision), at(24)), Standing::Expired);
    assert_eq!(request.standing(None, at(24)), Standing::Expired);
    let late = request.decide(Verdict::Approved, person("bob"), "", at(24)).unwrap_err();
    assert_eq!(late.reason, Reason::AlreadyExists);
}

#[test]
fn nobody_approves_their_own_request_under_whatever_name() {
    let request = request();
    let alias = Person { actor: "somebody-else".to_owned(), ..person("alice") };
    assert_eq!(
        request.decide(Verdict::Approved, alias.clone(), "", at(1)).unwrap_err().reason,
        Reason::ApprovalRequired
    );
    let forged = Decision { by: alias.clone(), ..request.decide(Verdict::Approved, person("bob"), "", at(1)).unwrap() };
    assert_eq!(request.standing(Some(&forged), at(1)), Standing::Pending, "a document that says so counts for nothing");
    let withdrawn = request.decide(Verdict::Rejected, alias, "", at(1)).unwrap();
    assert_eq!(request.standing(Some(&withdrawn), at(1)), Standing::Withdrawn);
}

#[test]
fn a_decision_about_another_plan_or_run_is_none() {
    let request = request();
    let decision = request.decide(Verdict::Approved, person("bob"), "", at(1)).unwrap();
    let other_plan = Decision { digest: "d2".to_owned(), ..decision.clone() };
    let other_run = Decision { run: "01JD8Z3W9Q4V7M2K6H5T1R0XYA".parse().unwrap(), ..decision };
    for decision in [other_plan, other_run] {
        assert_eq!(request.standing(Some(&decision), at(1)), Standing::Pending);
    }
}

#[test]
fn sessions_of_one_role_are_one_person_unless_identity_center_named_them() {
    let identity = |principal: &str| CloudIdentity { principal: principal.to_owned(), account: "1".to_owned() };
    let same = |a: &str, b: &str| identity(a).is_same_person(&identity(b));
    let deploy = "arn:aws:sts::1:assumed-role/Deploy/";
    let sso = "arn:aws:sts::1:assumed-role/AWSReservedSSO_Deploy_0a1b/";
    assert!(same(&format!("{deploy}alice"), &format!("{deploy}bob")), "a session may be named as one likes");
    assert!(!same(&format!("{sso}alice@company.com"), &format!("{sso}bob@company.com")));
    assert!(same(&format!("{sso}alice@company.com"), &format!("{sso}alice@company.com")));
    assert!(!same("user:alice@laptop", "user:bob@laptop"));
    assert!(!same("arn:aws:iam::1:user/alice", "arn:aws:iam::1:user/bob"));
}

#[test]
fn documents_are_read_back_and_newer_ones_refused() {
    let request = request();
    assert_eq!(ApprovalRequest::parse(&request.to_bytes()).unwrap(), request);
    let decision = request.decide(Verdict::Rejected, person("bob"), "no", at(1)).unwrap();
    assert_eq!(Decision::parse(&decision.to_bytes()).unwrap(), decision);
    for bytes in [&b"{\"formatVersion\": 9}"[..], b"[]", b"{\"formatVersion\": 1}"] {
        assert_eq!(Decision::parse(bytes).unwrap_err().reason, Reason::StateConflict);
    }
}

#[test]
fn a_refusal_says_who_and_what_to_do() {
    let request = request();
    let decision = request.decide(Verdict::Rejected, person("bob"), "not on a Friday", at(1)).unwrap();
    let refusal = request.refusal(Standing::Rejected, Some(&decision));
    assert_eq!(refusal.reason, Reason::ApprovalRequired);
    assert!(refusal.facts.iter().any(|(_, value)| value == "not on a Friday"), "{refusal:?}");
    assert!(refusal.hints.iter().any(|hint| hint.contains("deployer apply --stack shop")), "{refusal:?}");
}
