//! One component in a plan, and what its engine needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::deployed::{Deployed, cannot_resolve};
use super::inputs::{self, Inputs};
use super::work::{self, DataFate, ModuleWork, Prepared, Removal, Work};
use super::{SensitiveKey, StepReason};
use crate::cloudformation::StackPlace;
use crate::error::{Error, Reason, Result};
use crate::expression::{Resolved, Resolver, Scope, Template};
use crate::manifest::{Component, Definition};
use crate::name::ComponentId;
use crate::source::{InputHashes, SourceHash};
use crate::state::{Action, ComponentState, EngineKind};

/// The type whose template is the team's own.
const OWN_TEMPLATE: &str = "cloudformation";

/// One component in a plan.
#[derive(Debug, Clone)]
pub struct Step {
    /// The component.
    pub component: ComponentId,
    /// Its type, such as `command`.
    pub component_type: String,
    /// Its engine.
    pub engine: EngineKind,
    /// What is done to it.
    pub action: Action,
    /// Why; empty where nothing is done.
    pub reasons: Vec<StepReason>,
    /// The steps that come first.
    pub after: Vec<ComponentId>,
    /// Whether the state's record of it changes although the action is `None`.
    pub record: bool,
    /// What is wanted; none for a delete.
    pub wanted: Option<Component>,
    /// What goes into that.
    pub inputs: Inputs,
    /// What is deployed; none for a create.
    pub deployed: Option<ComponentState>,
    /// The hashes of the files that it is made of, by glob.
    pub files: BTreeMap<String, String>,
    /// The text of its template, where it has one.
    pub template: Option<Arc<str>>,
    /// The source that the plan is made of; none for a delete.
    pub source: Option<SourceHash>,
}

impl Step {
    /// Whether it may turn out that there is nothing to do, once values that are not known yet are known.
    pub fn conditional(&self) -> bool {
        let unknown = |reason: &StepReason| matches!(reason, StepReason::Changed(change) if change.is_unknown());
        self.action == Action::Update && !self.reasons.is_empty() && self.reasons.iter().all(unknown)
    }

    /// What to run for a create, an update or the second half of a replace, once its dependencies told their outputs.
    pub fn prepare(&self, resolver: &Resolver, key: &SensitiveKey) -> Result<Prepared> {
        let Some(component) = &self.wanted else {
            return Err(Error::new(Reason::Internal, format!("{} is not to be applied", self.component)));
        };
        let values = resolve_values(&self.component, &component.definition, resolver)?;
        if let Some((part, _)) = values.iter().find(|(_, value)| value.expose().is_none()) {
            return Err(Error::new(Reason::Internal, format!("{}: {part} is still not known", self.component)));
        }
        let inputs = match self.inputs.unknown.is_empty() {
            true => self.inputs.hashes.clone(),
            false => inputs::hashes(inputs::parts(component, &values, |glob| self.files.get(glob).cloned(), key)),
        };
        let inputs_hash = inputs::hash(&inputs);
        let work = Work::of(self, component, &values, resolver)?;
        let definition = work.record(&component.definition, &values);
        let unchanged =
            self.conditional() && self.deployed.as_ref().is_some_and(|state| state.inputs_hash == inputs_hash);
        Ok(Prepared { work, inputs, inputs_hash, definition, unchanged })
    }

    /// The module that an apply of it will work on, without the values of its variables; none where it is no module, or
    /// is not simply applied.
    pub fn module(&self, scope: &Scope) -> Option<ModuleWork> {
        match &self.wanted.as_ref()?.definition {
            Definition::Terraform(module) if matches!(self.action, Action::Create | Action::Update) => {
                Some(work::module(self, module, scope))
            }
            _ => None,
        }
    }

    /// Whether all values that are wanted are known already.
    pub fn is_known(&self, resolver: &Resolver) -> bool {
        let Some(wanted) = &self.wanted else { return false };
        let known = |template: &Template| matches!(resolver.resolve(template), Ok(value) if value.expose().is_some());
        wanted.definition.values().into_iter().all(|(_, template)| known(template))
    }

    /// The CloudFormation stacks that it touches.
    pub fn stack_places(&self, resolver: &Resolver) -> Result<BTreeSet<StackPlace>> {
        let mut places = BTreeSet::new();
        if self.action == Action::None {
            return Ok(places);
        }
        let wanted = self.wanted.as_ref().filter(|_| self.action != Action::Delete);
        if let Some(wanted) = wanted.filter(|_| self.engine == EngineKind::Cloudformation) {
            places.insert(work::place(&wanted.id, resolver.scope())?);
        }
        if let Some(state) = self.deployed.as_ref().filter(|state| state.engine == EngineKind::Cloudformation)
            && let Deployed::Cloudformation(stack) = Deployed::read(&self.component, state)?
        {
            places.insert(stack.place);
        }
        Ok(places)
    }

    /// What to run for a delete or the first half of a replace; none where nothing is deployed.
    pub fn removal(&self, resolver: &Resolver) -> Result<Option<Removal>> {
        let Some(state) = &self.deployed else { return Ok(None) };
        Deployed::read(&self.component, state)?.removal(&self.component, self.data_fate(state), resolver).map(Some)
    }

    /// What a deletion does with data. What is kept by default is deleted only where somebody said so; what is made anew
    /// leaves behind what its file keeps.
    fn data_fate(&self, state: &ComponentState) -> DataFate {
        if state.component_type == OWN_TEMPLATE {
            DataFate::AsItsTemplateSays
        } else if state.retain && self.action == Action::Delete {
            DataFate::Deleted
        } else {
            DataFate::AsItsFileSays
        }
    }

    pub(super) fn file_hashes(component: &Component, inputs: &InputHashes) -> BTreeMap<String, String> {
        let files = component.definition.files().iter();
        files.map(|pattern| (pattern.glob.clone(), inputs.of(&pattern.glob))).collect()
    }
}

/// The values of a definition, as far as they are known, by what [`Definition::values`] calls them.
pub(super) fn resolve_values(
    id: &ComponentId,
    definition: &Definition,
    resolver: &Resolver,
) -> Result<BTreeMap<String, Resolved>> {
    let resolve = |(part, template): (String, &Template)| match resolver.resolve(template) {
        Ok(value) => Ok((part, value)),
        Err(unresolved) => Err(cannot_resolve(id, &part, &unresolved)),
    };
    definition.values().into_iter().map(resolve).collect()
}
