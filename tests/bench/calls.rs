//! How often commands ask AWS, seen by the proxy in front of a local one.

use std::collections::BTreeMap;
use std::path::Path;

use harness::aws::LocalAws;
use harness::proxy::{Operation, Proxy};

use crate::Outcome;
use crate::report::{Report, Row};
use crate::world::{TENANT, World};

/// How many tenants and stacks there are at the end.
const TENANTS: usize = 50;
const STACKS: usize = 20;

/// A command and whether its work is to list stacks, so that it may grow with their number.
struct Asked {
    what: &'static str,
    lists: bool,
    calls: [Calls; 2],
}

type Calls = BTreeMap<Operation, usize>;

/// Measures and prints.
pub fn measure(programs: &Path, report: &mut Report) -> Outcome<()> {
    report.heading("Requests to AWS by command (daemon just started, nothing cached; then at once again)");
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint())?;
    let mut environment = aws.environment();
    environment.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
    environment.push(("AWS_ENDPOINT_URL", proxy.endpoint()));
    let world = World::new(programs, "file")?.with_backend("s3://bench-state", environment);
    let ground = Ground { secret: world.sign_in()?, world: &world, proxy: &proxy };
    ground.apply_stack(0)?;
    let few = ground.ask_all()?;
    for tenant in 1..TENANTS {
        world.create_tenant(&format!("team-{tenant}"))?;
    }
    for stack in 1..STACKS {
        ground.apply_stack(stack)?;
    }
    let many = ground.ask_all()?;
    report.line(&format!(
        "{:<34} {:>13} {:>22}   what is asked in the last column",
        "", "1 tenant", "50 tenants, 20 stacks"
    ));
    for (few, many) in few.iter().zip(&many) {
        print(report, few, many);
    }
    Ok(())
}

fn print(report: &mut Report, few: &Asked, many: &Asked) {
    let total = |calls: &Calls| calls.values().sum::<usize>();
    let [cold, warm] = [0, 1].map(|turn| (total(&few.calls[turn]), total(&many.calls[turn])));
    let kinds: Vec<String> = many.calls[0].iter().map(|(operation, count)| format!("{operation} {count}")).collect();
    let value = format!("{:>2} then {:>2} | {:>2} then {:>2}", cold.0, warm.0, cold.1, warm.1);
    let grown = cold.1 > cold.0 || warm.1 > warm.0;
    let kinds = kinds.join(", ");
    report.row(match (few.lists, grown) {
        (true, true) => Row::known(few.what, value, &format!("it lists | {kinds}")),
        (_, grown) => Row::judged(few.what, value, &kinds, !grown),
    });
}

struct Ground<'a> {
    world: &'a World,
    proxy: &'a Proxy,
    secret: String,
}

impl Ground<'_> {
    fn apply_stack(&self, number: usize) -> Outcome<()> {
        let name = format!("stack-{number}");
        let file = self.world.write_stack(&name, &stack(&name))?;
        self.world.run(&["apply", "--file", &file, "--yes"])?;
        Ok(())
    }

    fn ask_all(&self) -> Outcome<Vec<Asked>> {
        let world = self.world;
        let file = world.home().join("stack-0/stack.yaml");
        let file = file.to_string_lossy();
        let on_stack = |words: &[&str]| {
            let mut words = words.to_vec();
            words.extend(["--file", &file]);
            world.run(&words).map(drop)
        };
        Ok(vec![
            self.ask("admin login", false, || world.admin_login())?,
            self.ask("login", false, || world.login(TENANT, &self.secret))?,
            self.ask("session", false, || world.run(&["session"]).map(drop))?,
            self.ask("tenant details", true, || world.run(&["tenant", "details"]).map(drop))?,
            self.ask("plan, no changes", false, || on_stack(&["plan"]))?,
            self.ask("apply, no changes", false, || on_stack(&["apply", "--yes"]))?,
            self.ask("apply of one component of three", false, || {
                on_stack(&["apply", "--yes", "--replace", "work.one"])
            })?,
            self.ask("status", false, || on_stack(&["status"]))?,
            self.ask("outputs", false, || on_stack(&["outputs"]))?,
        ])
    }

    /// Counts what a command asks of AWS, twice: with a daemon that knows nothing, and at once again.
    fn ask(&self, what: &'static str, lists: bool, run: impl Fn() -> Outcome<()>) -> Outcome<Asked> {
        self.world.run(&["daemon", "restart"])?;
        let count = || {
            self.proxy.forget();
            run()?;
            // The last events of a run are stored when whoever started it has gone already.
            self.world.settle()?;
            Outcome::Ok(self.proxy.counts())
        };
        Ok(Asked { what, lists, calls: [count()?, count()?] })
    }
}

fn stack(name: &str) -> String {
    format!(
        "apiVersion: deployer/v1\nkind: Stack\nname: {name}\nenvironments: {{ development: {{}} }}\nservices:\n  work:\n    \
         components:\n      one: {{ type: command, apply: \"true\", check: \"true\" }}\n      two: {{ type: command, apply: \"true\", \
         check: \"true\" }}\n      three: {{ type: command, apply: \"true\", check: \"true\", dependsOn: [work.one] }}\n"
    )
}
