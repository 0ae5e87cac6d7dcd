//! Outputs: all of them, or one as it is.

use harness::scenes::team;

#[test]
fn outputs_are_shown_together_one_by_one_and_as_json() {
    let team = team();
    team.world.write(
        "shop/stack.yaml",
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\n\
         services:\n  s:\n    components:\n      a:\n        type: command\n        \
         apply: |\n          echo '{\"url\":\"http://x\",\"n\":3}' > $DEPLOYER_OUTPUTS\n",
    );
    team.world.run(["apply", "--stack", "shop", "--yes"]).succeeds();
    team.world.run(["outputs", "--stack", "shop"]).succeeds().says("s.a.url: http://x");
    assert_eq!(team.world.run(["outputs", "s.a.url", "--stack", "shop"]).succeeds().stdout, "http://x\n");
    assert_eq!(team.world.run(["outputs", "s.a.n", "--stack", "shop"]).succeeds().stdout, "3\n");
    let one = team.world.run(["outputs", "s.a.url", "--stack", "shop", "-o", "json"]).succeeds().json();
    assert_eq!((&one["value"], &one["sensitive"]), (&"http://x".into(), &false.into()));
    let json = team.world.run(["outputs", "--stack", "shop", "-o", "json"]).succeeds().json();
    assert_eq!(json["outputs"].as_array().unwrap().len(), 2);
    team.world.run(["outputs", "s.a.nothing", "--stack", "shop"]).exits(8).complains("s.a.url");
}
