//! A tree for a terminal. What is below a component for the second time is not repeated: `(*)`.

use std::collections::BTreeSet;

use super::Drawn;

pub(super) fn draw(stack: &Drawn<'_>) -> String {
    let mut tree = Tree { stack, shown: BTreeSet::new(), text: format!("{}\n", stack.name) };
    // The last to be deployed come first: everything else is below them.
    let mut tops: Vec<usize> = stack.order();
    tops.retain(|&at| stack.graph.dependents(at).is_empty());
    tree.below(&tops, "");
    tree.text
}

struct Tree<'a> {
    stack: &'a Drawn<'a>,
    shown: BTreeSet<usize>,
    text: String,
}

impl Tree<'_> {
    fn below(&mut self, components: &[usize], indent: &str) {
        for (n, &at) in components.iter().enumerate() {
            let is_last = n + 1 == components.len();
            let (branch, deeper) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
            let needed = self.stack.graph.dependencies(at);
            let again = !self.shown.insert(at) && !needed.is_empty();
            let mark = if again { " (*)" } else { "" };
            let line = format!("{indent}{branch}{} ({}){mark}\n", self.stack.graph.id(at), self.stack.types[at]);
            self.text.push_str(&line);
            if !again {
                self.below(needed, &format!("{indent}{deeper}"));
            }
        }
    }
}
