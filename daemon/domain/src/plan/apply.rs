//! Planning to make an environment as the file says.

use std::collections::{BTreeMap, BTreeSet};

use super::inputs::{self, Inputs, Part};
use super::select::check_components;
use super::step::{Step, resolve_values};
use super::{Operation, Plan, PlanInput, StepReason, destroy, digest, work};
use crate::error::{Error, Problem, Reason, Result};
use crate::expression::{Outputs, Resolver, Scope};
use crate::manifest::{Component, Definition, Manifest, OnDestroy};
use crate::name::{ComponentId, StackName};
use crate::source::text_hash;
use crate::state::{Action, ComponentState, ComponentStatus, Counts, EngineKind};

/// Plans to make an environment as the manifest says. All that has no value is said at once.
pub fn plan_apply(manifest: &Manifest, input: PlanInput<'_>) -> Result<Plan> {
    let mut planner = Planner::new(manifest, &input)?;
    planner.wanted()?;
    let removed = planner.removed();
    let (resolver, created) = (planner.resolver, planner.created);
    let steps: Vec<Step> = planner.steps.into_iter().chain(removed).collect();
    let mut warnings = kept_warnings(&steps);
    warnings.extend(renamed_warnings(&steps, &created));
    finish(Operation::Apply, &manifest.name, input, Drafted { steps, warnings, resolver })
}

/// What is left to be put around the steps.
pub(super) struct Drafted {
    pub steps: Vec<Step>,
    pub warnings: Vec<String>,
    pub resolver: Resolver,
}

/// Puts a plan around its steps; every removal must be possible with the values that there are.
pub(super) fn finish(operation: Operation, stack: &StackName, input: PlanInput<'_>, drafted: Drafted) -> Result<Plan> {
    let Drafted { steps, warnings, resolver } = drafted;
    for step in steps.iter().filter(|step| matches!(step.action, Action::Delete | Action::Replace)) {
        step.removal(&resolver).map_err(|error| match operation {
            Operation::Apply => error.hint("a variable that it was made with must stay declared until it is gone"),
            Operation::Destroy => error,
        })?;
    }
    let mut plan = Plan {
        operation,
        tenant: input.tenant.clone(),
        stack: stack.clone(),
        environment: input.environment.clone(),
        region: resolver.scope().region.clone(),
        serial: input.state.serial,
        source: input.source,
        variables: digest::record_variables(&input),
        counts: counts(&steps),
        steps,
        warnings,
        digest: super::PlanDigest(String::new()),
        resolver,
    };
    plan.digest = super::PlanDigest::of(&plan);
    Ok(plan)
}

fn counts(steps: &[Step]) -> Counts {
    let mut counts = Counts::default();
    for step in steps {
        match step.action {
            Action::Create => counts.create += 1,
            Action::Update => counts.update += 1,
            Action::Replace => counts.replace += 1,
            Action::Delete => counts.delete += 1,
            Action::None => counts.unchanged += 1,
        }
    }
    counts
}

fn kept_warnings(steps: &[Step]) -> Vec<String> {
    let kept = steps.iter().filter(|step| step.wanted.is_none() && step.action == Action::None);
    kept.map(|step| {
        let why = step.reasons.first().map(ToString::to_string).unwrap_or_default();
        format!(
            "{} is no longer in the stack file but {why}; `deployer destroy --component {0} --delete-data` deletes it",
            step.component
        )
    })
    .collect()
}

/// What is new, by component: its type and the parts of its inputs.
type Created = BTreeMap<ComponentId, (&'static str, BTreeMap<String, String>)>;

/// A name is what a component is known by: one that only has a new name is another one.
fn renamed_warnings(steps: &[Step], created: &Created) -> Vec<String> {
    // A compiled template has the name in it.
    let essence = |inputs: &BTreeMap<String, String>| {
        let parts = inputs.iter().filter(|(part, _)| *part != inputs::COMPILED);
        parts.map(|(part, hash)| (part.clone(), hash.clone())).collect::<BTreeMap<_, _>>()
    };
    let mut free: Vec<_> = created.iter().collect();
    let gone = steps.iter().filter(|step| step.action == Action::Delete);
    let renamed = gone.filter_map(|step| {
        let was = essence(&step.deployed.as_ref()?.inputs);
        let same = |(_, (kind, inputs)): &(&ComponentId, &(&str, BTreeMap<String, String>))| {
            *kind == step.component_type && !was.is_empty() && essence(inputs) == was
        };
        let (id, _) = free.remove(free.iter().position(same)?);
        let old = &step.component;
        Some(format!("{id} looks like {old} renamed: it is made anew under its new name, and {old} is destroyed"))
    });
    renamed.collect()
}

struct Planner<'a> {
    manifest: &'a Manifest,
    input: &'a PlanInput<'a>,
    selected: BTreeSet<usize>,
    resolver: Resolver,
    steps: Vec<Step>,
    created: Created,
}

impl<'a> Planner<'a> {
    fn new(manifest: &'a Manifest, input: &'a PlanInput<'a>) -> Result<Self> {
        let in_file = manifest.components.iter().map(|component| &component.id);
        let known: BTreeSet<&ComponentId> = in_file.clone().chain(input.state.components.keys()).collect();
        input.options.selection.check(&known)?;
        check_components(&input.options.replace, &in_file.collect())?;
        let named =
            (0..manifest.components.len()).filter(|&at| input.options.selection.names(&manifest.components[at].id));
        let selected = manifest.graph().with_dependencies(named);
        let environment = manifest.environments.get(input.environment);
        let of_environment = environment.and_then(|environment| environment.region.clone());
        let scope = Scope {
            tenant: input.tenant.clone(),
            stack: manifest.name.clone(),
            environment: input.environment.clone(),
            region: of_environment.or_else(|| input.default_region.map(str::to_owned)),
            role_arn: environment.and_then(|environment| environment.role_arn.clone()),
            network: environment.and_then(|environment| environment.network.clone()),
        };
        let resolver = Resolver::new(scope, input.values.clone(), deployed_outputs(&input.state.components));
        Ok(Self { manifest, input, selected, resolver, steps: Vec::new(), created: Created::new() })
    }

    /// Adds a step for each selected component of the file, in an order that respects their dependencies.
    fn wanted(&mut self) -> Result<()> {
        let mut problems = Vec::new();
        for at in self.manifest.graph().order() {
            if !self.selected.contains(&at) {
                continue;
            }
            let component = &self.manifest.components[at];
            match self.step(component) {
                Ok(step) => {
                    if step.action != Action::None {
                        self.resolver.learn(component.id.clone(), Outputs::Pending);
                    }
                    self.steps.push(step);
                }
                Err(error) => {
                    problems.push(as_problem(component, &error));
                    self.resolver.learn(component.id.clone(), Outputs::Pending);
                }
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        let message = format!("the stack cannot be planned: {} without a value", plural(problems.len()));
        Err(Error::new(Reason::ManifestInvalid, message).problems(problems))
    }

    fn step(&mut self, component: &Component) -> Result<Step> {
        let id = &component.id;
        let values = resolve_values(id, &component.definition, &self.resolver)?;
        let mut files = Step::file_hashes(component, self.input.inputs);
        let template = match &component.definition {
            Definition::Typed(typed) => Some(work::compile(component, typed, &values, &self.resolver)?.text().into()),
            definition => definition.files().first().and_then(|file| self.input.inputs.template(&file.glob)),
        };
        if let (Definition::Typed(_), Some(text)) = (&component.definition, &template) {
            files.insert(inputs::COMPILED.to_owned(), text_hash(text));
        }
        let parts = inputs::parts(component, &values, |glob| files.get(glob).cloned(), self.input.key);
        let state = self.input.state.components.get(id);
        let (action, reasons) = self.decide(component, state, &parts);
        let inputs = Inputs::of(parts, values);
        if action == Action::Create {
            self.created.insert(id.clone(), (component.component_type.name, inputs.hashes.clone()));
        }
        let record = match (action, state) {
            (Action::None, Some(state)) => changed_record(component, state),
            _ => None,
        };
        Ok(Step {
            component: id.clone(),
            component_type: component.component_type.name.to_owned(),
            engine: component.component_type.engine,
            action,
            reasons: reasons.into_iter().chain(record.map(StepReason::Recorded)).collect(),
            after: component.dependencies.clone(),
            record: record.is_some(),
            wanted: Some(component.clone()),
            inputs,
            deployed: state.cloned(),
            files,
            template,
            source: self.input.source,
        })
    }

    fn decide(
        &self,
        component: &Component,
        state: Option<&ComponentState>,
        parts: &[Part],
    ) -> (Action, Vec<StepReason>) {
        let in_flight = self.input.state.in_flight.contains_key(&component.id);
        let Some(state) = state else {
            return (Action::Create, vec![if in_flight { StepReason::Interrupted } else { StepReason::New }]);
        };
        if state.component_type != component.component_type.name {
            return (Action::Replace, vec![StepReason::TypeChanged(state.component_type.clone())]);
        }
        if self.input.options.replace.contains(&component.id) {
            return (Action::Replace, vec![StepReason::Requested]);
        }
        if let Some(was) = self.moved(state) {
            return (Action::Replace, vec![StepReason::Moved(was)]);
        }
        let cut = match state.status {
            ComponentStatus::Failed => Some(StepReason::Failed),
            ComponentStatus::Interrupted => Some(StepReason::Interrupted),
            ComponentStatus::Deployed => in_flight.then_some(StepReason::Interrupted),
        };
        let changes = inputs::changes(parts, state).into_iter().map(StepReason::Changed);
        match (cut, state.created) {
            (Some(cut), None) => (Action::Create, vec![cut]),
            (Some(cut), Some(_)) => (Action::Update, vec![cut]),
            (None, _) => {
                let reasons: Vec<StepReason> = changes.collect();
                (if reasons.is_empty() { Action::None } else { Action::Update }, reasons)
            }
        }
    }

    /// Where a stack is deployed that is to be in another region now.
    fn moved(&self, state: &ComponentState) -> Option<String> {
        let was = state.definition.get("region").filter(|_| state.engine == EngineKind::Cloudformation)?.as_str()?;
        (self.resolver.scope().region.as_deref() != Some(was)).then(|| was.to_owned())
    }

    /// A step for each deployed component that the file no longer has, dependents first.
    fn removed(&self) -> Vec<Step> {
        let state = self.input.state;
        let selection = &self.input.options.selection;
        let gone = |id: &ComponentId| self.manifest.component(id).is_none();
        let removed: BTreeSet<&ComponentId> =
            state.components.keys().filter(|id| gone(id) && selection.names(id)).collect();
        let planned: BTreeSet<&ComponentId> = self.steps.iter().map(|step| &step.component).collect();
        destroy::deletions(&destroy::Deletions {
            components: &state.components,
            targets: &removed,
            planned: &planned,
            delete_data: false,
            reason: StepReason::Removed,
        })
    }
}

/// The outputs of what is deployed.
pub(super) fn deployed_outputs(components: &BTreeMap<ComponentId, ComponentState>) -> BTreeMap<ComponentId, Outputs> {
    components.iter().map(|(id, state)| (id.clone(), Outputs::Known(state.outputs.clone()))).collect()
}

/// What the state records of a component besides its inputs, where it differs.
fn changed_record(component: &Component, state: &ComponentState) -> Option<&'static str> {
    let timeout = component.definition.timeout().map(|timeout| timeout.as_millis() as u64);
    if (component.on_destroy == OnDestroy::Retain) != state.retain {
        return Some("onDestroy");
    }
    if component.dependencies != state.depends_on {
        return Some("dependsOn");
    }
    (state.definition.get("timeoutMs").and_then(serde_json::Value::as_u64) != timeout).then_some("timeout")
}

fn as_problem(component: &Component, error: &Error) -> Problem {
    let message = error.to_string();
    component.place.problem(message, error.hints.first().cloned())
}

fn plural(count: usize) -> String {
    if count == 1 { "one component is".to_owned() } else { format!("{count} components are") }
}
