//! The pipelines of docs/CI.md are run as they stand there, by a small stand-in for the CI systems.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use harness::aws::LocalAws;
use harness::files::Files;
use harness::scenes::Platform;
use harness::{Output, World, packages, programs};
use serde_yaml::Value;

/// A YAML block of the page that has these words.
fn block(words: &str) -> Value {
    let page = std::fs::read_to_string(programs::root().join("docs/CI.md")).unwrap();
    let mut blocks = page.split("```yaml\n").skip(1).map(|after| after.split("```").next().unwrap());
    serde_yaml::from_str(blocks.find(|block| block.contains(words)).unwrap()).unwrap()
}

/// A machine of a CI system with a checked-out repository, which uses a platform that is there.
struct Machine {
    world: World,
    _release: tempfile::TempDir,
    server: Files,
    _aws: LocalAws,
}

impl Machine {
    fn new() -> Self {
        let aws = LocalAws::start();
        let of = |world: World, (name, value): (&str, String)| world.with(name, value);
        let variables = || aws.environment().into_iter().chain([("AWS_REGION", "us-east-1".to_owned())]);
        let admin = variables().fold(World::new(), of);
        let platform = Platform::prepared(admin, "s3://company-deployer-state".to_owned());
        let secret = platform.create_tenant("notifications-team");
        let world = variables().fold(World::new(), of);
        let world = world.with("CI", "true").with("DEPLOYER_SECRET", secret).without("DEPLOYER_ACTOR");
        let world = world.without("DEPLOYER_KEYRING");
        world.write(
            "notification-platform/stack.yaml",
            "apiVersion: deployer/v1\nkind: Stack\nname: notification-platform\nenvironments: { staging: {} }\n\
             services: { email: { components: { api: { type: command, apply: 'echo done > applied' } } } }\n",
        );
        let release = packages::release();
        let server = Files::serve(release.path());
        Self { world, _release: release, server, _aws: aws }
    }

    /// A program of the machine that only notes how it was called.
    fn shim(&self, name: &str, text: &str) {
        let directory = self.world.directory().join("shims");
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn bash(&self, path: &str, script: &str, variables: &BTreeMap<String, String>) -> Output {
        let shims = self.world.directory().join("shims");
        let path = format!("{path}{}:/usr/bin:/bin", shims.display());
        let command = self.world.program("bash").args(["-e", "-o", "pipefail", "-c", script]);
        let command = command.env("PATH", path).env("DEPLOYER_BASE_URL", self.server.url()).deadline(packages::LONG);
        command.envs(variables).run()
    }

    fn applied(&self) -> bool {
        self.world.work().join("notification-platform/applied").exists()
    }
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_mapping().into_iter().flatten();
    let text = |value: &Value| {
        value.as_str().map_or_else(|| serde_yaml::to_string(value).unwrap().trim().to_owned(), str::to_owned)
    };
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}

/// GitHub's runner, as far as the workflow and the action use it.
struct Runner<'a> {
    machine: &'a Machine,
    workflow: Value,
    temporary: PathBuf,
}

impl Runner<'_> {
    /// Runs the steps of a job that are commands, or our action; answers the outputs of the steps.
    fn job(&self, name: &str) -> BTreeMap<String, String> {
        let mut outputs = BTreeMap::new();
        for step in self.workflow["jobs"][name]["steps"].as_sequence().unwrap() {
            let context = self.context(&outputs);
            if step["if"].as_str().is_some_and(|condition| !holds(condition, &context)) {
                continue;
            }
            match (step["uses"].as_str(), step["run"].as_str()) {
                (Some(action), _) if action.starts_with("deployer/deployer/packaging/github@") => {
                    let id = step["id"].as_str().unwrap_or("unnamed").to_owned();
                    let told = self.action(&texts(&step["with"]));
                    outputs.extend(told.into_iter().map(|(key, value)| (format!("steps.{id}.outputs.{key}"), value)));
                }
                // The checkout and the credentials are there.
                (Some(action), _) => assert!(action.starts_with("actions/") || action.starts_with("aws-actions/")),
                (None, Some(script)) => {
                    let variables = self.filled(&step["env"], &context);
                    self.machine.bash("", script, &variables).succeeds();
                }
                _ => panic!("{step:?}"),
            }
        }
        outputs
    }

    fn action(&self, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let folder = programs::root().join("packaging/github");
        let action: Value = serde_yaml::from_str(&std::fs::read_to_string(folder.join("action.yml")).unwrap()).unwrap();
        let mut context = BTreeMap::new();
        for (name, input) in action["inputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            let value = given.get(name).map_or_else(|| input["default"].as_str().unwrap(), String::as_str);
            context.insert(format!("inputs.{name}"), value.to_owned());
        }
        assert!(given.keys().all(|name| context.contains_key(&format!("inputs.{name}"))), "{given:?}");
        let file = |name: &str| self.temporary.join(name).display().to_string();
        for name in ["output", "path", "summary"] {
            std::fs::write(file(name), "").unwrap();
        }
        for step in action["runs"]["steps"].as_sequence().unwrap() {
            let mut variables = self.filled(&step["env"], &context);
            variables.extend(self.filled(&self.workflow["env"], &BTreeMap::new()));
            variables.remove("DEPLOYER_SECRET");
            variables.extend([
                ("GITHUB_ACTIONS".to_owned(), "true".to_owned()),
                ("GITHUB_ACTOR".to_owned(), "octocat".to_owned()),
                ("GITHUB_ACTION_PATH".to_owned(), folder.display().to_string()),
                ("GITHUB_OUTPUT".to_owned(), file("output")),
                ("GITHUB_PATH".to_owned(), file("path")),
                ("GITHUB_STEP_SUMMARY".to_owned(), file("summary")),
                ("RUNNER_TEMP".to_owned(), self.temporary.display().to_string()),
            ]);
            let path = std::fs::read_to_string(file("path")).unwrap().replace('\n', ":");
            self.machine.bash(&path, step["run"].as_str().unwrap(), &variables).succeeds();
        }
        let told = std::fs::read_to_string(file("output")).unwrap();
        told.lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    fn context(&self, outputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut context = outputs.clone();
        context.insert("github.token".to_owned(), "token".to_owned());
        context.insert("github.event.number".to_owned(), "7".to_owned());
        context
    }

    fn filled(&self, variables: &Value, context: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let fill = |text: String| match text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}")) {
            Some("secrets.DEPLOYER_SECRET") => String::new(),
            Some(name) => context.get(name).cloned().unwrap_or_else(|| panic!("nothing is called {name}")),
            None => text,
        };
        texts(variables).into_iter().map(|(name, text)| (name, fill(text))).collect()
    }
}

/// `NAME == 'VALUE'`.
fn holds(condition: &str, context: &BTreeMap<String, String>) -> bool {
    let (name, value) = condition.split_once(" == ").unwrap();
    context.get(name).is_some_and(|found| *found == value.trim_matches('\''))
}

#[test]
fn the_workflow_of_github_comments_the_plan_and_applies_it() {
    let machine = Machine::new();
    let temporary = machine.world.directory().join("runner");
    std::fs::create_dir(&temporary).unwrap();
    machine.shim("gh", &format!("cp \"$7\" '{}/comment.md'; echo \"$@\" > '{0}/gh'", temporary.display()));
    let runner = Runner { machine: &machine, workflow: block("pull_request"), temporary: temporary.clone() };
    let outputs = runner.job("plan");
    assert_eq!(outputs["steps.plan.outputs.changes"], "true", "{outputs:?}");
    let comment = std::fs::read_to_string(temporary.join("comment.md")).unwrap();
    assert!(comment.starts_with("### Plan: `notification-platform/staging` (apply)"), "{comment}");
    assert!(comment.contains("| `+` | `email.api` | create | `command` |"), "{comment}");
    assert!(std::fs::read_to_string(temporary.join("gh")).unwrap().starts_with("pr comment 7 "));
    assert!(!machine.applied());
    runner.job("apply");
    assert!(machine.applied());
    std::fs::remove_file(temporary.join("gh")).unwrap();
    assert_eq!(runner.job("plan")["steps.plan.outputs.changes"], "false");
    assert!(!temporary.join("gh").exists(), "without changes there is nothing to comment");
    leaves_nothing_behind(&machine);
}

#[test]
fn the_pipeline_of_gitlab_plans_and_applies() {
    let machine = Machine::new();
    let pipeline = block("before_script");
    // The image's programs are there; the installer comes from the repository.
    machine.shim("apt-get", "true");
    machine.shim(
        "curl",
        &format!(
            "[ \"$2\" = https://deployer.io/install.sh ] && exec cat '{}'; exec /usr/bin/curl \"$@\"",
            programs::root().join("packaging/install.sh").display()
        ),
    );
    let mut variables = texts(&pipeline["variables"]);
    // The local AWS needs no exchange of tokens.
    variables.remove("AWS_ROLE_ARN");
    let own =
        [("GITLAB_CI", "true"), ("GITLAB_USER_LOGIN", "tanuki"), ("CI_PIPELINE_ID", "7"), ("GITLAB_OIDC_TOKEN", "t")];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let project = machine.world.work().display().to_string();
    variables.insert("CI_PROJECT_DIR".to_owned(), project);
    for job in ["plan", "apply"] {
        let parts = [&pipeline["default"]["before_script"], &pipeline[job]["script"]];
        let lines = parts.into_iter().flat_map(|part| part.as_sequence().unwrap()).map(|line| line.as_str().unwrap());
        // The token's file is read only where a role is named.
        let script = lines.collect::<Vec<_>>().join("\n");
        machine.bash("", &script, &variables).succeeds();
        assert_eq!(machine.applied(), job == "apply");
    }
    let plan = std::fs::read_to_string(machine.world.work().join("plan.md")).unwrap();
    assert!(plan.contains("`email.api`"), "{plan}");
    let history = ["history", "--stack", "notification-platform", "--environment", "staging", "-o", "json"];
    let told =
        machine.world.command(history).envs(texts(&pipeline["variables"])).without_env("AWS_ROLE_ARN").run().succeeds();
    assert!(told.stdout.contains("tanuki"), "{told}");
    leaves_nothing_behind(&machine);
}

/// No process, and no file of a daemon or a session.
#[track_caller]
fn leaves_nothing_behind(machine: &Machine) {
    assert_eq!(machine.world.processes(), []);
    let state = machine.world.state_directory();
    let left: Vec<_> = state.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
