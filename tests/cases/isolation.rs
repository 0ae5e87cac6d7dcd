//! No way leads to another tenant's keys: every one that a person could try is tried, and the role that the cloud is given
//! names one tenant only.

use harness::boto::boto;
use harness::scenes::{Platform, platforms};

use crate::cloudformation::{self, AWS};

/// Everything that another tenant has, byte for byte.
fn belongings(platform: &Platform) -> Vec<(String, String)> {
    let keys = platform.keys("tenants/other-team/").into_iter().chain(platform.keys("registry/other-team"));
    keys.filter(|key| !key.ends_with('/') && !key.contains("/audit/"))
        .map(|key| (key.clone(), platform.document(&key)))
        .collect()
}

fn refuse(platform: &Platform, arguments: &[&str]) {
    let output = platform.world.run(arguments.iter().copied());
    assert!(matches!(output.code, Some(4 | 6 | 8 | 64 | 1)), "{output}");
    assert!(!output.stdout.contains("other-team") && !output.stdout.contains("hidden"), "{output}");
}

#[test]
fn no_name_version_entry_link_or_component_leads_to_another_tenant() {
    for platform in platforms() {
        let platform = platform.with_team("other-team").in_development();
        platform.write_stack("hidden", &["a: { type: command, apply: 'true' }"]);
        platform.apply("hidden").succeeds();
        let before = belongings(&platform);
        assert!(before.iter().any(|(key, _)| key.ends_with("state.json")), "{before:?}");
        let secret = platform.create_tenant("web-team");
        platform.sign_in("web-team", &secret);
        let mut platform = platform;
        platform.world = platform.world.with("DEPLOYER_TENANT", "web-team");

        // Names: of stacks, environments, components, runs, contexts.
        for name in [
            "../../other-team/v1/stacks/hidden",
            "..",
            "hidden/../hidden",
            "%2e%2e",
            "hidden\u{0}",
            "other-team:stack:hidden",
        ] {
            for verb in ["outputs", "history", "status", "destroy", "rollback"] {
                refuse(&platform, &[verb, "--stack", &name.replace('\u{0}', "\\0"), "--environment", "development"]);
            }
            refuse(&platform, &["lock", "show", "--stack", "hidden", "--environment", &name.replace('\u{0}', "\\0")]);
        }
        refuse(&platform, &["outputs", "--stack", "hidden"]);
        refuse(&platform, &["run", "show", "../../../other-team/v1/stacks/hidden/development/runs/x"]);
        refuse(&platform, &["run", "list", "--tenant", "../other-team"]);
        assert!(!platform.world.run(["run", "list", "-o", "json"]).succeeds().stdout.contains("hidden"));

        // Entries that were crafted: another's path, another's id, a version that climbs.
        let entry = platform.document("registry/web-team.yaml");
        let fresh = || {
            let stacks = platform.world.command(["--no-daemon", "tenant", "stacks"]);
            stacks.env("DEPLOYER_SECRET", &secret).env("DEPLOYER_BACKEND", &platform.address).run()
        };
        fresh().succeeds();
        for (from, to) in [
            ("path: tenants/web-team/v1", "path: tenants/other-team/v1"),
            ("prefix: tenants/web-team", "prefix: tenants/other-team"),
            ("id: web-team", "id: other-team"),
            ("version: v1\n    path", "version: ../../other-team/v1\n    path"),
            ("prefix: tenant:web-team", "prefix: tenant:other-team"),
        ] {
            let crafted = entry.replace(from, to);
            assert_ne!(crafted, entry, "{from} is in {entry}");
            platform.put_document("registry/web-team.yaml", &crafted);
            let output = fresh();
            assert!(output.code != Some(0) && !output.stdout.contains("hidden"), "{to}: {output}");
            assert!(!output.stderr.contains("Invalid credentials"), "refused for what it is: {to}: {output}");
        }
        platform.put_document("registry/web-team.yaml", &entry);

        // Links and files of a stack: out of its directory.
        platform.write_stack("shop", &["t: { type: cloudformation, template: link.yaml }"]);
        let link = platform.world.work().join("shop/link.yaml");
        std::os::unix::fs::symlink("../hidden/stack.yaml", link).unwrap();
        refuse(&platform, &["plan", "--stack", "shop"]);
        platform.write_stack("shop", &["t: { type: terraform, source: ../hidden }"]);
        refuse(&platform, &["plan", "--stack", "shop"]);
        // A module that would keep its state elsewhere.
        platform.write_stack("shop", &["t: { type: terraform, source: ./module }"]);
        let elsewhere = "terraform {\n  backend \"http\" { address = \"http://127.0.0.1:9/other-team\" }\n}\n";
        platform.world.write("shop/module/main.tf", elsewhere);
        refuse(&platform, &["apply", "--stack", "shop", "--yes"]);

        assert_eq!(belongings(&platform), before, "nothing of the other team changed");
    }
}

#[test]
fn the_role_of_a_tenant_names_that_tenant_and_exact_principals_only() {
    let team = cloudformation::team();
    let policy =
        |more: &[&str]| team.world.run(["tenant", "policy", "web-team"].into_iter().chain(more.iter().copied()));
    policy(&[]).succeeds().says("deployer-tenant-web-team").says("Nothing was changed");
    policy(&["--apply", "--yes"]).exits(64).complains("--principal");
    for wide in ["*", "arn:aws:iam::000000000000:root"] {
        policy(&["--principal", wide]).exits(64).complains("is no exact role or user");
    }
    let principal = ["--principal", "arn:aws:iam::000000000000:role/ci", "--apply", "--yes"];
    policy(&principal).succeeds().says("The role was made");
    policy(&principal).succeeds().says("The role was changed");
    let stored = boto(
        &AWS,
        "iam = boto3.client('iam'); name = 'deployer-tenant-web-team'\n\
         answer([iam.get_role(RoleName=name)['Role']['AssumeRolePolicyDocument'], \
         iam.get_role_policy(RoleName=name, PolicyName='deployer-tenant')['PolicyDocument']])",
    );
    let text = stored.to_string();
    assert!(
        text.contains("role/ci") && text.contains("tenants/web-team/v*/*") && text.contains("tenant:web-team:*"),
        "{text}"
    );
    let audit = team.world.run(["audit", "--since", "1h", "-o", "json"]).succeeds();
    assert!(audit.stdout.contains("tenant.policy"), "{audit}");
    let local = Platform::local();
    local.create_tenant("web-team");
    local.world.run(["tenant", "policy", "web-team"]).exits(64).complains("has no roles");
}
