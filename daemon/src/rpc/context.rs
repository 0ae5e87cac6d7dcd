//! Contexts on the wire.

use deployer_proto::v1;
use deployer_proto::v1::context_service_server::ContextService;
use tonic::{Request, Response, Status};

use super::Server;
use super::convert::{backend_to_proto, mode_to_proto};
use super::status::to_status;
use crate::operation::list_contexts::{ContextView, list_contexts};
use crate::operation::remove_context::remove_context;
use crate::operation::use_context::use_context;

#[tonic::async_trait]
impl ContextService for Server {
    async fn list(
        &self,
        request: Request<v1::ListContextsRequest>,
    ) -> Result<Response<v1::ListContextsResponse>, Status> {
        self.caller(request.into_inner().context)?;
        let contexts = list_contexts(&self.ports).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ListContextsResponse { contexts: contexts.into_iter().map(context_to_proto).collect() }))
    }

    async fn r#use(&self, request: Request<v1::UseContextRequest>) -> Result<Response<v1::UseContextResponse>, Status> {
        let request = request.into_inner();
        self.caller(request.context)?;
        let used = use_context(&self.ports, &request.name).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::UseContextResponse { used: Some(context_to_proto(used)) }))
    }

    async fn remove(
        &self,
        request: Request<v1::RemoveContextRequest>,
    ) -> Result<Response<v1::RemoveContextResponse>, Status> {
        let request = request.into_inner();
        self.caller(request.context)?;
        let removed = remove_context(&self.ports, &request.name).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::RemoveContextResponse { removed: Some(context_to_proto(removed)) }))
    }
}

fn context_to_proto(view: ContextView) -> v1::Context {
    let context = view.context;
    v1::Context {
        name: context.name().to_string(),
        mode: mode_to_proto(context.mode()).into(),
        tenant: context.tenant.as_ref().map(ToString::to_string).unwrap_or_default(),
        backend: Some(backend_to_proto(&context.backend)),
        current: view.current,
        signed_in: view.signed_in_until.is_some(),
        expires: view.signed_in_until.map(|until| until.to_string()).unwrap_or_default(),
    }
}
