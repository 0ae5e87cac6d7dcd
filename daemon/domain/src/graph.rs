//! What depends on what: cycles, order, selection, and what is ready.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::ComponentId;

/// The most cycles that are told of one graph.
pub const MAX_CYCLES: usize = 20;

/// A directed graph of components. It may be built with cycles; only [`Graph::cycles`] minds.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    ids: Vec<ComponentId>,
    index: BTreeMap<ComponentId, usize>,
    dependencies: Vec<Vec<usize>>,
    dependents: Vec<Vec<usize>>,
}

impl Graph {
    /// Builds a graph from components with what each depends on; unknown dependencies are left out.
    pub fn new<'a>(nodes: impl IntoIterator<Item = (&'a ComponentId, &'a [ComponentId])>) -> Self {
        let nodes: Vec<_> = nodes.into_iter().collect();
        let ids: Vec<ComponentId> = nodes.iter().map(|(id, _)| (*id).clone()).collect();
        let index: BTreeMap<_, _> = ids.iter().enumerate().map(|(at, id)| (id.clone(), at)).collect();
        let mut dependencies = vec![Vec::new(); ids.len()];
        let mut dependents = vec![Vec::new(); ids.len()];
        for (at, (_, needs)) in nodes.iter().enumerate() {
            let needs: BTreeSet<usize> = needs.iter().filter_map(|id| index.get(id).copied()).collect();
            needs.iter().for_each(|&need| dependents[need].push(at));
            dependencies[at] = needs.into_iter().collect();
        }
        Self { ids, index, dependencies, dependents }
    }

    /// The number of components.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no component.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The component at an index.
    pub fn id(&self, index: usize) -> &ComponentId {
        &self.ids[index]
    }

    /// The index of a component.
    pub fn index_of(&self, id: &ComponentId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// What a component depends on directly.
    pub fn dependencies(&self, index: usize) -> &[usize] {
        &self.dependencies[index]
    }

    /// What depends on a component directly.
    pub fn dependents(&self, index: usize) -> &[usize] {
        &self.dependents[index]
    }

    /// The components, each after all that it depends on; among those that are free, in the order they were given.
    ///
    /// A cycle is entered at its first component, so the answer is complete also for a graph with cycles.
    pub fn order(&self) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.dependencies.iter().map(Vec::len).collect();
        let mut open: BTreeSet<usize> = (0..self.len()).collect();
        let mut free: BTreeSet<usize> = open.iter().copied().filter(|&at| waiting[at] == 0).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(next) = free.pop_first().or_else(|| open.first().copied()) {
            open.remove(&next);
            order.push(next);
            for &dependent in &self.dependents[next] {
                waiting[dependent] = waiting[dependent].saturating_sub(1);
                if waiting[dependent] == 0 && open.contains(&dependent) {
                    free.insert(dependent);
                }
            }
        }
        order
    }

    /// The components in waves: each wave needs only earlier ones.
    pub fn waves(&self) -> Vec<Vec<usize>> {
        let mut depth = vec![0; self.len()];
        let mut waves: Vec<Vec<usize>> = Vec::new();
        for at in self.order() {
            depth[at] = self.dependencies[at].iter().map(|&need| depth[need] + 1).max().unwrap_or(0);
            if waves.len() <= depth[at] {
                waves.resize(depth[at] + 1, Vec::new());
            }
            waves[depth[at]].push(at);
        }
        waves
    }

    /// These components and all that they depend on, directly or not.
    pub fn with_dependencies(&self, of: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        reach(&self.dependencies, of)
    }

    /// These components and all that depends on them, directly or not.
    pub fn with_dependents(&self, of: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        reach(&self.dependents, of)
    }

    /// One cycle for each knot of components that depend on each other, as the indices along it; at most
    /// [`MAX_CYCLES`] of them.
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        let mut left: BTreeSet<usize> = self.knotted();
        let mut cycles = Vec::new();
        while let (Some(&start), true) = (left.first(), cycles.len() < MAX_CYCLES) {
            let knot: BTreeSet<usize> =
                self.with_dependencies([start]).intersection(&self.with_dependents([start])).copied().collect();
            if let Some(cycle) = self.shortest_cycle(start, &knot) {
                cycles.push(cycle);
            }
            left.retain(|at| !knot.contains(at));
        }
        cycles
    }

    /// The components that are left when all that can be ordered, from either side, is taken away.
    fn knotted(&self) -> BTreeSet<usize> {
        let peel = |edges: &[Vec<usize>], back: &[Vec<usize>], left: &BTreeSet<usize>| {
            let mut left = left.clone();
            let mut degree: Vec<usize> =
                edges.iter().map(|to| to.iter().filter(|at| left.contains(at)).count()).collect();
            let mut free: Vec<usize> = left.iter().copied().filter(|&at| degree[at] == 0).collect();
            while let Some(at) = free.pop() {
                left.remove(&at);
                for &other in back[at].iter().filter(|other| left.contains(other)) {
                    degree[other] -= 1;
                    if degree[other] == 0 {
                        free.push(other);
                    }
                }
            }
            left
        };
        let all = (0..self.len()).collect();
        let left = peel(&self.dependencies, &self.dependents, &all);
        peel(&self.dependents, &self.dependencies, &left)
    }

    /// The shortest way from a component along its dependencies back to itself, breadth first.
    fn shortest_cycle(&self, start: usize, knot: &BTreeSet<usize>) -> Option<Vec<usize>> {
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            for &next in self.dependencies[at].iter().filter(|next| knot.contains(next)) {
                if next == start {
                    let mut cycle = vec![at];
                    while let Some(&before) = came_from.get(&cycle[cycle.len() - 1]) {
                        cycle.push(before);
                    }
                    cycle.reverse();
                    return Some(cycle);
                }
                if next != at && !came_from.contains_key(&next) {
                    came_from.insert(next, at);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

fn reach(edges: &[Vec<usize>], of: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
    let mut seen: BTreeSet<usize> = of.into_iter().collect();
    let mut queue: Vec<usize> = seen.iter().copied().collect();
    while let Some(at) = queue.pop() {
        queue.extend(edges[at].iter().copied().filter(|&next| seen.insert(next)));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effort::Effort;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let id = |name: &&str| format!("s.{name}").parse::<ComponentId>().unwrap();
        let nodes: Vec<(ComponentId, Vec<ComponentId>)> =
            edges.iter().map(|(name, needs)| (id(name), needs.iter().map(id).collect())).collect();
        Graph::new(nodes.iter().map(|(id, needs)| (id, needs.as_slice())))
    }

    fn names(graph: &Graph, of: impl IntoIterator<Item = usize>) -> String {
        of.into_iter().map(|at| graph.id(at).component.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_component_comes_after_what_it_needs() {
        let graph = graph(&[("c", &["b", "a"]), ("b", &["a"]), ("x", &[]), ("a", &[]), ("d", &["x"])]);
        assert_eq!(names(&graph, graph.order()), "x a b c d");
        let waves: Vec<String> = graph.waves().into_iter().map(|wave| names(&graph, wave)).collect();
        assert_eq!(waves, ["x a", "b d", "c"]);
        assert!(graph.cycles().is_empty());
    }

    #[test]
    fn a_selection_takes_what_it_needs_or_what_needs_it() {
        let graph = graph(&[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("d", &["a"])]);
        assert_eq!(names(&graph, graph.with_dependencies([1])), "a b");
        assert_eq!(names(&graph, graph.with_dependents([1])), "b c");
    }

    #[test]
    fn each_knot_shows_one_whole_cycle() {
        let edges: &[(&str, &[&str])] = &[
            ("in", &["a"]),
            ("a", &["b"]),
            ("b", &["c"]),
            ("c", &["a", "out"]),
            ("out", &[]),
            ("self", &["self"]),
            ("x", &["y"]),
            ("y", &["x", "in"]),
        ];
        let graph = graph(edges);
        let cycles: Vec<String> = graph.cycles().into_iter().map(|cycle| names(&graph, cycle)).collect();
        assert_eq!(cycles, ["a b c", "self", "x y"]);
    }

    #[test]
    fn an_order_of_a_graph_with_cycles_is_complete() {
        let graph = graph(&[("a", &["b"]), ("b", &["a"]), ("c", &["b"])]);
        assert_eq!(names(&graph, graph.order()), "a b c");
    }

    #[test]
    fn ten_thousand_components_in_a_chain_are_ordered_quickly() {
        let ids: Vec<ComponentId> = (0..10_000).map(|n| format!("s.c{n}").parse().unwrap()).collect();
        let nodes = ids.iter().enumerate().map(|(n, id)| (id, if n == 0 { &[] } else { &ids[n - 1..n] }));
        let graph = Graph::new(nodes);
        let start = Effort::begin();
        assert_eq!(graph.order().len(), 10_000);
        assert_eq!(graph.waves().len(), 10_000);
        assert!(graph.cycles().is_empty());
        assert!(start.so_far() < std::time::Duration::from_secs(1));
    }
}
