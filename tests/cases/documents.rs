//! What is stored is everybody's to read, and what others wrote is read: with the provider's own tools, on both backends.

use harness::scenes::{Platform, teams};
use harness::wait;
use serde_json::{Value, json};
use serde_yaml::Value as Yaml;

const LOCK: &str = "tenant:web-team:stack:shop:env:development";
const PLACE: &str = "tenants/web-team/v1/stacks/shop/development";

fn yaml(text: &str) -> Yaml {
    serde_yaml::from_str(text).unwrap()
}

fn hash_of(team: &Platform, tenant: &str) -> String {
    let entry = yaml(&team.document(&format!("registry/{tenant}.yaml")));
    let text = serde_yaml::to_string(&entry).unwrap();
    let start = text.find("$2").expect("a bcrypt hash");
    text[start..start + 60].to_owned()
}

#[test]
fn the_registry_has_every_field_of_the_reference() {
    for team in teams() {
        let document = yaml(&team.document("tenants.yaml"));
        assert_eq!(document["version"], "v1");
        for field in ["created", "updated", "bucket", "region"] {
            assert!(document["metadata"].get(field).is_some(), "no metadata.{field}");
        }
        assert_eq!(document["config"]["defaultVersion"], "v1");
        assert!(document["config"]["lockTable"].is_string());
        let tenant = &document["tenants"][0];
        let expected = [("id", "web-team"), ("displayName", "Web Team"), ("status", "active")];
        for (field, value) in expected {
            assert_eq!(tenant[field], value, "{field}");
        }
        let nested = [
            ("credentials", "algorithm", json!("bcrypt")),
            ("credentials", "cost", json!(10)),
            ("credentials", "rotations", json!(0)),
            ("credentials", "lastRotated", Value::Null),
            ("storage", "prefix", json!("tenants/web-team")),
            ("storage", "version", json!("v1")),
            ("storage", "path", json!("tenants/web-team/v1")),
            ("locks", "prefix", json!("tenant:web-team")),
            ("limits", "maxStacks", json!(100)),
            ("limits", "maxServices", json!(500)),
            ("metadata", "team", json!("web")),
        ];
        for (part, field, value) in nested {
            let found = tenant[part].get(field).unwrap_or_else(|| panic!("no {part}.{field}"));
            assert_eq!(serde_json::to_value(found).unwrap(), value, "{part}.{field}");
        }
        assert!(tenant["credentials"]["hash"].as_str().unwrap().starts_with("$2"));
        let config = yaml(&team.document("tenants/web-team/tenant.yaml"));
        assert_eq!(config["config"]["policies"]["requireApprovalForProduction"], true);
        assert_eq!(config["locks"]["prefix"], "tenant:web-team");
    }
}

#[test]
fn state_history_and_lock_are_as_designed() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'touch began; until [ -e go ]; do sleep 0.02; done' }"]);
        let applying = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
        wait::until("the command runs", || team.world.work().join("shop/began").exists());
        let held = team.lock_item(LOCK);
        for (field, value) in [
            ("LockID", json!(LOCK)),
            ("TenantID", json!("web-team")),
            ("StackName", json!("shop")),
            ("Environment", json!("development")),
            ("LockedBy", json!("tester")),
            ("LockState", json!("HELD")),
            ("Operation", json!("apply")),
            ("FencingToken", json!(1)),
        ] {
            assert_eq!(held[field], value, "{held}");
        }
        let number = |field: &str| held[field].as_i64().unwrap_or_else(|| panic!("{field} is no number in {held}"));
        assert_eq!(number("LockExpiry"), number("Heartbeat") + 3600);
        assert_eq!(number("TTL"), number("LockExpiry") + 3600);
        assert!(held["LockedAt"].as_str().unwrap().ends_with('Z') && held["Version"].is_string(), "{held}");
        team.world.write("shop/go", "");
        applying.wait().succeeds();

        let released = team.lock_item(LOCK);
        assert_eq!((&released["LockState"], &released["LockExpiry"]), (&json!("RELEASED"), &json!(0)), "{released}");
        assert_eq!((&released["LockedBy"], &released["FencingToken"]), (&json!(""), &json!(1)), "{released}");
        let state = team.json_document(&format!("{PLACE}/state.json"));
        assert_eq!(
            (&state["formatVersion"], &state["fence"], &state["historyNumber"]),
            (&json!(1), &json!(1), &json!(1))
        );
        for field in ["serial", "session", "writeId", "inFlight", "source"] {
            assert!(state.get(field).is_some(), "no {field} in {state}");
        }
        assert_eq!(state["components"]["s.a"]["status"], "deployed", "{state}");
        let history = team.json_document(&format!("{PLACE}/history/001.json"));
        assert_eq!((&history["actor"], &history["result"]), (&json!("tester"), &json!("succeeded")), "{history}");
        let source = state["source"].as_str().unwrap();
        assert_eq!(team.keys(&format!("{PLACE}/sources/")), [format!("{PLACE}/sources/{source}.tar.zst")]);
    }
}

#[test]
fn a_registry_that_was_written_by_hand_is_read_and_keeps_what_only_its_author_knows() {
    for platform in teams() {
        let hash = hash_of(&platform, "web-team").replacen("$2b$", "$2a$", 1);
        let secret = platform.create_tenant("spare-team");
        let spare = hash_of(&platform, "spare-team").replacen("$2b$", "$2a$", 1);
        let document = format!(
            "version: v1\nmetadata:\n  created: 2024-01-15T10:00:00Z\n  updated: 2024-01-15T11:00:00Z\n  bucket: \
             company-deployer-state\n  region: eu-west-1\n  owner: platform@company.com\n\nconfig:\n  lockTable: \
             company-deployer-locks\n  defaultVersion: v1\n\ntenants:\n  - id: zebra-team\n    displayName: \"Zebra \
             Team\"\n    created: 2024-01-15T11:00:00Z\n    status: active\n    pager: 555-0100\n    credentials:\n      \
             hash: {spare}\n      algorithm: bcrypt\n      rotations: 0\n      lastRotated: null\n    storage:\n      \
             prefix: tenants/zebra-team\n      version: v1\n      path: tenants/zebra-team/v1\n    locks:\n      prefix: \
             tenant:zebra-team\n  - id: web-team\n    displayName: \"Web Team\"\n    created: 2024-01-15T11:00:00Z\n    \
             status: active\n    credentials:\n      hash: {hash}\n      algorithm: bcrypt\n    storage:\n      prefix: \
             tenants/web-team\n      version: v1\n      path: tenants/web-team/v1\n    locks:\n      prefix: tenant:web-team\n"
        );
        platform.put_document("tenants.yaml", &document);
        platform.sign_in("zebra-team", &secret);
        platform.world.run(["tenant", "details"]).succeeds().says("Zebra Team").says("2024-01-15");
        platform.world.run(["tenant", "init", "alpha-team", "-q"]).succeeds();
        let after = yaml(&platform.document("tenants.yaml"));
        assert_eq!(after["metadata"]["owner"], "platform@company.com");
        assert_eq!(after["tenants"][0]["pager"], "555-0100");
        let ids: Vec<_> = after["tenants"].as_sequence().unwrap().iter().map(|t| t["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["zebra-team", "web-team", "alpha-team"]);
        assert_ne!(after["metadata"]["updated"], "2024-01-15T11:00:00Z");
    }
}

#[test]
fn a_state_and_a_history_that_others_wrote_are_read_and_gone_on_from() {
    for team in teams() {
        team.write_stack(
            "shop",
            &["a: { type: command, apply: 'echo \"{\\\"url\\\": \\\"one\\\"}\" > $DEPLOYER_OUTPUTS' }"],
        );
        team.apply("shop").succeeds();
        let (state_key, second) = (format!("{PLACE}/state.json"), format!("{PLACE}/history/002.json"));
        let mut state = team.json_document(&state_key);
        state["components"]["s.a"]["outputs"]["url"]["value"] = json!("https://by-hand.example.com");
        state["historyNumber"] = json!(2);
        // As after a plain `aws s3 sync` of documents from before there were versions.
        state.as_object_mut().unwrap().remove("formatVersion");
        let mut history = team.json_document(&format!("{PLACE}/history/001.json"));
        history["actor"] = json!("somebody-else");
        history["number"] = json!(2);
        team.put_document(&second, history.to_string());
        team.put_document(&state_key, serde_json::to_string_pretty(&state).unwrap());

        team.world.run(["outputs", "--stack", "shop"]).succeeds().says("https://by-hand.example.com");
        let rows = team.world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json()["rows"].clone();
        assert_eq!((&rows[0]["number"], &rows[0]["actor"]), (&json!(2), &json!("somebody-else")), "{rows}");
        team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
        team.apply("shop").succeeds().says("History: #3");
        assert_eq!(team.json_document(&state_key)["formatVersion"], 1);
    }
}

#[test]
fn a_state_of_a_newer_release_is_refused_and_left_alone() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'echo ran >> ran' }"]);
        team.apply("shop").succeeds();
        let key = format!("{PLACE}/state.json");
        let mut state = team.json_document(&key);
        state["formatVersion"] = json!(99);
        team.put_document(&key, state.to_string());
        for command in [&["plan"][..], &["apply", "--yes"], &["status"], &["outputs"], &["destroy", "--yes"]] {
            let output = team.world.run(command.iter().chain(&["--stack", "shop"]).copied()).exits(6);
            output.complains("state.json").complains("upgrade");
        }
        assert_eq!(team.json_document(&key), state);
        assert_eq!(std::fs::read_to_string(team.world.work().join("shop/ran")).unwrap(), "ran\n");
    }
}

#[test]
fn a_state_that_cannot_be_read_hides_no_other() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
        team.write_stack("blog", &["a: { type: command, apply: 'true' }"]);
        team.apply("shop").succeeds();
        team.apply("blog").succeeds();
        team.put_document(&format!("{PLACE}/state.json"), "{\"formatVersion\": 99, \"writtenBy\": \"deployer 9.0\"}");
        for list in [["tenant", "stacks"], ["stack", "list"]] {
            let rows = team.world.run(list.iter().chain(&["-o", "json"]).copied()).succeeds().json()["stacks"].clone();
            let told = |at: usize| (rows[at]["stack"].clone(), rows[at]["status"].clone());
            assert_eq!((told(0), told(1)), ((json!("blog"), json!("deployed")), (json!("shop"), json!("unreadable"))));
            assert_eq!(rows[0]["problem"], "", "{rows}");
            assert!(rows[1]["problem"].as_str().unwrap().contains("made by deployer 9.0, upgrade"), "{rows}");
            let text = team.world.run(list).succeeds().says("unreadable");
            text.complains("shop/development/state.json cannot be read: made by deployer 9.0");
        }
        let details = team.world.run(["tenant", "details"]).succeeds();
        details.says("blog (1 service, development)").says("shop (its state cannot be read, development)");
        team.world.run(["tenant", "show", "web-team"]).succeeds().complains("state.json cannot be read");
        team.world.run(["tenant", "usage"]).succeeds().says("state.json cannot be read");
        let listed = team.world.run(["tenant", "list", "--refresh"]).succeeds();
        listed.says("1 state of web-team cannot be read").says("Total: 1 tenant, 2 stacks");
        team.world.run(["tenant", "stats", "--refresh"]).succeeds().says("1 state of web-team cannot be read");

        // Others work on.
        team.write_stack("wiki", &["a: { type: command, apply: 'true' }"]);
        team.apply("wiki").succeeds();
        team.world.run(["tenant", "delete", "web-team", "--confirm"]).exits(6).complains("upgrade");
    }
}

#[test]
fn a_lock_that_an_older_tool_holds_is_respected_and_named() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'touch ran' }"]);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        team.put_lock_item(&json!({
            "LockID": LOCK,
            "TenantID": "web-team",
            "StackName": "shop",
            "Environment": "development",
            "LockedBy": "alice@company.com",
            "LockedAt": "2024-01-15T14:30:00Z",
            "LockExpiry": now + 3600,
            "Heartbeat": now,
            "Version": "v1.0.0",
            "TTL": now + 7200,
        }));
        team.apply("shop").exits(5).complains("shop/development is locked").complains("alice@company.com");
        team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("alice@company.com");
        let listed = team.world.run(["lock", "list", "-o", "json"]).succeeds().json()["locks"].clone();
        assert_eq!(listed[0]["lockedBy"], "alice@company.com", "{listed}");
        assert!(!team.world.work().join("shop/ran").exists());
    }
}

#[test]
fn a_registry_that_cannot_be_read_is_named_with_its_line_and_column() {
    for team in teams() {
        team.put_document(
            "tenants.yaml",
            "version: v1\nmetadata: {}\nconfig: {}\ntenants:\n  - id: web-team\n   status: x\n",
        );
        let output = team.world.run(["tenant", "list"]).exits(1);
        assert!(output.stderr.contains("tenants.yaml:6:"), "{output}");
        team.put_document("tenants.yaml", "version: v1\ntenants:\n  - id: Not An Id\n");
        let output = team.world.run(["tenant", "init", "new-team"]).exits(1);
        assert!(output.stderr.contains("tenants.yaml:3:"), "{output}");
        team.put_document("tenants.yaml", "version: v9\ntenants: []\n");
        team.world.run(["tenant", "list"]).exits(1).complains("v9").complains("upgrade");
        // The team works on by its own entry.
        team.world.run(["tenant", "details"]).succeeds();
    }
}
