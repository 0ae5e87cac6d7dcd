//! The graph of a stack as a drawing: what depends on what, for a terminal, a page or a picture.

mod dot;
mod mermaid;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use std::str::FromStr;

use crate::error::{Error, Reason};
use crate::graph::Graph;
use crate::manifest::Manifest;
use crate::plan::Selection;

/// How a graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A tree for a terminal: below each component what it depends on.
    Text,
    /// A flow chart for Markdown.
    Mermaid,
    /// Graphviz's language.
    Dot,
    /// A picture.
    Svg,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "" | "text" => Ok(Self::Text),
            "mermaid" => Ok(Self::Mermaid),
            "dot" => Ok(Self::Dot),
            "svg" => Ok(Self::Svg),
            other => {
                let shown: String = other.chars().take(40).collect();
                let message = format!("there is no format {shown:?} for a graph");
                Err(Error::new(Reason::InvalidRequest, message).hint("there are text, mermaid, dot and svg"))
            }
        }
    }
}

/// Draws a stack, or the selected part of it with what that depends on.
pub fn draw(manifest: &Manifest, selection: &Selection, format: Format) -> Result<String, Error> {
    selection.check(&manifest.components.iter().map(|component| &component.id).collect())?;
    let all = manifest.graph();
    let named = (0..all.len()).filter(|&at| selection.names(all.id(at)));
    let chosen = all.with_dependencies(named);
    let components: Vec<_> = chosen.iter().map(|&at| &manifest.components[at]).collect();
    let graph = Graph::new(components.iter().map(|component| (&component.id, component.dependencies.as_slice())));
    let types = components.iter().map(|component| component.component_type.name).collect();
    let stack = Drawn { name: manifest.name.as_str(), graph: &graph, types };
    Ok(match format {
        Format::Text => text::draw(&stack),
        Format::Mermaid => mermaid::draw(&stack),
        Format::Dot => dot::draw(&stack),
        Format::Svg => svg::draw(&stack),
    })
}

/// What is drawn. Names and types have no character that any of the formats would have to escape.
struct Drawn<'a> {
    name: &'a str,
    graph: &'a Graph,
    types: Vec<&'static str>,
}

impl Drawn<'_> {
    /// The components in the order that they could be deployed in.
    fn order(&self) -> Vec<usize> {
        self.graph.order()
    }

    /// Every dependency: who depends, and on whom.
    fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.graph.len()).flat_map(|at| self.graph.dependencies(at).iter().map(move |&needed| (at, needed)))
    }

    /// The components of each service, in order.
    fn services(&self) -> Vec<(String, Vec<usize>)> {
        let mut services: Vec<(String, Vec<usize>)> = Vec::new();
        for at in self.order() {
            let service = self.graph.id(at).service.to_string();
            match services.iter_mut().find(|(name, _)| *name == service) {
                Some((_, components)) => components.push(at),
                None => services.push((service, vec![at])),
            }
        }
        services
    }
}
