//! Graphviz's language: arrows lead from what is needed to what needs it, as a deployment goes.

use super::Drawn;

pub(super) fn draw(stack: &Drawn<'_>) -> String {
    let mut text = format!("digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box];\n", stack.name);
    for (service, components) in stack.services() {
        text.push_str(&format!("  subgraph \"cluster_{service}\" {{\n    label=\"{service}\";\n"));
        for at in components {
            let id = stack.graph.id(at);
            text.push_str(&format!("    \"{id}\" [label=\"{}\\n{}\"];\n", id.component, stack.types[at]));
        }
        text.push_str("  }\n");
    }
    for (at, needed) in stack.edges() {
        text.push_str(&format!("  \"{}\" -> \"{}\";\n", stack.graph.id(needed), stack.graph.id(at)));
    }
    text.push_str("}\n");
    text
}
