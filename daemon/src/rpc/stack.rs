//! Stacks on the wire.

use std::path::PathBuf;
use std::time::Duration;

use deployer_domain::engine::{Drift, Health};
use deployer_domain::error::{Error, Reason};
use deployer_domain::manifest::{Component, Manifest};
use deployer_domain::name::{ComponentId, StackName};
use deployer_domain::run::RunOperation;
use deployer_domain::template::Rendered;
use deployer_proto::v1;
use deployer_proto::v1::stack_service_server::StackService;
use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::Server;
use super::convert::given;
use super::events::{output_to_proto, short};
use super::histories::{difference_to_proto, history_to_proto};
use super::logs::{LogStream, stream as logs_stream};
use super::plans::{engine_name, plan_to_proto, question_from_proto, target_from_proto};
use super::status::{problem, to_status};
use crate::operation::diff_history::diff_history;
use crate::operation::drift::{Drifts, drift};
use crate::operation::graph::graph;
use crate::operation::history::history;
use crate::operation::init_stack::init_stack;
use crate::operation::list_stacks::list_stacks;
use crate::operation::logs::{AskedLogs, logs};
use crate::operation::outputs::outputs;
use crate::operation::plan::{AskedPlan, plan};
use crate::operation::remove_stack::remove_stack;
use crate::operation::render::render;
use crate::operation::schema::schema;
use crate::operation::show_stack::show_stack;
use crate::operation::stack_summaries::StackSummary;
use crate::operation::status::{self, status};
use crate::operation::target::Loaded;
use crate::operation::validate_stack::{Validated, validate_stack};

#[tonic::async_trait]
impl StackService for Server {
    type LogsStream = LogStream;

    async fn init(&self, request: Request<v1::InitStackRequest>) -> Result<Response<v1::InitStackResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let stack = StackName::new(request.name.trim()).map_err(|error| to_status(&error.into()))?;
        let template = given(request.template);
        let file = init_stack(&caller, &stack, template.as_deref()).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::InitStackResponse { file: file.display().to_string(), stack: stack.to_string() }))
    }

    async fn list(&self, request: Request<v1::ListStacksRequest>) -> Result<Response<v1::ListStacksResponse>, Status> {
        let caller = self.caller(request.into_inner().context)?;
        let stacks = list_stacks(&self.ports, &caller).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ListStacksResponse { stacks: stacks.iter().map(row_to_proto).collect() }))
    }

    async fn show(&self, request: Request<v1::ShowStackRequest>) -> Result<Response<v1::ShowStackResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let loaded = show_stack(&caller, &target).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(stack_to_proto(&loaded)))
    }

    async fn validate(&self, request: Request<v1::ValidateRequest>) -> Result<Response<v1::ValidateResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let unsaved = request.unsaved.into_iter().map(|(path, text)| (PathBuf::from(path), text)).collect();
        let validated = validate_stack(&caller, &target, unsaved).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(validated_to_proto(&validated)))
    }

    async fn plan(&self, request: Request<v1::PlanRequest>) -> Result<Response<v1::Plan>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let question = question_from_proto(request.target, request.options).map_err(|error| to_status(&error))?;
        let asked = AskedPlan {
            question,
            plan_file: given(request.plan_file.clone()).map(PathBuf::from),
            out: given(request.out.clone()).map(PathBuf::from),
            // What is saved or shown from a file is whole.
            brief: request.brief && request.out.is_empty() && request.plan_file.is_empty(),
        };
        if asked.out.is_some() && asked.question.operation == RunOperation::Rollback {
            let message = "the plan of a rollback cannot be saved: history keeps what it is made from";
            return Err(to_status(&Error::new(Reason::InvalidRequest, message)));
        }
        let plan = plan(&self.ports, &caller, &asked).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(plan_to_proto(plan)))
    }

    async fn render(&self, request: Request<v1::RenderRequest>) -> Result<Response<v1::RenderResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let rendered = render(&self.ports, &caller, &target).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::RenderResponse {
            stack: rendered.stack.to_string(),
            environment: rendered.environment.to_string(),
            templates: rendered.templates.into_iter().map(template_to_proto).collect(),
        }))
    }

    async fn status(&self, request: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let status = status(&self.ports, &caller, &target).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(status_to_proto(status)))
    }

    async fn drift(&self, request: Request<v1::DriftRequest>) -> Result<Response<v1::DriftResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let drifts = drift(&self.ports, &caller, &target).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(drifts_to_proto(&drifts)))
    }

    async fn outputs(&self, request: Request<v1::OutputsRequest>) -> Result<Response<v1::OutputsResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let found = outputs(&self.ports, &caller, &target).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::OutputsResponse {
            stack: found.stack.to_string(),
            environment: found.environment.to_string(),
            outputs: found.outputs.into_iter().map(output_to_proto).collect(),
        }))
    }

    async fn history(&self, request: Request<v1::HistoryRequest>) -> Result<Response<v1::HistoryResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let number = (request.number > 0).then_some(u64::from(request.number));
        let limit = (request.limit > 0).then_some(request.limit as usize);
        let found = history(&self.ports, &caller, &target, number, limit).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::HistoryResponse {
            stack: found.stack.to_string(),
            environment: found.environment.to_string(),
            rows: found.rows.into_iter().map(|(entry, state)| history_to_proto(entry, state.as_ref())).collect(),
        }))
    }

    async fn diff_history(
        &self,
        request: Request<v1::DiffHistoryRequest>,
    ) -> Result<Response<v1::DiffHistoryResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let numbers = (request.from.into(), request.to.into());
        let difference = diff_history(&self.ports, &caller, &target, numbers).await;
        Ok(Response::new(difference_to_proto(difference.map_err(|error| to_status(&error))?)))
    }

    async fn logs(&self, request: Request<v1::LogsRequest>) -> Result<Response<Self::LogsStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let since = given(request.since).map(|text| moment(&text)).transpose().map_err(|error| to_status(&error))?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let asked = AskedLogs { target, follow: request.follow, since };
        Ok(logs_stream(logs(&self.ports, &caller, &asked).await.map_err(|error| to_status(&error))?))
    }

    async fn graph(&self, request: Request<v1::GraphRequest>) -> Result<Response<v1::GraphResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let format = request.format.parse().map_err(|error| to_status(&error))?;
        let (stack, drawing) = graph(&caller, &target, format).await.map_err(|error| to_status(&error))?;
        let format = given(request.format).unwrap_or_else(|| "text".to_owned());
        Ok(Response::new(v1::GraphResponse { stack: stack.to_string(), format, drawing }))
    }

    async fn remove(
        &self,
        request: Request<v1::RemoveStackRequest>,
    ) -> Result<Response<v1::RemoveStackResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let wait = Duration::from_secs(request.wait_seconds.into());
        let removed = remove_stack(&self.ports, &caller, &target, wait).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::RemoveStackResponse {
            stack: removed.stack.to_string(),
            environments: removed.environments.iter().map(ToString::to_string).collect(),
            documents: short(removed.documents as u64),
        }))
    }

    async fn schema(&self, request: Request<v1::SchemaRequest>) -> Result<Response<v1::SchemaResponse>, Status> {
        self.caller(request.into_inner().context)?;
        Ok(Response::new(v1::SchemaResponse { json_schema: schema() }))
    }
}

fn moment(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|error: jiff::Error| {
        Error::new(Reason::InvalidRequest, "since is no time in RFC 3339").caused_by(error)
    })
}

fn template_to_proto(rendered: Rendered) -> v1::RenderedTemplate {
    let parameters = rendered.written.into_iter().map(|(name, value)| v1::TemplateParameter { name, value });
    v1::RenderedTemplate {
        component: rendered.component.to_string(),
        r#type: rendered.component_type.to_owned(),
        stack_name: rendered.stack_name,
        template: rendered.compiled.text(),
        parameters: parameters.collect(),
        capabilities: rendered.compiled.capabilities.iter().map(ToString::to_string).collect(),
    }
}

fn row_to_proto(row: &StackSummary) -> v1::StackRow {
    v1::StackRow {
        stack: row.stack.to_string(),
        environment: row.environment.to_string(),
        services: short(row.services.len() as u64),
        components: row.components,
        status: row.status.as_str().to_owned(),
        history_number: short(row.history_number),
        updated: row.updated.map(|time| time.to_string()).unwrap_or_default(),
        problem: row.problem.clone(),
    }
}

fn stack_to_proto(loaded: &Loaded) -> v1::ShowStackResponse {
    let manifest = &loaded.manifest;
    let variables = manifest.variables.iter().map(|(name, variable)| v1::VariableDescription {
        name: name.clone(),
        description: variable.description.clone().unwrap_or_default(),
        required: variable.default.is_none(),
        sensitive: variable.sensitive,
        default_value: variable.default.clone().filter(|_| !variable.sensitive).unwrap_or_default(),
    });
    let components =
        manifest.graph().order().into_iter().map(|at| component_to_proto(loaded, &manifest.components[at]));
    v1::ShowStackResponse {
        name: manifest.name.to_string(),
        description: manifest.description.clone().unwrap_or_default(),
        file: loaded.full_path().display().to_string(),
        environments: manifest.environments.keys().map(ToString::to_string).collect(),
        variables: variables.collect(),
        components: components.collect(),
    }
}

fn component_to_proto(loaded: &Loaded, component: &Component) -> v1::ComponentDescription {
    let in_services = *component.place.file != *loaded.files.main.name;
    let file = match (in_services, component.place.file.rsplit('/').next()) {
        (true, Some(name)) => loaded.files.directory.join("services").join(name),
        _ => loaded.full_path(),
    };
    v1::ComponentDescription {
        id: component.id.to_string(),
        r#type: component.component_type.name.to_owned(),
        engine: engine_name(component.component_type.engine).to_owned(),
        depends_on: component.dependencies.iter().map(ToString::to_string).collect(),
        line: component.place.line,
        file: file.display().to_string(),
    }
}

fn validated_to_proto(validated: &Validated) -> v1::ValidateResponse {
    let manifest = validated.manifest.as_ref();
    let services = |manifest: &Manifest| {
        let services: std::collections::BTreeSet<_> = manifest.components.iter().map(|c| &c.id.service).collect();
        short(services.len() as u64)
    };
    v1::ValidateResponse {
        file: validated.file.display().to_string(),
        problems: validated.problems.iter().map(problem).collect(),
        stack: manifest.map(|manifest| manifest.name.to_string()).unwrap_or_default(),
        services: manifest.map(services).unwrap_or_default(),
        components: manifest.map(|manifest| short(manifest.components.len() as u64)).unwrap_or_default(),
    }
}

fn status_to_proto(status: status::Status) -> v1::StatusResponse {
    let component = |(id, component_type, health): &(ComponentId, String, Health)| v1::ComponentHealth {
        component: id.to_string(),
        r#type: component_type.clone(),
        health: health.condition.as_str().to_owned(),
        reason: health.reason.clone(),
    };
    v1::StatusResponse {
        tenant: status.tenant.to_string(),
        stack: status.stack.to_string(),
        environment: status.environment.to_string(),
        components: status.components.iter().map(component).collect(),
        healthy: status.is_healthy(),
        locked_by: status.lock.by.clone().unwrap_or_default(),
        lock_unknown: status.lock.unknown.clone(),
        updated: status.updated.map(|time| time.to_string()).unwrap_or_default(),
        history_number: short(status.history_number),
    }
}

fn drifts_to_proto(drifts: &Drifts) -> v1::DriftResponse {
    let component = |(id, component_type, drift): &(ComponentId, String, Drift)| v1::ComponentDrift {
        component: id.to_string(),
        r#type: component_type.clone(),
        drift: drift.state.as_str().to_owned(),
        details: drift.details.clone(),
    };
    v1::DriftResponse {
        stack: drifts.stack.to_string(),
        environment: drifts.environment.to_string(),
        components: drifts.components.iter().map(component).collect(),
        drifted: drifts.any(),
    }
}
