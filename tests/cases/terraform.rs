//! Components that are Terraform modules, with the real program.

use harness::scenes::{Platform, team, teams};
use harness::terminal::Terminal;
use harness::terraform::{NULL_VERSION, installed, with_null_provider, with_program};
use harness::wait;

/// The team, if Terraform is installed.
pub fn with_terraform(mut team: Platform) -> Option<Platform> {
    let directory = installed()?;
    team.world = with_program(team.world, &directory);
    Some(team)
}

/// A resource that remembers a name, and tells it.
const NAMED: &str = "variable \"name\" {}\nresource \"terraform_data\" \"x\" {\n  input = var.name\n}\n\
    output \"name\" {\n  value = \"<${terraform_data.x.output}>\"\n}\noutput \"id\" {\n  value = terraform_data.x.id\n}\n";

/// A component that is the module in `modules/NAME`.
fn module(name: &str, variables: &str) -> String {
    format!("{name}: {{ type: terraform, source: ./modules/{name}, variables: {{ {variables} }} }}")
}

fn outputs(team: &Platform, stack: &str) -> serde_json::Value {
    let outputs = team.world.run(["outputs", "--stack", stack, "-o", "json"]).succeeds().json();
    let outputs = outputs["outputs"].as_array().unwrap().iter();
    let named = |output: &serde_json::Value| format!("{}.{}", output["component"], output["name"]).replace('"', "");
    outputs.map(|output| (named(output), output["value"].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn a_module_is_made_changed_left_alone_looked_at_and_destroyed_on_both_backends() {
    for team in teams() {
        let Some(team) = with_terraform(team) else { return };
        team.world.write("shop/modules/named/main.tf", NAMED);
        let stack = |name: &str| {
            let seed = format!(
                "seed: {{ type: command, apply: 'printf \"{{\\\"name\\\": \\\"{name}\\\"}}\" > $DEPLOYER_OUTPUTS' }}"
            );
            let named = module("named", "name: '${s.seed.name}'");
            let told =
                "told: { type: command, environment: { NAME: '${s.named.name}' }, apply: 'echo \"$NAME\" >> told' }";
            team.write_stack("shop", &[&seed, &named, told]);
        };
        let told = || std::fs::read_to_string(team.world.work().join("shop/told")).unwrap();
        stack("one");
        team.apply("shop").succeeds().complains("terraform_data.x: Creation complete");
        assert_eq!(told(), "<one>\n");
        let first = outputs(&team, "shop");
        assert_eq!(first["s.named.name"], "<one>");
        team.apply("shop").succeeds().says("No changes");
        team.world.run(["status", "--stack", "shop", "--component", "s.named"]).succeeds().says("Healthy");

        stack("two");
        team.apply("shop").succeeds();
        assert_eq!(told(), "<one>\n<two>\n");
        assert_eq!(outputs(&team, "shop")["s.named.id"], first["s.named.id"], "it was changed in place");
        team.world.run(["drift", "--stack", "shop", "--component", "s.named"]).succeeds().says("in-sync");

        team.world
            .run(["destroy", "--stack", "shop", "--yes"])
            .succeeds()
            .complains("terraform_data.x: Destruction complete");
        assert!(
            !team.world.state_directory().join("terraform/work").read_dir().unwrap().any(|_| true),
            "nothing is left"
        );
    }
}

#[test]
fn a_plan_shows_each_resource_and_exactly_that_is_applied() {
    let Some(team) = with_terraform(team()) else { return };
    team.world.write("shop/modules/named/main.tf", NAMED);
    team.write_stack("shop", &[&module("named", "name: one")]);
    let plan = team.world.run(["plan", "--stack", "shop", "-o", "json"]).succeeds().json();
    let resources = plan["steps"][0]["resources"].as_array().unwrap().clone();
    assert_eq!((&resources[0]["action"], &resources[0]["name"]), (&"add".into(), &"terraform_data.x".into()), "{plan}");
    let mut terminal = Terminal::new(team.world.command(["apply", "--stack", "shop"]), 100, 40);
    terminal.wait_for("Continue?");
    assert!(terminal.text().contains("+ terraform_data.x"), "{}", terminal.text());
    terminal.type_in("yes\r");
    let (code, text) = terminal.wait();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(outputs(&team, "shop")["s.named.name"], "<one>");

    // A resource that is not in the module any more is loud.
    team.world.write("shop/modules/named/main.tf", "variable \"name\" {}\n");
    let plan = team.world.run(["plan", "--stack", "shop"]).succeeds().says("terraform_data.x").says("REMOVED");
    drop(plan.says("it is not in the module any more"));
}

#[test]
fn a_failed_apply_says_which_resource_and_why_and_keeps_what_was_made() {
    let Some(team) = with_terraform(team()) else { return };
    let fails = |command: &str| {
        format!(
            "resource \"terraform_data\" \"first\" {{\n  provisioner \"local-exec\" {{\n    command = \"echo made >> {}\"\n  }}\n}}\n\
             resource \"terraform_data\" \"second\" {{\n  depends_on = [terraform_data.first]\n  \
             provisioner \"local-exec\" {{\n    command = \"{command}\"\n  }}\n}}\n",
            team.world.work().join("made").display()
        )
    };
    team.world.write("shop/modules/m/main.tf", &fails("echo oh no; exit 3"));
    team.write_stack("shop", &[&module("m", ""), "after: { type: command, apply: 'true', dependsOn: [s.m] }"]);
    let failed = team.apply("shop").exits(1).complains("terraform_data.second: local-exec provisioner error");
    failed.complains("exit status 3").complains("main.tf:8");
    team.world.run(["status", "--stack", "shop"]).exits(1).says("Degraded");
    team.world.write("shop/modules/m/main.tf", &fails("true"));
    team.apply("shop").succeeds();
    assert_eq!(std::fs::read_to_string(team.world.work().join("made")).unwrap(), "made\n", "it was made once");
}

#[test]
fn a_cancelled_apply_ends_what_it_has_begun_and_stores_what_it_knows() {
    let Some(team) = with_terraform(team()) else { return };
    let mark = team.world.work().join("begun");
    let text = format!(
        "resource \"terraform_data\" \"first\" {{\n  input = 1\n}}\nresource \"terraform_data\" \"slow\" {{\n  depends_on = [terraform_data.first]\n  \
         provisioner \"local-exec\" {{\n    command = \"touch {}; exec sleep 600\"\n  }}\n}}\n",
        mark.display()
    );
    team.world.write("shop/modules/m/main.tf", &text);
    team.write_stack("shop", &[&module("m", "")]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait::until("the slow resource has begun", || mark.exists());
    let runs = team.world.run(["run", "list", "-o", "json"]).succeeds().json();
    team.world.run(["run", "cancel", runs["runs"][0]["id"].as_str().unwrap()]).succeeds();
    apply.wait().exits(130).complains("asked to stop");
    team.world.write("shop/modules/m/main.tf", "resource \"terraform_data\" \"first\" {\n  input = 1\n}\n");
    let plan = team.world.run(["plan", "--stack", "shop", "-o", "json"]).succeeds().json();
    let names: Vec<_> = plan["steps"][0]["resources"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["terraform_data.slow"], "the first one is there and stays: {plan}");
    team.apply("shop").succeeds();
}

#[test]
fn two_environments_of_one_module_at_once_stay_apart() {
    let Some(team) = with_terraform(team()) else { return };
    team.world.write("shop/modules/named/main.tf", NAMED);
    let head = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments:\n  development: {}\n  staging: {}\nservices:\n  \
        s:\n    components:\n";
    let text = format!("{head}      {}\n", module("named", "name: '${environment}'"));
    team.world.write("shop/stack.yaml", &text);
    let apply = |environment: &'static str| {
        team.world.command(["apply", "--stack", "shop", "--environment", environment, "--yes"]).spawn()
    };
    let both = [apply("development"), apply("staging")];
    both.into_iter().for_each(|apply| drop(apply.wait().succeeds()));
    for environment in ["development", "staging"] {
        let arguments = ["outputs", "--stack", "shop", "--environment", environment];
        team.world.run(arguments).succeeds().says(&format!("<{environment}>"));
    }
    assert!(!team.world.work().join("shop/modules/named/.terraform").exists(), "the module itself is not touched");
}

#[test]
fn what_cannot_be_right_is_told_with_its_place_before_anything_runs() {
    let team = team();
    team.world.write("shop/modules/own/main.tf", "terraform {\n  backend \"s3\" {\n  }\n}\n");
    team.world.write("shop/modules/cloudy/main.tf.json", r#"{"terraform": {"cloud": {}}}"#);
    team.world.write("shop/modules/named/main.tf", NAMED);
    team.world.write("shop/modules/empty/README.md", "");
    team.world.write("shop/modules/far/main.tf", "module \"m\" {\n  source = \"../../../elsewhere\"\n}\n");
    let components = ["own", "cloudy", "empty", "far"].map(|name| module(name, ""));
    let typo = module("named", "nam: x");
    let all: Vec<&str> = components.iter().map(String::as_str).chain([typo.as_str()]).collect();
    team.write_stack("shop", &all);
    let told = team.world.run(["plan", "--stack", "shop"]).exits(64);
    let told = told.complains("shop/modules/own/main.tf:2:3").complains("backend \"s3\"").complains("cloud");
    let told = told.complains("no variable `nam`").complains("did you mean `name`?");
    told.complains("no Terraform file in ./modules/empty").complains("outside of the stack's directory");
}

#[test]
fn sensitive_values_reach_the_module_and_are_stored_and_shown_nowhere() {
    let Some(team) = with_terraform(team()) else { return };
    let seen = team.world.work().join("seen");
    let text = format!(
        "variable \"word\" {{\n  sensitive = true\n}}\nresource \"terraform_data\" \"x\" {{\n  provisioner \"local-exec\" {{\n    \
         command     = \"echo $WORD > {0}; tr '\\\\0' ' ' < /proc/$PPID/cmdline > {0}.arguments; echo $WORD\"\n    \
         environment = {{ WORD = nonsensitive(var.word) }}\n  }}\n}}\n\
         output \"word\" {{\n  value     = var.word\n  sensitive = true\n}}\noutput \"length\" {{\n  value = nonsensitive(length(var.word))\n}}\n",
        seen.display()
    );
    team.world.write("shop/modules/m/main.tf", &text);
    let head = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nvariables:\n  WORD: { sensitive: true }\nenvironments:\n  \
        development: {}\nservices:\n  s:\n    components:\n      m: { type: terraform, source: ./modules/m, variables: { word: '${var.WORD}' } }\n";
    team.world.write("shop/stack.yaml", head);
    let word = "correct-horse-battery";
    let variable = format!("WORD={word}");
    let applied = team.world.run(["apply", "--stack", "shop", "--yes", "--var", &variable]).succeeds();
    let applied = applied.complains("the output word is sensitive").complains("(sensitive)");
    assert_eq!(std::fs::read_to_string(&seen).unwrap().trim(), word);
    let arguments = std::fs::read_to_string(format!("{}.arguments", seen.display())).unwrap();
    assert!(arguments.contains("apply") && !arguments.contains(word), "{arguments}");
    let shown = format!("{}{}", applied.stdout, applied.stderr);
    assert!(!shown.contains(word), "{shown}");
    let history = team.world.run(["history", "show", "1", "--stack", "shop", "-o", "json"]).succeeds().stdout;
    assert!(!history.contains(word), "{history}");
    assert_eq!(outputs(&team, "shop"), serde_json::json!({ "s.m.length": word.len().to_string() }));
}

#[test]
fn drift_is_what_the_module_would_see_differently_now() {
    let Some(team) = with_terraform(team()) else { return };
    let outside = team.world.write("outside", "one");
    let text = format!("output \"seen\" {{\n  value = file(\"{}\")\n}}\n", outside.display());
    team.world.write("shop/modules/m/main.tf", &text);
    team.write_stack("shop", &[&module("m", "")]);
    team.apply("shop").succeeds();
    team.world.run(["drift", "--stack", "shop", "--detailed-exitcode"]).exits(0);
    team.world.write("outside", "two");
    team.world.run(["drift", "--stack", "shop", "--detailed-exitcode"]).exits(2).says("drifted").says("output.seen");
    team.world.run(["plan", "--stack", "shop"]).succeeds().says("is not as it was deployed (drifted)");
    team.world.run(["status", "--stack", "shop"]).exits(1).says("Drifted");
}

#[test]
fn a_module_that_is_gone_from_the_stack_is_destroyed_from_the_source_that_it_was_made_of() {
    let Some(team) = with_terraform(team()) else { return };
    let gone = team.world.work().join("gone");
    let text = format!(
        "module \"shared\" {{\n  source = \"../shared\"\n}}\nresource \"terraform_data\" \"x\" {{\n  provisioner \"local-exec\" {{\n    \
         when    = destroy\n    command = \"cat note.txt > {}\"\n  }}\n}}\n",
        gone.display()
    );
    team.world.write("shop/modules/m/main.tf", &text);
    team.world.write("shop/modules/m/note.txt", "as it was made");
    team.world.write("shop/modules/shared/main.tf", "resource \"terraform_data\" \"shared\" {}\n");
    team.write_stack("shop", &[&module("m", ""), "other: { type: command, apply: 'true' }"]);
    team.apply("shop").succeeds();
    // A local module that it calls is part of it.
    team.world.write("shop/modules/shared/main.tf", "resource \"terraform_data\" \"renamed\" {}\n");
    let plan = team.world.run(["plan", "--stack", "shop"]).succeeds();
    drop(plan.says("module.shared.terraform_data.renamed"));
    std::fs::remove_dir_all(team.world.work().join("shop/modules")).unwrap();
    team.write_stack("shop", &["other: { type: command, apply: 'true' }"]);
    team.apply("shop").succeeds();
    assert_eq!(std::fs::read_to_string(gone).unwrap(), "as it was made");
}

#[test]
fn a_provider_is_installed_once_and_a_lock_file_that_lacks_it_is_told() {
    let Some(mut team) = with_terraform(team()) else { return };
    let Some(world) = with_null_provider(std::mem::take(&mut team.world)) else { return };
    team.world = world;
    let text = format!(
        "terraform {{\n  required_providers {{\n    null = {{\n      source  = \"hashicorp/null\"\n      version = \"{NULL_VERSION}\"\n    }}\n  }}\n}}\n\
         variable \"tags\" {{\n  type = map(string)\n}}\nresource \"null_resource\" \"x\" {{\n  triggers = var.tags\n}}\noutput \"id\" {{\n  value = null_resource.x.id\n}}\n"
    );
    team.world.write("shop/modules/m/main.tf", &text);
    team.write_stack("shop", &[&module("m", "tags: '{\"a\": \"1\"}'")]);
    let applied = team.apply("shop").succeeds().complains("null_resource.x: Creation complete");
    drop(applied.complains(&format!("does not have registry.terraform.io/hashicorp/null {NULL_VERSION}")));
    let id = outputs(&team, "shop")["s.m.id"].clone();
    let init = ["init", "-backend=false", "-input=false"];
    team.world.program("terraform").args(init).current_dir(team.world.work().join("shop/modules/m")).run().succeeds();
    team.write_stack("shop", &[&module("m", "tags: '{ a = 2 }'")]);
    let plan = team.world.run(["plan", "--stack", "shop"]).succeeds().says("null_resource.x").says("REPLACED");
    drop(plan);
    let applied = team.apply("shop").succeeds();
    assert!(!applied.stderr.contains("does not have"), "{}", applied.stderr);
    assert_ne!(outputs(&team, "shop")["s.m.id"], id);
}

#[test]
fn without_the_program_it_says_which_ones_it_looked_for() {
    let mut team = team();
    team.world.write("shop/modules/named/main.tf", NAMED);
    team.world.write("bin/none", "");
    team.write_stack("shop", &[&module("named", "name: one")]);
    let nowhere = team.world.work().join("bin").display().to_string();
    team.world = team.world.with("PATH", nowhere);
    team.world.run(["plan", "--stack", "shop"]).exits(1).complains("neither `terraform` nor `tofu` is on your PATH");
}

#[test]
fn credentials_that_end_soon_stop_a_run_before_it_starts() {
    let Some(mut team) = with_terraform(team()) else { return };
    team.world.write("shop/modules/named/main.tf", NAMED);
    team.write_stack("shop", &[&module("named", "name: one")]);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(300);
    let environment = [
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_CREDENTIAL_EXPIRATION", soon.to_string()),
    ];
    for (name, value) in environment {
        team.world = team.world.with(name, value);
    }
    let refused = team.apply("shop").exits(1).complains("your AWS credentials end in");
    refused.complains("nothing was begun");
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
    team.world = team.world.with("AWS_CREDENTIAL_EXPIRATION", later.to_string());
    team.apply("shop").succeeds();
}

#[test]
fn a_module_is_rolled_back_to_the_source_of_its_run_on_both_backends() {
    for team in teams() {
        let Some(team) = with_terraform(team) else { return };
        let write = |version: &str| {
            let text = NAMED
                .replace("\"<${terraform_data.x.output}>\"", &format!("\"{version} ${{terraform_data.x.output}}\""));
            team.world.write("shop/modules/named/main.tf", &text);
            team.write_stack("shop", &[&module("named", &format!("name: {version}"))]);
            team.apply("shop").succeeds();
        };
        write("one");
        let first = outputs(&team, "shop");
        write("two");
        assert_eq!(outputs(&team, "shop")["s.named.name"], "two two");
        std::fs::remove_dir_all(team.world.work().join("shop")).unwrap();
        team.world.run(["rollback", "--stack", "shop", "--yes"]).succeeds().says("Rolled back shop/development");
        assert_eq!(outputs(&team, "shop"), first, "the same resource, with the value and the module of the first run");
    }
}
