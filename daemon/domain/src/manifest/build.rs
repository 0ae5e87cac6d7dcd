//! From files to a manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::{self, Mention};
use super::field::Kind;
use super::reading::{Fields, Read, ReadValue, Reading};
use super::table::{self, STACK_FIELDS};
use super::typed::Typed;
use super::uses::{self, Use};
use super::{
    CloudformationDefinition, CommandDefinition, Component, Definition, Environment, InputPattern, Manifest, Network,
    OnDestroy, Place, TerraformDefinition, TypedDefinition, Variable,
};
use crate::error::Problem;
use crate::expression::Template;
use crate::graph::Graph;
use crate::name::{ComponentId, ServiceName};
use crate::yaml::{self, SourceFile};

/// The most problems that are told at once.
pub(super) const MAX_PROBLEMS: usize = 100;

pub(super) fn manifest(main: &SourceFile, services: &[SourceFile]) -> Result<Manifest, Vec<Problem>> {
    let mut draft = Draft::default();
    draft.main(main);
    services.iter().for_each(|file| draft.service_file(file));
    if draft.components.is_empty() && draft.problems.is_empty() {
        let hint = "describe one under `services:`; `deployer destroy` takes a stack away";
        draft.problems.push(Problem {
            file: main.name.clone(),
            line: 0,
            column: 0,
            message: "the stack has no components".to_owned(),
            hint: Some(hint.to_owned()),
        });
    }
    check::mentions(&mut draft);
    uses::expand(&mut draft);
    let graph = Graph::new(draft.components.iter().map(|c| (&c.id, c.dependencies.as_slice())));
    check::cycles(&mut draft, &graph);
    let order: Vec<&str> = std::iter::once(main).chain(services).map(|file| file.name.as_str()).collect();
    match draft.name {
        Some(name) if draft.problems.is_empty() => Ok(Manifest {
            name,
            description: draft.description,
            variables: draft.variables,
            environments: draft.environments,
            services: draft.services,
            components: draft.components,
            graph,
        }),
        _ => Err(sorted(draft.problems, &order)),
    }
}

fn sorted(mut problems: Vec<Problem>, order: &[&str]) -> Vec<Problem> {
    let rank: BTreeMap<&str, usize> = order.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    problems.sort_by_cached_key(|problem| (rank.get(problem.file.as_str()).copied(), problem.line, problem.column));
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        problems.truncate(MAX_PROBLEMS);
        let file = problems[0].file.clone();
        problems.push(Problem { file, line: 0, column: 0, message: format!("and {more} more problems"), hint: None });
    }
    problems
}

/// What was read so far; what has problems is in it as far as it could be read, so that the rest can be checked.
#[derive(Default)]
pub(super) struct Draft {
    name: Option<crate::name::StackName>,
    description: Option<String>,
    pub variables: BTreeMap<String, Variable>,
    pub environments: BTreeMap<crate::name::EnvironmentName, Environment>,
    services: BTreeMap<ServiceName, Option<String>>,
    pub components: Vec<Component>,
    pub mentions: Vec<Mention>,
    /// What typed components use, by where those are in `components`.
    pub uses: Vec<(usize, Use)>,
    pub problems: Vec<Problem>,
}

impl Draft {
    fn read(
        &mut self,
        file: &SourceFile,
        read: impl FnOnce(&mut Reading<'_>, &yaml::Node) -> Option<Fields>,
    ) -> Fields {
        match yaml::parse(file) {
            Ok(root) => {
                let mut reading = Reading { file: Arc::from(file.name.as_str()), problems: &mut self.problems };
                read(&mut reading, &root).unwrap_or_default()
            }
            Err(problems) => {
                self.problems.extend(problems);
                Fields::default()
            }
        }
    }

    fn main(&mut self, file: &SourceFile) {
        let mut fields = self.read(file, |reading, root| reading.object(root, &[STACK_FIELDS], "", false));
        self.name = fields.text("name").and_then(|name| name.parse().ok());
        self.description = fields.text("description");
        for (name, place, value) in fields.map("variables") {
            self.variables.insert(name, variable(value.fields(), place));
        }
        let environments = fields.place("environments");
        for (name, _, value) in fields.map("environments") {
            if let Ok(name) = name.parse() {
                let environment = self.environment(value.fields());
                self.environments.insert(name, environment);
            }
        }
        if let (Some(place), true) = (environments, self.environments.is_empty() && self.problems.is_empty()) {
            self.problems.push(place.problem("there is no environment", Some("write `development: {}`".to_owned())));
        }
        for (name, place, value) in fields.map("services") {
            self.service(&name, place, value.fields());
        }
    }

    fn environment(&mut self, mut fields: Fields) -> Environment {
        let mut environment = Environment {
            region: fields.text("region"),
            role_arn: fields.text("roleArn"),
            account_id: fields.text("accountId"),
            ..Environment::default()
        };
        for (name, place, value) in fields.map("variables") {
            self.mentions.push(Mention::Variable(name.clone(), place));
            environment.variables.insert(name, value.into_text().unwrap_or_default());
        }
        environment.network = fields.0.remove("network").map(|read| {
            let mut network = read.fields();
            Network {
                vpc_id: network.text("vpcId").unwrap_or_default(),
                public_subnet_ids: network.texts("publicSubnetIds"),
                private_subnet_ids: network.texts("privateSubnetIds"),
            }
        });
        environment
    }

    fn service_file(&mut self, file: &SourceFile) {
        let place = Place { file: Arc::from(file.name.as_str()), line: 0, column: 0 };
        let name = file.name.rsplit('/').next().unwrap_or(&file.name);
        let name = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name).to_owned();
        let Kind::Object(table) = &table::SERVICE else { return };
        let fields = self.read(file, |reading, root| reading.object(root, &[table], &name, false));
        self.service(&name, place, fields);
    }

    fn service(&mut self, name: &str, place: Place, mut fields: Fields) {
        let service: ServiceName = match name.parse() {
            Ok(service) => service,
            Err(error) => return self.problems.push(place.problem(error.to_string(), None)),
        };
        if self.services.contains_key(&service) {
            let message = format!("the service `{service}` is described twice");
            let hint = Some("keep it either in the main file or in services/".to_owned());
            return self.problems.push(place.problem(message, hint));
        }
        self.services.insert(service.clone(), fields.text("description"));
        for (name, place, value) in fields.map("components") {
            if let (Ok(component), ReadValue::Component(known, fields)) = (name.parse(), value.value) {
                let id = ComponentId { service: service.clone(), component };
                self.component(id, place, known.unwrap_or(&table::COMPONENT_TYPES[0]), fields);
            }
        }
    }

    fn component(&mut self, id: ComponentId, place: Place, known: &'static table::ComponentType, mut fields: Fields) {
        let mut dependencies = Vec::new();
        for read in fields.list("dependsOn") {
            if let (Ok(needed), place) = (read.text().unwrap_or_default().parse::<ComponentId>(), read.place) {
                dependencies.push(needed.clone());
                self.mentions.push(Mention::Component(needed, place));
            }
        }
        let on_destroy = match (fields.text("onDestroy").as_deref(), known.holds_data) {
            (Some("retain"), _) | (None, true) => OnDestroy::Retain,
            _ => OnDestroy::Delete,
        };
        let description = fields.text("description");
        let definition = self.definition(known, &mut fields);
        dependencies.extend(definition.values().iter().flat_map(|(_, value)| value.components().cloned()));
        dependencies.sort();
        dependencies.dedup();
        let component_type = known;
        self.components.push(Component {
            id,
            place,
            component_type,
            description,
            dependencies,
            on_destroy,
            definition,
        });
    }

    fn definition(&mut self, known: &table::ComponentType, fields: &mut Fields) -> Definition {
        match known.name {
            "cloudformation" => Definition::Cloudformation(CloudformationDefinition {
                template: fields.pattern("template"),
                parameters: self.templates(fields, "parameters"),
            }),
            "terraform" => Definition::Terraform(TerraformDefinition {
                source: fields.pattern("source"),
                variables: self.templates(fields, "variables"),
            }),
            "command" => Definition::Command(CommandDefinition {
                apply: fields.text("apply").unwrap_or_default(),
                destroy: fields.text("destroy"),
                check: fields.text("check"),
                timeout: fields.duration("timeout"),
                environment: self.templates(fields, "environment"),
                inputs: fields.list("inputs").into_iter().filter_map(Read::into_pattern).collect(),
            }),
            _ => {
                fields.0.remove("type");
                let typed = Typed::of(std::mem::take(fields));
                self.mentions.extend(typed.mentions);
                let at = self.components.len();
                self.uses.extend(typed.uses.into_iter().map(|used| (at, used)));
                Definition::Typed(TypedDefinition { fields: typed.fields, values: typed.values })
            }
        }
    }

    /// The texts of a mapping, with what they mention noted.
    fn templates(&mut self, fields: &mut Fields, name: &str) -> BTreeMap<String, Template> {
        let mut templates = BTreeMap::new();
        for (name, _, value) in fields.map(name) {
            if let ReadValue::Template(template, places) = value.value {
                let references = template.references().map(|(reference, _)| reference.clone());
                self.mentions
                    .extend(references.zip(places).filter_map(|(reference, place)| Mention::of(reference, place)));
                templates.insert(name, template);
            }
        }
        templates
    }
}

fn variable(mut fields: Fields, place: Place) -> Variable {
    Variable {
        description: fields.text("description"),
        default: fields.text("default"),
        sensitive: fields.flag("sensitive"),
        place,
    }
}

impl Read {
    pub(super) fn text(&self) -> Option<String> {
        self.clone().into_text()
    }

    pub(super) fn into_text(self) -> Option<String> {
        match self.value {
            ReadValue::Text(text) => Some(text),
            _ => None,
        }
    }

    fn into_pattern(self) -> Option<InputPattern> {
        let place = self.place.clone();
        Some(InputPattern { glob: self.into_text()?, place })
    }

    fn fields(self) -> Fields {
        match self.value {
            ReadValue::Object(fields) => fields,
            _ => Fields::default(),
        }
    }
}

impl Fields {
    fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).and_then(Read::into_text)
    }

    fn pattern(&mut self, name: &str) -> InputPattern {
        let nowhere = || InputPattern { glob: String::new(), place: Place { file: Arc::from(""), line: 0, column: 0 } };
        self.0.remove(name).and_then(Read::into_pattern).unwrap_or_else(nowhere)
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        self.list(name).into_iter().filter_map(Read::into_text).collect()
    }

    fn flag(&mut self, name: &str) -> bool {
        matches!(self.0.remove(name), Some(Read { value: ReadValue::Flag(true), .. }))
    }

    fn duration(&mut self, name: &str) -> Option<std::time::Duration> {
        match self.0.remove(name)?.value {
            ReadValue::Duration(duration) => Some(duration),
            _ => None,
        }
    }

    fn list(&mut self, name: &str) -> Vec<Read> {
        match self.0.remove(name).map(|read| read.value) {
            Some(ReadValue::List(items)) => items,
            _ => Vec::new(),
        }
    }

    pub(super) fn map(&mut self, name: &str) -> Vec<(String, Place, Read)> {
        match self.0.remove(name).map(|read| read.value) {
            Some(ReadValue::Map(entries)) => entries,
            _ => Vec::new(),
        }
    }

    fn place(&self, name: &str) -> Option<Place> {
        self.0.get(name).map(|read| read.place.clone())
    }
}
