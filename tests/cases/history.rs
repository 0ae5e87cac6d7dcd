//! The history of a stack: what each run was, and what differs between two of them.

use harness::scenes::{Platform, teams};

fn write(team: &Platform, version: &str, more: &str) {
    team.world.write("shop/script.sh", &format!("echo one\necho {version}\n"));
    team.world.write(
        "shop/stack.yaml",
        &format!(
            "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: {{ development: {{}} }}\n\
             variables: {{ V: {{ default: '1' }}, PW: {{ sensitive: true }} }}\nservices:\n  s:\n    components:\n      \
             a: {{ type: command, inputs: [script.sh], environment: {{ V: '${{var.V}}' }}, apply: 'sh script.sh' }}\n{more}"
        ),
    );
}

#[test]
fn two_runs_differ_in_variables_components_and_lines() {
    for team in teams() {
        let apply = |variable: &str| {
            let arguments = ["apply", "--stack", "shop", "--yes", "--var", "PW=hunter2hunter2", "--var", variable];
            team.world.run(arguments).succeeds();
        };
        write(&team, "old", "");
        apply("V=1");
        write(&team, "new", "      b: { type: command, apply: 'true' }\n");
        apply("V=2");
        let text = team.world.run(["history", "diff", "1", "2", "--stack", "shop"]).succeeds();
        let text = text.says("V: \"1\" → \"2\"").says("inputs script.sh changed").says("+ s.b  command");
        text.says("-echo old").says("+echo new").says("--- script.sh").says("--- stack.yaml");
        let same = team.world.run(["history", "diff", "2", "2", "--stack", "shop"]).succeeds();
        same.says("No difference.");
        let json = team.world.run(["history", "diff", "2", "1", "--stack", "shop", "-o", "json"]).succeeds().json();
        assert_eq!(json["components"][1]["action"], "ACTION_DELETE", "{json}");
        assert_eq!(json["files"].as_array().unwrap().len(), 2);
        let files = team.world.run(["history", "diff", "1", "2", "--stack", "shop", "-q"]).succeeds();
        assert_eq!(files.stdout, "script.sh\nstack.yaml\n");
        team.world.run(["history", "diff", "1", "7", "--stack", "shop"]).exits(8).complains("no history number 7");
        let shown = team.world.run(["history", "show", "2", "--stack", "shop"]).succeeds();
        let shown = shown.says("V: 2").says("PW: (sensitive)").says("s.b (command, deployed)");
        assert!(!shown.stdout.contains("hunter2"), "{shown}");
    }
}
