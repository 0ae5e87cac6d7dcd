//! What a team has made with Terraform itself goes on as a component.

use harness::aws::{LocalAws, python_environment};
use harness::programs;
use harness::scenes::Platform;

use crate::terraform::with_terraform;

const MODULE: &str = "resource \"terraform_data\" \"x\" {\n  input = \"kept\"\n}\noutput \"id\" {\n  value = \
                      terraform_data.x.id\n}\n";
const PLACE: &str = "tenants/web-team/v1/stacks/shop/development";

/// The commands of the page, which names the place by its pattern.
fn commands(bucket: &str) -> [String; 2] {
    let page = std::fs::read_to_string(programs::root().join("docs/terraform.md")).unwrap();
    let [pull, copy] = ["terraform state pull", "aws s3 cp"].map(|begin| {
        let (_, after) = page.split_once(&format!("`{begin} ")).expect("the page says how");
        format!("{begin} {}", after.split('`').next().unwrap())
    });
    let copy = copy.replace("BUCKET/tenants/…", &format!("{bucket}/{PLACE}"));
    [pull, copy.replace("SERVICE.COMPONENT", "s.named")]
}

#[test]
fn a_state_that_others_have_made_is_copied_as_the_page_says_and_gone_on_from() {
    let aws = LocalAws::start();
    let Some(team) = with_terraform(Platform::aws(&aws).with_team("web-team").in_development()) else { return };
    team.world.write("shop/modules/named/main.tf", MODULE);
    team.world.write("before/main.tf", MODULE);
    team.write_stack("shop", &["named: { type: terraform, source: ./modules/named }"]);
    let path = format!("{}:{}", python_environment().join("bin").display(), team.world.variable("PATH").unwrap());
    let shell = |line: &str| {
        let command = team.world.program("bash").args(["-c", line]).current_dir(team.world.work().join("before"));
        command.env("PATH", &path).env("CHECKPOINT_DISABLE", "1").run().succeeds().stdout
    };
    shell("terraform init -no-color && terraform apply -auto-approve -no-color");
    let before = shell("terraform output -raw id");
    for line in commands(team.address.trim_start_matches("s3://")) {
        shell(&line);
    }
    team.apply("shop").succeeds();
    let outputs = team.world.run(["outputs", "--stack", "shop", "-o", "json"]).succeeds().json();
    assert_eq!(outputs["outputs"][0]["value"], before.trim(), "it was made anew: {outputs}");
}
