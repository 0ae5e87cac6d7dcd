//! Planning to take things away, from the state alone.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::{Drafted, deployed_outputs, finish};
use super::inputs::Inputs;
use super::step::Step;
use super::{Operation, Plan, PlanInput, StepReason};
use crate::error::Result;
use crate::expression::{Resolver, Scope};
use crate::graph::Graph;
use crate::name::ComponentId;
use crate::state::{Action, ComponentState};

/// Plans to take away what is deployed, or the selected part of it with all that depends on that.
pub fn plan_destroy(input: PlanInput<'_>) -> Result<Plan> {
    let components = &input.state.components;
    let selection = &input.options.selection;
    selection.check(&components.keys().collect())?;
    let graph = graph_of(components);
    let named = (0..graph.len()).filter(|&at| selection.names(graph.id(at)));
    let targets: BTreeSet<&ComponentId> = graph.with_dependents(named).into_iter().map(|at| graph.id(at)).collect();
    let steps = deletions(&Deletions {
        components,
        targets: &targets,
        planned: &BTreeSet::new(),
        delete_data: input.options.delete_data,
        reason: StepReason::Destroy,
    });
    let scope = Scope {
        tenant: input.tenant.clone(),
        stack: input.state.stack.clone(),
        environment: input.environment.clone(),
        region: input.state.region.clone().or_else(|| input.default_region.map(str::to_owned)),
        role_arn: None,
        network: None,
    };
    let resolver = Resolver::new(scope, input.values.clone(), deployed_outputs(components));
    let warnings = warnings(&steps);
    let stack = input.state.stack.clone();
    finish(Operation::Destroy, &stack, input, Drafted { steps, warnings, resolver })
}

fn warnings(steps: &[Step]) -> Vec<String> {
    let kept: Vec<String> =
        steps.iter().filter(|step| step.action == Action::None).map(|step| step.component.to_string()).collect();
    if kept.is_empty() {
        return Vec::new();
    }
    vec![format!("kept, because of onDestroy: retain (--delete-data deletes them as well): {}", kept.join(", "))]
}

/// What is to be deleted, and what else the plan does.
pub(super) struct Deletions<'a> {
    pub components: &'a BTreeMap<ComponentId, ComponentState>,
    pub targets: &'a BTreeSet<&'a ComponentId>,
    /// Components that the plan has other steps for; a deletion waits for those that still use what it deletes.
    pub planned: &'a BTreeSet<&'a ComponentId>,
    pub delete_data: bool,
    pub reason: StepReason,
}

/// The steps that delete the targets, dependents first; what must be kept has a step that does nothing.
pub(super) fn deletions(asked: &Deletions<'_>) -> Vec<Step> {
    let graph = graph_of(asked.components);
    let kept = kept(asked, &graph);
    let mut order = graph.order();
    order.reverse();
    let targets = order.into_iter().filter(|&at| asked.targets.contains(graph.id(at)));
    targets.map(|at| deletion(asked, &graph, at, kept.get(&at))).collect()
}

fn deletion(asked: &Deletions<'_>, graph: &Graph, at: usize, kept: Option<&StepReason>) -> Step {
    let id = graph.id(at);
    let state = &asked.components[id];
    let awaited = |dependent: &ComponentId| asked.targets.contains(dependent) || asked.planned.contains(dependent);
    let dependents = graph.dependents(at).iter().map(|&dependent| graph.id(dependent));
    Step {
        component: id.clone(),
        component_type: state.component_type.clone(),
        engine: state.engine,
        action: if kept.is_some() { Action::None } else { Action::Delete },
        reasons: vec![kept.cloned().unwrap_or_else(|| asked.reason.clone())],
        after: match kept {
            Some(_) => Vec::new(),
            None => dependents.filter(|id| awaited(id)).cloned().collect(),
        },
        record: false,
        wanted: None,
        inputs: Inputs::default(),
        deployed: Some(state.clone()),
        files: BTreeMap::new(),
        template: None,
        source: None,
    }
}

/// Which targets are kept and why: those that hold data, those in use, and all that these depend on.
fn kept(asked: &Deletions<'_>, graph: &Graph) -> BTreeMap<usize, StepReason> {
    let mut kept = BTreeMap::new();
    let mut queue = Vec::new();
    for at in (0..graph.len()).filter(|&at| asked.targets.contains(graph.id(at))) {
        let outside = |id: &&ComponentId| !asked.targets.contains(*id) && !asked.planned.contains(*id);
        let user = graph.dependents(at).iter().map(|&dependent| graph.id(dependent)).find(outside);
        let reason = match user {
            _ if asked.components[graph.id(at)].retain && !asked.delete_data => StepReason::Retained,
            Some(user) => StepReason::InUseBy(user.clone()),
            None => continue,
        };
        kept.insert(at, reason);
        queue.push(at);
    }
    while let Some(at) = queue.pop() {
        for &needed in graph.dependencies(at) {
            if asked.targets.contains(graph.id(needed)) && !kept.contains_key(&needed) {
                kept.insert(needed, StepReason::NeededBy(graph.id(at).clone()));
                queue.push(needed);
            }
        }
    }
    kept
}

fn graph_of(components: &BTreeMap<ComponentId, ComponentState>) -> Graph {
    Graph::new(components.iter().map(|(id, state)| (id, state.depends_on.as_slice())))
}
