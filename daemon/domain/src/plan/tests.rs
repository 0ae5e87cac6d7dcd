//! The scene of the tests of plans.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::expression::Outputs;
use crate::manifest::{Given, Manifest, SourceFile};
use crate::name::RunId;
use crate::source::{InputHashes, SourceEntry};
use crate::state::{Action, ComponentStatus, Intent, Output};

mod applies;
mod destroys;
mod digests;

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    "2024-01-15T11:00:00Z".parse().unwrap()
}

fn key() -> SensitiveKey {
    SensitiveKey::new([7; 32])
}

fn manifest(components: &str) -> Manifest {
    let text = format!(
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nvariables:\n  V: {{default: '1'}}\n  PW: {{default: hunter2, sensitive: true}}\n\
         environments: {{dev: {{region: eu-central-1}}}}\nservices:\n{components}"
    );
    Manifest::read(&SourceFile { name: "stack.yaml".to_owned(), text }, &[])
        .unwrap_or_else(|e| panic!("{:?}", e.problems))
}

/// A world in which plans are made and carried out, without any engine.
struct World {
    state: StateDocument,
    inputs: InputHashes,
    options: PlanOptions,
    given: Vec<(&'static str, &'static str)>,
    /// What components tell when they are applied.
    outputs: BTreeMap<&'static str, &'static str>,
    failing: Vec<&'static str>,
}

impl World {
    fn new() -> Self {
        let empty = StateDocument::empty("acme-team".parse().unwrap(), "shop".parse().unwrap(), "dev".parse().unwrap());
        Self {
            state: empty,
            inputs: InputHashes::default(),
            options: PlanOptions::default(),
            given: Vec::new(),
            outputs: BTreeMap::new(),
            failing: Vec::new(),
        }
    }

    fn given(&self) -> Given {
        self.given.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    }

    fn input<'a>(&'a self, values: Values, key: &'a SensitiveKey) -> PlanInput<'a> {
        PlanInput {
            tenant: &self.state.tenant,
            environment: &self.state.environment,
            default_region: None,
            values,
            state: &self.state,
            inputs: &self.inputs,
            source: Some(SourceHash([1; 32])),
            key,
            options: self.options.clone(),
        }
    }

    fn try_plan(&self, manifest: &Manifest) -> crate::error::Result<Plan> {
        let values = Values::resolve(manifest, &self.state.environment, &[&self.given()])?;
        plan_apply(manifest, self.input(values, &key()))
    }

    fn plan(&self, manifest: &Manifest) -> Plan {
        self.try_plan(manifest).unwrap_or_else(|error| panic!("{error} {:?}", error.problems))
    }

    fn plan_destroy(&self) -> crate::error::Result<Plan> {
        plan_destroy(self.input(Values::of_state(&self.state, &self.given()), &key()))
    }

    /// Carries a plan out, one step after the other; answers with what ran.
    fn run(&mut self, mut plan: Plan) -> String {
        let mut progress = Progress::new(&plan.steps);
        let mut ran = Vec::new();
        while let Some(at) = progress.start_next() {
            let step = plan.steps[at].clone();
            match self.step(&step, &plan.resolver, &mut ran) {
                true => {
                    if let Some(state) = self.state.components.get(&step.component) {
                        plan.resolver.learn(step.component.clone(), Outputs::Known(state.outputs.clone()));
                    }
                    progress.done(at);
                }
                false => drop(progress.failed(at)),
            }
        }
        assert!(progress.is_over());
        plan.record(&mut self.state);
        ran.join(" ")
    }

    fn step(&mut self, step: &Step, resolver: &Resolver, ran: &mut Vec<String>) -> bool {
        let name = step.component.to_string();
        if step.action == Action::None {
            step.record(&mut self.state);
            return true;
        }
        if matches!(step.action, Action::Delete | Action::Replace) {
            step.begin(&mut self.state, intent(step), None);
            ran.push(format!("-{name}"));
            if self.failing.contains(&name.as_str()) {
                step.stopped(&mut self.state, ComponentStatus::Failed, "no".to_owned(), now());
                return false;
            }
            if step.action == Action::Delete {
                step.deleted(&mut self.state);
                return true;
            }
            step.removed(&mut self.state);
        }
        let prepared = step.prepare(resolver, &key()).unwrap();
        if prepared.unchanged {
            step.record(&mut self.state);
            ran.push(format!("={name}"));
            return true;
        }
        step.begin(&mut self.state, intent(step), Some(&prepared));
        ran.push(format!("+{name}"));
        if self.failing.contains(&name.as_str()) {
            step.stopped(&mut self.state, ComponentStatus::Failed, "no".to_owned(), now());
            return false;
        }
        let outputs = self.outputs.get(name.as_str()).map(|text| ("out".to_owned(), Output::Value((*text).to_owned())));
        step.applied(
            &mut self.state,
            &prepared,
            Outcome { outputs: outputs.into_iter().collect(), ..Outcome::default() },
            now(),
        );
        true
    }

    fn apply(&mut self, manifest: &Manifest) -> String {
        let plan = self.plan(manifest);
        self.run(plan)
    }
}

fn command_of(removal: Removal) -> CommandRun {
    match removal {
        Removal::Command(run) => run,
        other => panic!("{other:?} is no command"),
    }
}

fn intent(step: &Step) -> Intent {
    Intent {
        action: step.action,
        run: RunId::new(ulid::Ulid::nil()),
        fence: 1,
        since: now(),
        component_type: step.component_type.clone(),
        handle: BTreeMap::new(),
        inputs_hash: String::new(),
        inputs: BTreeMap::new(),
    }
}

/// A plan as lines: the action, the component, the reasons.
fn shown(plan: &Plan) -> String {
    let line = |step: &Step| {
        let reasons: Vec<String> = step.reasons.iter().map(ToString::to_string).collect();
        format!("{:?} {}: {}", step.action, step.component, reasons.join(", ")).to_lowercase()
    };
    plan.steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

const CHAIN: &str = "  a:\n    components:\n\
    \x20     web: {type: command, apply: w, environment: {DB: 'x${a.db.out}', V: '${var.V}'}}\n\
    \x20     db: {type: command, apply: d, destroy: dd}\n\
    \x20     free: {type: command, apply: f, dependsOn: [a.db], environment: {PW: '${var.PW}'}}\n";
