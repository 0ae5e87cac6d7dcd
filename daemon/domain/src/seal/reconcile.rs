//! Taking up what a fenced-off holder still knew.

use crate::name::ComponentId;
use crate::state::{ComponentState, ComponentStatus, StateDocument};

/// Takes into a sealed state what an orphan document knows beyond it, and answers the components concerned.
///
/// A component that only the orphan knows, or knows later, may be there in part: it becomes `interrupted`, so that the
/// next apply does it again. An intent that only the orphan knows is taken over, so that it is resolved. What the
/// state lacks because it was deleted since cannot be told from what the orphan's holder made: doing it again, or
/// deleting it again, is harmless; forgetting it is not.
pub fn reconcile(state: &mut StateDocument, orphan: &StateDocument) -> Vec<ComponentId> {
    let mut concerned = Vec::new();
    for (id, known) in &orphan.components {
        if state.components.get(id).is_none_or(|ours| is_later(known, ours)) {
            let taken = ComponentState { status: ComponentStatus::Interrupted, ..known.clone() };
            state.components.insert(id.clone(), taken);
            concerned.push(id.clone());
        }
    }
    for (id, intent) in &orphan.in_flight {
        if !state.in_flight.contains_key(id) {
            state.in_flight.insert(id.clone(), intent.clone());
            concerned.push(id.clone());
        }
    }
    concerned.sort();
    concerned.dedup();
    concerned
}

fn is_later(known: &ComponentState, ours: &ComponentState) -> bool {
    known.updated > ours.updated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::EngineKind;

    fn component(updated: &str) -> ComponentState {
        ComponentState {
            component_type: "command".to_owned(),
            engine: EngineKind::Command,
            status: ComponentStatus::Deployed,
            inputs_hash: String::new(),
            inputs: [].into(),
            depends_on: Vec::new(),
            definition: serde_json::Value::Null,
            outputs: [].into(),
            resources: Vec::new(),
            retain: false,
            created: None,
            updated: Some(updated.parse().unwrap()),
            duration_ms: 0,
            last_error: None,
        }
    }

    fn state(components: &[(&str, &str)]) -> StateDocument {
        let mut state =
            StateDocument::empty("acme-team".parse().unwrap(), "s".parse().unwrap(), "dev".parse().unwrap());
        for (id, updated) in components {
            state.components.insert(id.parse().unwrap(), component(updated));
        }
        state
    }

    #[test]
    fn what_only_the_orphan_knows_or_knows_later_is_taken_up_as_interrupted() {
        let (early, late) = ("2024-01-15T10:00:00Z", "2024-01-15T11:00:00Z");
        let mut ours = state(&[("a.same", early), ("a.older", early), ("a.newer", late), ("a.mine", early)]);
        let orphan = state(&[("a.same", early), ("a.older", late), ("a.newer", early), ("a.theirs", early)]);
        let concerned: Vec<String> = reconcile(&mut ours, &orphan).iter().map(ToString::to_string).collect();
        assert_eq!(concerned, ["a.older", "a.theirs"]);
        let status = |id: &str| ours.components[&id.parse().unwrap()].status;
        assert_eq!(status("a.theirs"), ComponentStatus::Interrupted);
        assert_eq!(status("a.older"), ComponentStatus::Interrupted);
        for id in ["a.same", "a.newer", "a.mine"] {
            assert_eq!(status(id), ComponentStatus::Deployed, "{id}");
        }
        assert_eq!(reconcile(&mut ours, &orphan), [], "once is enough");
    }
}
