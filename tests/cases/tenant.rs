//! Tenants as an admin makes and sees them.

use harness::World;
use harness::scenes::{PASSWORD, Platform, platforms, teams};
use serde_json::json;

fn secret_is_as_promised(secret: &str, prefix: &str) {
    let random = secret.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).unwrap_or_default();
    assert!(random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
}

#[test]
fn a_new_tenant_is_told_as_in_the_reference_and_its_secret_once() {
    for platform in platforms() {
        let arguments = ["tenant", "init", "notifications-team", "--email", "notifications-team@company.com"];
        let more = ["--account-id", "123456789012", "--monthly-cost-limit", "5000", "--department", "engineering"];
        let output = platform.world.run(arguments.into_iter().chain(more)).succeeds();
        assert_eq!(
            output.stderr,
            "\nCreating tenant...\n├── Generating tenant ID... ✓\n├── Generating credentials... ✓\n├── Creating S3 prefix... \
             ✓\n├── Updating tenants.yaml... ✓\n└── Tenant created successfully ✓\n"
        );
        let lines: Vec<&str> = output.stdout.lines().collect();
        let secret = lines.iter().find_map(|line| line.strip_prefix("Tenant Secret: ")).expect("the secret");
        secret_is_as_promised(secret, "ntfy");
        let rule = "─".repeat(48);
        let (place, share) = match platform.address.strip_prefix("s3://") {
            Some(bucket) => ("S3 Path", format!("  Bucket: {bucket}\n  Region: eu-west-1\n")),
            None => ("Path", format!("  Backend: {}\n", platform.address)),
        };
        let expected = format!(
            "{rule}\n✓ Tenant Created\n\nTenant ID: notifications-team\nTenant Secret: {secret}\n               {}\n               \
             SAVE THIS - IT CANNOT BE RECOVERED\n\n{place}: {}/tenants/notifications-team/v1/\nLock Prefix: \
             tenant:notifications-team:\n\nShare with team:\n  Tenant: notifications-team\n  Secret: {secret}\n{share}{rule}\n\n⚠ \
             IMPORTANT: Store the tenant secret securely.\n   It cannot be retrieved later.",
            "^".repeat(secret.len()),
            platform.address,
        );
        assert!(output.stdout.starts_with(&expected), "expected\n{expected}\n{output}");
        for key in platform.keys("") {
            assert!(!platform.document_bytes_hold(&key, secret), "the secret lies in {key}");
        }
        let shown = platform.world.run(["tenant", "show", "notifications-team"]).succeeds();
        for part in [
            "Tenant: notifications-team\n",
            "Display Name: Notifications Team\n",
            "Email: notifications-team@company.com\n",
            "Status: Active\n",
            "  Last Rotated: Never\n  Rotations: 0\n",
            "  Stacks: 0 / 100\n  Services: 0 / 500\n  Cost: unknown / $5,000\n",
        ] {
            assert!(shown.stdout.contains(part), "no {part:?} in {shown}");
        }
    }
}

#[test]
fn secrets_have_the_prefix_of_their_team() {
    let platform = Platform::local();
    for (name, flag, prefix) in [
        ("payments-team", None, "pymt"),
        ("analytics-team", None, "anly"),
        ("web-team", None, "dplr"),
        ("mail-team", Some("mail"), "mail"),
    ] {
        let prefixed = flag.map(|flag| ["--secret-prefix", flag]).into_iter().flatten();
        let output = platform.world.run(["tenant", "init", name, "-q"].into_iter().chain(prefixed)).succeeds();
        secret_is_as_promised(output.stdout.trim(), prefix);
        assert_eq!(output.stderr, "");
    }
}

#[test]
fn names_that_no_tenant_can_have_are_refused_and_nothing_is_written() {
    for platform in platforms() {
        let before = platform.document("tenants.yaml");
        let long = "x".repeat(300);
        for name in ["../x", "a/b", "x", "9lives", "A b", "Web-Team", "web_team", "ünïcode", "a\u{7}b", long.as_str()]
        {
            for verb in ["init", "show"] {
                let output = platform.world.run(["tenant", verb, "--", name]).exits(64);
                assert!(output.stderr.contains("is not valid") && output.stderr.len() < 600, "{output}");
            }
        }
        platform.world.run(["tenant", "init", "web-team", "--account-id", "12"]).exits(64).complains("12 digits");
        platform.world.run(["tenant", "init", "web-team", "--email", "nobody"]).exits(64).complains("team@company.com");
        assert_eq!(platform.document("tenants.yaml"), before);
    }
}

#[test]
fn two_admins_at_once_lose_nothing() {
    for platform in platforms() {
        let other = World::new();
        let other = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DEPLOYER_REGION"]
            .into_iter()
            .filter_map(|name| Some((name, platform.world.variable(name)?)))
            .fold(other, |world, (name, value)| world.with(name, value));
        let login = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
        other.command(login).stdin(PASSWORD).run().succeeds();
        let names: Vec<String> = (0..10).map(|n| format!("team-{n}")).collect();
        let creating: Vec<_> = (names.iter().zip([&platform.world, &other].into_iter().cycle()))
            .map(|(name, world)| world.command(["tenant", "init", name, "-q"]).spawn())
            .collect();
        let secrets: Vec<String> = creating.into_iter().map(|one| one.wait().succeeds().stdout).collect();
        let listed = other.run(["tenant", "list", "-q"]).succeeds().stdout;
        for (name, secret) in names.iter().zip(&secrets) {
            assert!(listed.lines().any(|line| line == name), "{name} is lost: {listed}");
            platform.sign_in(name, secret.trim());
        }
        platform.world.run(["tenant", "init", "team-3"]).exits(6).complains("team-3");
    }
}

#[test]
fn an_empty_platform_says_what_comes_first() {
    let platform = Platform::local();
    platform.world.run(["tenant", "list"]).succeeds().says("deployer tenant init");
    assert_eq!(platform.world.run(["tenant", "list", "-o", "json"]).succeeds().json()["tenants"], json!([]));
}

#[test]
fn teams_see_their_own_details_and_stacks_only() {
    for team in teams() {
        team.create_tenant("other-team");
        team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
        team.apply("shop").succeeds();
        let details = team.world.run(["tenant", "details"]).succeeds();
        for part in
            ["Name: Web Team (web-team)", "Stacks: 1 / 100", "• shop (1 service, development)", "Deployments: 1"]
        {
            assert!(details.stdout.contains(part), "no {part:?} in {details}");
        }
        team.world.run(["tenant", "stacks"]).succeeds().says("shop").says("Total: 1 deployment");
        team.world.run(["tenant", "show", "web-team"]).succeeds().says("• shop (development, 1 service)");
        team.world.run(["tenant", "list", "--refresh"]).succeeds().says("Total: 2 tenants, 1 stack");
        let stats = team.world.run(["tenant", "stats", "-o", "json"]).succeeds().json();
        let sums = ["active", "stacks", "services", "deploymentsThisMonth"].map(|field| stats[field].as_u64());
        assert_eq!(sums, [Some(2), Some(1), Some(1), Some(1)], "{stats}");
        assert!(stats["cost"].is_null(), "nothing is known of cost: {stats}");
        team.world.run(["admin", "logout"]).succeeds();
        team.world.run(["tenant", "show", "other-team"]).exits(4);
    }
}
