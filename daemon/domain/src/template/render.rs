//! The templates of a whole stack, for people who want to see them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiled, TemplateRequest, compile};
use crate::cloudformation::stack_name;
use crate::error::{Error, Reason, Result};
use crate::expression::{Outputs, Resolver, Scope, Template};
use crate::manifest::{Component, Definition, Manifest, TypedDefinition, Values};
use crate::name::ComponentId;
use crate::plan::Selection;

/// The template of one component.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The component.
    pub component: ComponentId,
    /// Its type.
    pub component_type: &'static str,
    /// The name of its stack.
    pub stack_name: String,
    /// Its template with all that the stack needs.
    pub compiled: Compiled,
    /// How the values of its parameters are written in the file.
    pub written: BTreeMap<String, String>,
}

/// Compiles the typed components that a selection names, without what they depend on. Everything that is wrong is said at
/// once. No output is known here: templates do not depend on them.
pub fn render_all(manifest: &Manifest, selection: &Selection, scope: Scope, values: Values) -> Result<Vec<Rendered>> {
    let known: BTreeSet<&ComponentId> = manifest.components.iter().map(|component| &component.id).collect();
    selection.check(&known)?;
    let outputs = manifest.components.iter().map(|component| (component.id.clone(), Outputs::Pending)).collect();
    let resolver = Resolver::new(scope, values, outputs);
    let (mut rendered, mut problems) = (Vec::new(), Vec::new());
    for at in manifest.graph().order() {
        let component = &manifest.components[at];
        let Definition::Typed(typed) = &component.definition else { continue };
        if !selection.names(&component.id) {
            continue;
        }
        match render(component, typed, &resolver) {
            Ok(one) => rendered.push(one),
            Err(error) if error.reason == Reason::ManifestInvalid => problems.extend(error.problems),
            Err(error) => return Err(error),
        }
    }
    if problems.is_empty() {
        return Ok(rendered);
    }
    let message = format!("{} cannot be rendered for {}", manifest.name, resolver.scope().environment);
    Err(Error::new(Reason::ManifestInvalid, message).problems(problems))
}

fn render(component: &Component, typed: &TypedDefinition, resolver: &Resolver) -> Result<Rendered> {
    let place = |why: String| component.place.problem(why, None);
    let resolve = |(path, text): (&String, &Template)| match resolver.resolve(text) {
        Ok(value) => Ok((path.clone(), value)),
        Err(unresolved) => {
            let message = format!("{} cannot be rendered", component.id);
            Err(Error::new(Reason::ManifestInvalid, message).problems([place(format!("`{path}`: {unresolved}"))]))
        }
    };
    let values = typed.values.iter().map(resolve).collect::<Result<_>>()?;
    let compiled = compile(&TemplateRequest {
        component: &component.id,
        place: &component.place,
        component_type: component.component_type,
        on_destroy: component.on_destroy,
        fields: &typed.fields,
        written: &typed.values,
        values: &values,
        variables: resolver.values(),
        scope: resolver.scope(),
    })?;
    Ok(Rendered {
        component: component.id.clone(),
        component_type: component.component_type.name,
        stack_name: stack_name(&component.id, resolver.scope()),
        written: written(&compiled, typed),
        compiled,
    })
}

fn written(compiled: &Compiled, typed: &TypedDefinition) -> BTreeMap<String, String> {
    let source = |path: &String| typed.values.get(path).map(|text| text.source().to_owned()).unwrap_or_default();
    compiled.sources.iter().map(|(name, path)| (name.clone(), source(path))).collect()
}
