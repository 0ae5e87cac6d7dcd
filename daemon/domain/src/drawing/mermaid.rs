//! A flow chart for Markdown: arrows lead from what is needed to what needs it, as a deployment goes.

use super::Drawn;

pub(super) fn draw(stack: &Drawn<'_>) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (service, components) in stack.services() {
        text.push_str(&format!("  subgraph {service}_[\"{service}\"]\n"));
        for at in components {
            let id = stack.graph.id(at);
            text.push_str(&format!("    n{at}[\"{}<br/><i>{}</i>\"]\n", id.component, stack.types[at]));
        }
        text.push_str("  end\n");
    }
    for (at, needed) in stack.edges() {
        text.push_str(&format!("  n{needed} --> n{at}\n"));
    }
    text
}
