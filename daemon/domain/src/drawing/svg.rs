//! A picture, laid out in layers: each component above what needs it.

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::Drawn;

/// How wide a letter is, and how high a box; the type stands below the name.
const LETTER: f64 = 9.0;
const HEIGHT: f64 = 48.0;
/// Up to how many components the lines are untangled.
const UNTANGLED: usize = 100;

pub(super) fn draw(stack: &Drawn<'_>) -> String {
    let mut picture = VisualGraph::new(Orientation::TopToBottom);
    let boxes: Vec<_> = (0..stack.graph.len())
        .map(|at| {
            let (name, kind) = (stack.graph.id(at).to_string(), stack.types[at]);
            let width = name.len().max(kind.len()) as f64 * LETTER + 2.0 * LETTER;
            let shape = ShapeKind::new_box(&format!("{name}\n{kind}"));
            let size = Point::new(width, HEIGHT);
            picture.add_node(Element::create(shape, StyleAttr::simple(), Orientation::TopToBottom, size))
        })
        .collect();
    for (at, needed) in stack.edges() {
        picture.add_edge(Arrow::simple(""), boxes[needed], boxes[at]);
    }
    let mut svg = SVGWriter::new();
    if !boxes.is_empty() {
        // Untangling the lines of a very large picture takes longer than anybody waits.
        let as_it_comes = boxes.len() > UNTANGLED;
        picture.do_it(false, as_it_comes, false, &mut svg);
    }
    svg.finalize()
}
