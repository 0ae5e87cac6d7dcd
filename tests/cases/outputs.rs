//! Outputs: all of them, one as it is, and never a sensitive value.

use harness::scenes::team;

#[test]
fn outputs_are_shown_together_one_by_one_and_as_json() {
    let team = team();
    team.world.write(
        "shop/stack.yaml",
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\n\
         variables: { PW: { sensitive: true } }\nservices:\n  s:\n    components:\n      a:\n        type: command\n        \
         environment: { PW: '${var.PW}' }\n        \
         apply: 'printf ''{\"url\":\"http://x\",\"token\":\"%s\",\"n\":3}'' \"$PW\" > $DEPLOYER_OUTPUTS'\n",
    );
    team.world.run(["apply", "--stack", "shop", "--yes", "--var", "PW=hunter2hunter2"]).succeeds();
    let all = team.world.run(["outputs", "--stack", "shop"]).succeeds().says("s.a.url: http://x");
    let all = all.says("s.a.token: (sensitive)");
    assert!(!all.stdout.contains("hunter2"), "{all}");
    assert_eq!(team.world.run(["outputs", "s.a.url", "--stack", "shop"]).succeeds().stdout, "http://x\n");
    assert_eq!(team.world.run(["outputs", "s.a.n", "--stack", "shop"]).succeeds().stdout, "3\n");
    let one = team.world.run(["outputs", "s.a.url", "--stack", "shop", "-o", "json"]).succeeds().json();
    assert_eq!((&one["value"], &one["sensitive"]), (&"http://x".into(), &false.into()));
    let json = team.world.run(["outputs", "--stack", "shop", "-o", "json"]).succeeds().json();
    assert_eq!(json["outputs"].as_array().unwrap().len(), 3);
    team.world.run(["outputs", "s.a.token", "--stack", "shop"]).exits(7).complains("is not kept");
    team.world.run(["outputs", "s.a.nothing", "--stack", "shop"]).exits(8).complains("s.a.url");
}
