use super::*;
use crate::effort::Effort;
use crate::object::{ETag, WriteIf};
use crate::tenant::{Credentials, Limits, Storage, TenantStatus};

const REFERENCE: &str = r#"version: v1
metadata:
  created: 2024-01-15T10:00:00Z
  updated: 2024-01-15T11:00:00Z
  bucket: company-deployer-state
  region: us-east-1

config:
  lockTable: company-deployer-locks
  defaultVersion: v1

tenants:
  - id: notifications-team
    displayName: "Notifications Team"
    email: notifications-team@company.com
    created: 2024-01-15T11:00:00Z
    status: active

    credentials:
      hash: $2a$10$rX8vN3jH6tY4bZ1cF5aS0.KpLmQ2wR8vN3jH6tY4bZ1cF5aS0dGxY
      algorithm: bcrypt
      rotations: 0
      lastRotated: null

    storage:
      prefix: tenants/notifications-team
      version: v1
      path: tenants/notifications-team/v1

    locks:
      prefix: tenant:notifications-team

    aws:
      accountId: "123456789012"
      region: us-east-1

    limits:
      costTracking: true
      monthlyCostLimit: 5000
      maxStacks: 100
      maxServices: 500

    metadata:
      team: notifications
      department: engineering
"#;

fn now() -> Timestamp {
    "2024-02-01T09:00:00.25Z".parse().unwrap()
}

fn reference() -> Registry {
    Registry::parse(REFERENCE.as_bytes()).unwrap()
}

fn tenant(id: &str) -> Tenant {
    let id: TenantId = id.parse().unwrap();
    Tenant {
        display_name: "X: \"quoted\" # team".to_owned(),
        email: String::new(),
        created: now(),
        status: TenantStatus::Active,
        credentials: Credentials {
            hash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy".to_owned(),
            algorithm: "bcrypt".to_owned(),
            cost: Some(10),
            rotations: 0,
            last_rotated: None,
        },
        storage: Storage {
            prefix: format!("tenants/{id}"),
            version: StateVersion::default(),
            path: format!("tenants/{id}/v1"),
        },
        locks: None,
        aws: Default::default(),
        limits: Limits::default(),
        metadata: Default::default(),
        id,
    }
}

fn first(registry: &Registry) -> Tenant {
    registry.tenants().next().unwrap().as_ref().clone()
}

fn text(registry: &Registry) -> String {
    String::from_utf8(registry.to_bytes().unwrap()).unwrap()
}

fn problem(yaml: &str) -> crate::error::Problem {
    let error = Registry::parse(yaml.as_bytes()).unwrap_err();
    assert_eq!(error.reason, Reason::BackendUnavailable, "{error:?}");
    assert!(!error.hints.is_empty());
    error.problems.into_iter().next().unwrap_or_else(|| panic!("no problem"))
}

#[test]
fn the_references_document_is_read() {
    let registry = reference();
    let found = registry.tenant(&"notifications-team".parse().unwrap()).unwrap();
    assert_eq!(found.display_name, "Notifications Team");
    assert_eq!(found.aws.account_id, "123456789012");
    assert_eq!(found.limits.monthly_cost_limit, Some(5000));
    assert_eq!(found.space().path(), "tenants/notifications-team/v1");
    assert_eq!(registry.place().lock_table, "company-deployer-locks");
    assert_eq!(registry.generation(), 0);
}

#[test]
fn the_first_registry_has_the_references_shape() {
    let place = Place { bucket: "b-state".into(), region: "us-east-1".into(), lock_table: "b-locks".into() };
    let first = Registry::first(&place, now()).unwrap();
    let expected = "version: v1\nmetadata:\n  created: 2024-02-01T09:00:00Z\n  updated: 2024-02-01T09:00:00Z\n  \
                    bucket: b-state\n  region: us-east-1\n  generation: 1\nconfig:\n  lockTable: b-locks\n  \
                    defaultVersion: v1\ntenants: []\n";
    assert_eq!(text(&first), expected);
    assert_eq!(Registry::parse(expected.as_bytes()).unwrap().place(), place);
}

#[test]
fn an_edit_keeps_unknown_fields_and_the_order_of_everything() {
    let with_unknown = REFERENCE
        .replace("  region: us-east-1\n\nconfig", "  region: us-east-1\n  owner: platform\n\nconfig")
        .replace("    status: active", "    pager: \"+1 555\"\n    status: active")
        + "costCentres: [b, a]\n";
    let mut registry = Registry::parse(with_unknown.as_bytes()).unwrap();
    registry.add(&tenant("payments-team"), now()).unwrap();
    let mut suspended = first(&registry);
    suspended.status = TenantStatus::Suspended;
    registry.update(&suspended, now()).unwrap();
    let text = text(&registry);
    for kept in ["owner: platform", "pager: +1 555", "costCentres:\n- b\n- a", "status: suspended", "generation: 2"] {
        assert!(text.contains(kept), "{kept} is missing in {text}");
    }
    let order: Vec<usize> =
        ["version:", "metadata:", "config:", "id: notifications", "pager:", "id: payments", "costCentres"]
            .iter()
            .map(|part| text.find(part).unwrap())
            .collect();
    assert!(order.is_sorted(), "{text}");
    let again = Registry::parse(text.as_bytes()).unwrap();
    assert!(again.tenants().eq(registry.tenants()));
    assert_eq!(again.tenants().nth(1).unwrap().display_name, "X: \"quoted\" # team");
}

#[test]
fn an_id_is_taken_once() {
    let mut registry = reference();
    let error = registry.add(&tenant("notifications-team"), now()).unwrap_err();
    assert_eq!(error.reason, Reason::AlreadyExists);
    assert_eq!(registry.tenants().len(), 1);
}

#[test]
fn documents_of_other_libraries_are_read() {
    let pyyaml = REFERENCE
        .replace("2024-01-15T11:00:00Z", "2024-01-15 11:00:00+00:00")
        .replace("created: 2024-01-15T10:00:00Z", "created: 2024-01-15")
        .replace("\"123456789012\"", "12345678901")
        .replace("lastRotated: null", "lastRotated: 2024-01-20 14:30:00");
    let registry = Registry::parse(pyyaml.as_bytes()).unwrap();
    let found = first(&registry);
    assert_eq!(found.created, "2024-01-15T11:00:00Z".parse().unwrap());
    assert_eq!(found.credentials.last_rotated, Some("2024-01-20T14:30:00Z".parse().unwrap()));
    assert_eq!(found.aws.account_id, "012345678901");
    for empty in ["tenants:\n", "tenants: []\n", "tenants: null\n", ""] {
        assert!(Registry::parse(format!("version: v1\n{empty}").as_bytes()).unwrap().tenants().len() == 0);
    }
}

#[test]
fn a_malformed_document_says_line_and_column() {
    let cases = [
        ("    status: active", "\tstatus: active"),
        ("monthlyCostLimit: 5000", "monthlyCostLimit: lots"),
        ("id: notifications-team", "id: ../x"),
        ("    email:", "    displayName: twice\n    email:"),
        ("status: active", "status: [active"),
        ("version: v1", "version: 7"),
    ];
    for (from, to) in cases {
        let line = 1 + REFERENCE[..REFERENCE.find(from).unwrap()].matches('\n').count();
        let problem = problem(&REFERENCE.replace(from, to));
        assert_eq!(problem.file, "tenants.yaml");
        // The parser may notice in an enclosing mapping, or only at the next token.
        let near = usize::try_from(problem.line).unwrap().abs_diff(line) <= 4;
        assert!(near && problem.column > 0, "{problem} (expected {line})");
        assert!(!problem.message.contains("$2a$"), "{problem}");
    }
}

#[test]
fn a_key_without_a_value_is_an_empty_text() {
    let registry =
        Registry::parse(b"version: v1\nmetadata: { bucket: }\nconfig:\n  lockTable:\ntenants: []\n").unwrap();
    assert_eq!(registry.place(), Place::default());
}

#[test]
fn an_entry_that_contradicts_itself_is_named_with_its_line() {
    let cases = [
        ("prefix: tenants/notifications-team\n", "prefix: tenants/payments-team\n", "storage.prefix"),
        ("path: tenants/notifications-team/v1", "path: tenants/notifications-team/v2", "storage.path"),
        ("prefix: tenant:notifications-team", "prefix: tenant:x", "locks.prefix"),
        ("algorithm: bcrypt", "algorithm: md5", "algorithm"),
        ("hash: $2a$10$rX8v", "hash: rX8v", "credentials.hash"),
    ];
    for (from, to, what) in cases {
        let problem = problem(&REFERENCE.replace(from, to));
        assert!(problem.message.contains(what) && (problem.line, problem.column) == (13, 5), "{problem}");
    }
    let twice = REFERENCE.to_owned() + &REFERENCE[REFERENCE.find("  - id:").unwrap()..];
    let problem = problem(&twice);
    assert!(problem.message.contains("twice") && problem.line == 46, "{problem}");
}

#[test]
fn a_document_of_a_newer_release_is_refused_with_what_to_do() {
    let error = Registry::parse(REFERENCE.replace("version: v1\nm", "version: v2\nm").as_bytes()).unwrap_err();
    assert!(error.message.contains("newer deployer"), "{error}");
    assert!(error.hints[0].contains("upgrade"));
    assert!(problem("tenants: []").message.contains("version"));
    assert!(problem("version: one\ntenants: []").line == 1);
}

#[test]
fn what_is_no_registry_at_all_is_refused_and_quickly() {
    let begun = Effort::begin();
    let deep = "[".repeat(200_000);
    let aliases = (1..30).fold("version: v1\na0: &a0 [x]\n".to_owned(), |text, n| {
        format!("{text}a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)
    });
    for yaml in ["", "hello", "[]", "- a", "\u{0}", &deep, &format!("version: v1\na: {deep}"), &aliases] {
        assert!(Registry::parse(yaml.as_bytes()).is_err(), "{:.40}", yaml);
    }
    assert!(Registry::parse(&[0xff, 0xfe, 0x00]).is_err());
    assert!(begun.so_far().as_secs() < 10);
}

#[test]
fn no_hash_shows_in_debug() {
    let registry = reference();
    let derived = registry.derive(&"notifications-team".parse().unwrap());
    let shown = format!("{registry:?} {derived:?} {:?}", first(&registry));
    assert!(!shown.contains("$2a$"), "{shown}");
}

#[test]
fn a_derived_entry_is_read_back_as_it_is_written_with_unknown_fields() {
    let yaml = REFERENCE.replace("    status: active", "    pager: 555\n    status: active");
    let registry = Registry::parse(yaml.as_bytes()).unwrap();
    let derived = registry.derive(&"notifications-team".parse().unwrap()).unwrap();
    let bytes = derived.to_bytes().unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("pager: 555"));
    let again = Derived::parse(&bytes, "registry/notifications-team.yaml").unwrap();
    assert!(again.agrees_with(&derived));
    assert_eq!((again.tenant, again.place, again.generation), (derived.tenant, derived.place, 0));
    assert!(registry.derive(&"payments-team".parse().unwrap()).is_none());
    assert!(Derived::parse(REFERENCE.as_bytes(), "registry/x.yaml").is_err());
}

#[test]
fn a_derived_entry_is_repaired_unless_a_later_command_wrote_it() {
    let id: TenantId = "notifications-team".parse().unwrap();
    let mut registry = reference();
    let old = registry.derive(&id).unwrap();
    let mut changed = first(&registry);
    changed.status = TenantStatus::Suspended;
    registry.update(&changed, now()).unwrap();
    let new = registry.derive(&id).unwrap();
    let etag = || ETag("1".to_owned());
    let write = Repair::Write(WriteIf::Unchanged(etag()));
    assert_eq!(repair(&new, None), Repair::Write(WriteIf::Absent));
    assert_eq!(repair(&new, Some((Ok(old.clone()), etag()))), write);
    assert_eq!(repair(&old, Some((Ok(new.clone()), etag()))), Repair::None);
    assert_eq!(repair(&new, Some((Ok(new.clone()), etag()))), Repair::None);
    assert_eq!(repair(&new, Some((Derived::parse(b"x", "f"), etag()))), write);
}

/// The registry with a second entry that people wrote in their own way.
fn by_hand() -> String {
    let second = &REFERENCE[REFERENCE.find("  - id:").unwrap()..];
    let second =
        second.replace("notifications-team", "payments-team").replace("status: active", "status:   'active' # for now");
    format!(
        "{REFERENCE}\n  # Those who are paid.\n{second}    pager: |-\n      - id: x\n\n      tenants:\nowner: platform\n"
    )
}

#[test]
fn an_edit_changes_the_text_of_no_other_entry() {
    let text_before = by_hand();
    let mut registry = Registry::parse(text_before.as_bytes()).unwrap();
    assert_eq!(registry.indent, 2, "it was read entry by entry");
    let entries = &text_before[text_before.find("  - id:").unwrap()..text_before.find("owner").unwrap()];
    assert!(text(&registry).contains(entries), "{}", text(&registry));

    let mut changed = first(&registry);
    changed.status = TenantStatus::Suspended;
    registry.update(&changed, now()).unwrap();
    registry.add(&tenant("search-team"), now()).unwrap();
    let after = text(&registry);
    let untouched = &entries[entries.find("  - id: payments").unwrap()..];
    assert!(after.contains(untouched) && after.contains("  - id: search-team"), "{after}");
    let again = Registry::parse(after.as_bytes()).unwrap();
    assert!(again.tenants().eq(registry.tenants()) && again.indent == 2, "{after}");
    assert_eq!(
        again.tenants().map(|tenant| tenant.status.to_string()).collect::<Vec<_>>(),
        ["suspended", "active", "active"]
    );

    registry.remove(&"payments-team".parse().unwrap(), now());
    registry.remove(&"payments-team".parse().unwrap(), now());
    assert_eq!((registry.tenants().len(), registry.generation()), (2, 3));
    assert!(!text(&registry).contains("payments-team"), "{}", text(&registry));
}

#[test]
fn a_later_version_shares_the_entries_that_are_the_same() {
    let before = Registry::parse(by_hand().as_bytes()).unwrap();
    let later = before.parse_after(
        by_hand().replace("lastRotated: null", "lastRotated: 2024-02-01").replacen("2024-02-01", "null", 1).as_bytes(),
    );
    let later = later.unwrap();
    assert!(Arc::ptr_eq(&before.entries[0], &later.entries[0]));
    assert!(!Arc::ptr_eq(&before.entries[1], &later.entries[1]));
    assert!(later.tenants().nth(1).unwrap().credentials.last_rotated.is_some());
}

#[test]
fn a_document_means_the_same_however_it_is_written() {
    let plain = Registry::parse(by_hand().as_bytes()).unwrap();
    let value: Value = serde_yaml::from_str(&by_hand()).unwrap();
    let anchored = by_hand()
        .replacen("region: us-east-1\n\n    limits", "region: &region us-east-1\n\n    limits", 1)
        .replacen("region: us-east-1\n\n    limits", "region: *region\n\n    limits", 1);
    let one_line = serde_json::to_string(&serde_yaml::from_value::<serde_json::Value>(value).unwrap()).unwrap();
    let other_ways = [
        by_hand().replace('\n', "\r\n"),
        serde_yaml::to_string(&serde_yaml::from_str::<Value>(&by_hand()).unwrap()).unwrap(),
        by_hand().replace("tenants:\n\x20 -", "tenants: # ours\n\n  # The first.\n  -"),
        anchored,
        one_line,
    ];
    for other in other_ways {
        let read = Registry::parse(other.as_bytes()).unwrap_or_else(|error| panic!("{error:?} in {other}"));
        assert!(read.tenants().eq(plain.tenants()), "{other}");
        let again = Registry::parse(text(&read).as_bytes()).unwrap();
        assert!(again.tenants().eq(plain.tenants()), "{}", text(&read));
        assert!(text(&read).contains("owner: platform"), "{}", text(&read));
    }
}

#[test]
fn what_only_looks_like_an_entry_is_none() {
    let entries = &REFERENCE[REFERENCE.find("tenants:").unwrap()..];
    let quoted = format!(
        "{}note: \"\n{}\"\ntenants: []\n",
        &REFERENCE[..REFERENCE.find("tenants:").unwrap()],
        entries.replace('"', "'")
    );
    assert_eq!(Registry::parse(quoted.as_bytes()).unwrap().tenants().len(), 0);
    for wrong in [
        format!("{REFERENCE}tenants: []\n"),
        format!("{REFERENCE}...\n---\nversion: v1\n"),
        REFERENCE.replace("    email:", " email:"),
        REFERENCE.replace("    locks:\n", "    pager: 1\n    pager: 2\n    locks:\n"),
        REFERENCE.replace("tenants:\n", "tenants:\n  x: 1\n"),
    ] {
        assert!(!problem(&wrong).message.is_empty(), "{wrong}");
    }
}
