//! How the state document changes around a step.
//!
//! What may be there in part is recorded before the engine is asked to make it, with all that a destroy needs: after a
//! crash nothing is forgotten.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{DeployedCommand, Plan, Prepared, Step};
use crate::engine::Adopted;
use crate::manifest::OnDestroy;
use crate::name::ComponentId;
use crate::state::{Action, ComponentState, ComponentStatus, EngineKind, Intent, Output, Resource, StateDocument};

/// What an engine tells of a step that it did.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The outputs.
    pub outputs: BTreeMap<String, Output>,
    /// The physical resources.
    pub resources: Vec<Resource>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Whether the engine found nothing to be done.
    pub unchanged: bool,
}

impl Step {
    /// Records that the engine is about to be asked; `prepared` for everything but a removal.
    pub fn begin(&self, state: &mut StateDocument, intent: Intent, prepared: Option<&Prepared>) {
        state.in_flight.insert(self.component.clone(), intent);
        match prepared {
            Some(prepared) => self.write(state, prepared, ComponentStatus::Interrupted),
            None => {
                if let Some(component) = state.components.get_mut(&self.component) {
                    component.status = ComponentStatus::Interrupted;
                }
            }
        }
    }

    /// Records that a create, an update or the second half of a replace was done.
    pub fn applied(&self, state: &mut StateDocument, prepared: &Prepared, outcome: Outcome, now: Timestamp) {
        state.in_flight.remove(&self.component);
        self.write(state, prepared, ComponentStatus::Deployed);
        if let Some(component) = state.components.get_mut(&self.component) {
            component.inputs = prepared.inputs.clone();
            component.inputs_hash = prepared.inputs_hash.clone();
            take_outcome(component, outcome, now);
        }
    }

    /// Records that a delete was done; the last one leaves nothing behind but the fence and the numbers.
    pub fn deleted(&self, state: &mut StateDocument) {
        state.in_flight.remove(&self.component);
        state.components.remove(&self.component);
        if state.is_empty() {
            state.source = None;
            state.variables.clear();
        }
    }

    /// Records that the first half of a replace was done: nothing is there now.
    pub fn removed(&self, state: &mut StateDocument) {
        if let Some(component) = state.components.get_mut(&self.component) {
            component.created = None;
            component.outputs.clear();
            component.resources.clear();
        }
    }

    /// Records that it failed, or was cut off where `status` says so.
    pub fn stopped(&self, state: &mut StateDocument, status: ComponentStatus, error: String, now: Timestamp) {
        state.in_flight.remove(&self.component);
        stopped(state, &self.component, status, error, now);
    }

    /// Records that it was left to its provider; the intent stays for whoever holds the lock next.
    pub fn left(&self, state: &mut StateDocument, why: String, now: Timestamp) {
        stopped(state, &self.component, ComponentStatus::Interrupted, why, now);
    }

    /// Records what changed without anything being run: `onDestroy`, `dependsOn`, `timeout`.
    pub fn record(&self, state: &mut StateDocument) {
        let (Some(wanted), Some(component)) = (&self.wanted, state.components.get_mut(&self.component)) else { return };
        component.retain = wanted.on_destroy == OnDestroy::Retain;
        component.depends_on = wanted.dependencies.clone();
        if component.engine != EngineKind::Command {
            return;
        }
        if let Ok(mut definition) = serde_json::from_value::<DeployedCommand>(component.definition.clone()) {
            definition.timeout_ms = wanted.definition.timeout().map(|timeout| timeout.as_millis() as u64);
            component.definition = definition.to_value();
        }
    }

    /// Writes the definition; the inputs are left empty until the step is done, so that it is done again otherwise.
    fn write(&self, state: &mut StateDocument, prepared: &Prepared, status: ComponentStatus) {
        let Some(wanted) = &self.wanted else { return };
        let component = state.components.entry(self.component.clone()).or_insert_with(|| ComponentState {
            component_type: self.component_type.clone(),
            engine: self.engine,
            status,
            inputs_hash: String::new(),
            inputs: BTreeMap::new(),
            depends_on: Vec::new(),
            definition: Value::Null,
            outputs: BTreeMap::new(),
            resources: Vec::new(),
            retain: false,
            created: None,
            updated: None,
            duration_ms: 0,
            last_error: None,
        });
        component.component_type = self.component_type.clone();
        component.engine = self.engine;
        component.status = status;
        component.inputs_hash = String::new();
        component.inputs = BTreeMap::new();
        component.depends_on = wanted.dependencies.clone();
        component.definition = prepared.definition.clone();
        component.retain = wanted.on_destroy == OnDestroy::Retain;
    }
}

/// Records what became of an operation that an earlier holder of the lock had asked for.
pub fn adopted(state: &mut StateDocument, id: &ComponentId, adopted: Adopted, now: Timestamp) {
    let Some(intent) = state.in_flight.remove(id) else { return };
    let outcome = match adopted {
        Adopted::Done(Some(outcome)) => outcome,
        Adopted::Done(None) => return drop(state.components.remove(id)),
        Adopted::Failed(why) => return stopped(state, id, ComponentStatus::Failed, why, now),
        Adopted::Unfinished => {
            let why = "the run was cut off here".to_owned();
            return stopped(state, id, ComponentStatus::Interrupted, why, now);
        }
    };
    if let Some(component) = state.components.get_mut(id) {
        component.status = ComponentStatus::Deployed;
        component.inputs = intent.inputs;
        component.inputs_hash = intent.inputs_hash;
        take_outcome(component, outcome, now);
    }
}

fn stopped(state: &mut StateDocument, id: &ComponentId, status: ComponentStatus, why: String, now: Timestamp) {
    if let Some(component) = state.components.get_mut(id) {
        component.status = status;
        component.last_error = Some(why);
        component.updated = Some(now);
    }
}

fn take_outcome(component: &mut ComponentState, outcome: Outcome, now: Timestamp) {
    component.outputs = outcome.outputs;
    component.resources = outcome.resources;
    component.duration_ms = outcome.duration_ms;
    component.created = component.created.or(Some(now));
    component.updated = Some(now);
    component.last_error = None;
}

impl Plan {
    /// Records what a run of this plan stands for: its source, region and variables. The serial rises by one.
    pub fn record(&self, state: &mut StateDocument) {
        state.serial = self.serial + 1;
        state.removed = false;
        if self.operation == super::Operation::Apply {
            state.source = self.source.map(|source| source.to_string());
            state.region = self.region.clone();
            state.variables = self.variables.clone();
        }
    }

    /// Whether a run asks an engine of this kind for anything.
    pub fn works_with(&self, kind: EngineKind) -> bool {
        let of = |step: &Step| step.engine == kind || step.deployed.as_ref().is_some_and(|known| known.engine == kind);
        self.steps.iter().any(|step| step.action != Action::None && of(step))
    }

    /// Whether a step's engine is asked at all.
    pub fn runs(&self, step: usize) -> bool {
        self.steps[step].action != Action::None
    }
}
