//! From a typed component to a CloudFormation template: pure, and the same for the same file.
//!
//! ```text
//! compile(&TemplateRequest) -> Compiled { template, parameters, capabilities, outputs }
//! ```
//!
//! What is known before anything is deployed stands in the template itself: written values, variables, the tenant, the
//! region. A text that needs another component's output, or a sensitive variable, becomes a *parameter* of the
//! template. So a plan has the whole template although outputs are not known yet, the text never changes when only an
//! output does, and no secret is ever in it.
//!
//! **Invariant:** the template depends on the file, the environment and the plain variables alone; whether a text
//! becomes a parameter is decided by how it is written, never by what it stands for at the moment.
//! **Invariant:** no account, partition or region is written into a template by this room.

mod builder;
mod fields;
mod intrinsic;
mod render;
mod statement;
mod tags;

mod database;
mod load_balancer;
mod place;
mod role;
mod schedule;
mod task;

mod dynamodb_table;
mod ecs_service;
mod elasticache;
mod lambda;
mod network;
mod rds;
mod s3_bucket;
mod scheduled_task;
mod sns_topic;
mod sqs_queue;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use render::{Rendered, render_all};
pub use tags::tags;

use builder::Builder;

use crate::error::{Error, Problem, Reason, Result};
use crate::expression::{Resolved, Scope, Template};
use crate::manifest::{ComponentType, OnDestroy, OutputField, Place, Values};
use crate::name::ComponentId;

/// What a template is made from.
#[derive(Debug, Clone, Copy)]
pub struct TemplateRequest<'a> {
    /// The component.
    pub component: &'a ComponentId,
    /// Where it stands in the file, for messages.
    pub place: &'a Place,
    /// Its type.
    pub component_type: &'static ComponentType,
    /// Whether what holds data is kept when the stack is deleted.
    pub on_destroy: OnDestroy,
    /// Its fields as the file has them: the shape; what the texts stand for is in `values`.
    pub fields: &'a Value,
    /// The texts in `fields` by where they stand, such as `environment.QUEUE_URL` or `topics.0`.
    pub written: &'a BTreeMap<String, Template>,
    /// What the texts stand for, as far as it is known.
    pub values: &'a BTreeMap<String, Resolved>,
    /// The stack's variables: whether one is sensitive.
    pub variables: &'a Values,
    /// Whose it is and where.
    pub scope: &'a Scope,
}

/// A template with all that its stack needs.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The template; the order of its keys is fixed.
    pub template: Value,
    /// The values of its parameters; unknown while an output is.
    pub parameters: BTreeMap<String, Resolved>,
    /// Where the values of its parameters stand in the fields, such as `environment.QUEUE_URL`.
    pub sources: BTreeMap<String, String>,
    /// What the deployment must acknowledge: nothing, or `CAPABILITY_IAM`.
    pub capabilities: Vec<&'static str>,
    /// The outputs that this template has; the stack's outputs have the same names.
    pub outputs: Vec<&'static OutputField>,
}

impl Compiled {
    /// The template as text: indented JSON with sorted keys.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.template).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Compiles a component. Everything that is wrong with its values is said at once.
pub fn compile(request: &TemplateRequest<'_>) -> Result<Compiled> {
    let (fields, parameters) = fields::resolve(request).map_err(|problems| invalid(request, problems))?;
    let mut builder = Builder::new(request, &fields);
    let compiled = match request.component_type.name {
        "s3-bucket" => s3_bucket::compile(&mut builder, &read(&fields)?),
        "sqs-queue" => sqs_queue::compile(&mut builder, &read(&fields)?),
        "sns-topic" => sns_topic::compile(&mut builder, &read(&fields)?),
        "dynamodb-table" => dynamodb_table::compile(&mut builder, &read(&fields)?),
        "lambda" => lambda::compile(&mut builder, &read(&fields)?),
        "ecs-service" => ecs_service::compile(&mut builder, &read(&fields)?),
        "scheduled-task" => scheduled_task::compile(&mut builder, &read(&fields)?),
        "rds" => rds::compile(&mut builder, &read(&fields)?),
        "elasticache" => elasticache::compile(&mut builder, &read(&fields)?),
        "network" => network::compile(&mut builder, &read(&fields)?),
        other => {
            let message = format!("{}: a `{other}` has no template", request.component);
            return Err(Error::new(Reason::Internal, message));
        }
    };
    compiled.map_err(|problems| invalid(request, problems))?;
    Ok(builder.finish(parameters))
}

/// What is wrong with a component, each a sentence, with what would be right.
type Problems = Vec<(String, Option<String>)>;

/// The only problem.
fn problem<T>(message: impl Into<String>, hint: impl Into<String>) -> std::result::Result<T, Problems> {
    Err(vec![(message.into(), Some(hint.into()))])
}

fn invalid(request: &TemplateRequest<'_>, problems: Problems) -> Error {
    let message = format!("{} cannot be a `{}` like this", request.component, request.component_type.name);
    let problems = problems.into_iter().map(|(message, hint)| request.place.problem(message, hint));
    Error::new(Reason::ManifestInvalid, message).problems(problems.collect::<Vec<Problem>>())
}

fn read<T: DeserializeOwned>(fields: &Value) -> Result<T> {
    serde_json::from_value(fields.clone())
        .map_err(|error| Error::new(Reason::Internal, "the fields of a component could not be read").caused_by(error))
}
