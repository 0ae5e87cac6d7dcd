//! Signing in and out on the wire.

use deployer_domain::backend::BackendAddress;
use deployer_domain::error::{Error, Reason};
use deployer_domain::name::TenantId;
use deployer_domain::session::Mode;
use deployer_domain::tenant::Tenant;
use deployer_proto::v1;
use deployer_proto::v1::session_service_server::SessionService;
use secrecy::{ExposeSecret, SecretString};
use tonic::{Request, Response, Status};

use super::Server;
use super::convert::{backend_from_proto, backend_to_proto, given, mode_from_proto, mode_to_proto};
use super::status::to_status;
use super::steps::{self, StepStream};
use crate::operation::admin_login::{AdminLogin, admin_login};
use crate::operation::bootstrap::{Bootstrap, Bootstrapped, bootstrap};
use crate::operation::login::{Login, login};
use crate::operation::logout::logout;
use crate::operation::propose_otp::propose_otp;
use crate::operation::rotate_password::{Enrolment, RotatePassword, rotate_password};
use crate::operation::show_session::{SessionView, show_session};

#[tonic::async_trait]
impl SessionService for Server {
    type BootstrapStream = StepStream<v1::BootstrapEvent>;
    type AdminLoginStream = StepStream<v1::LoginEvent>;
    type LoginStream = StepStream<v1::LoginEvent>;

    async fn bootstrap(
        &self,
        request: Request<v1::BootstrapRequest>,
    ) -> Result<Response<Self::BootstrapStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = Bootstrap {
            backend: backend_from_proto(request.backend.unwrap_or_default(), &caller.cwd)
                .map_err(|error| to_status(&error))?,
            lock_table: given(request.lock_table),
            admin_secret: given(request.admin_secret),
            password: given(request.password).map(SecretString::from),
        };
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| bootstrap_event(v1::bootstrap_event::Event::Step(step)),
            |done| bootstrap_event(v1::bootstrap_event::Event::Done(bootstrapped_to_proto(done))),
            |hear| async move { bootstrap(&ports, &caller, wanted, &*hear).await },
        ))
    }

    async fn admin_login(
        &self,
        request: Request<v1::AdminLoginRequest>,
    ) -> Result<Response<Self::AdminLoginStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = AdminLogin {
            backend: backend_from_proto(request.backend.unwrap_or_default(), &caller.cwd)
                .map_err(|error| to_status(&error))?,
            admin_secret: given(request.admin_secret),
            password: SecretString::from(request.password),
            otp: given(request.otp).map(SecretString::from),
        };
        let ports = self.ports.clone();
        Ok(steps::answer(login_step, login_done, |_| async move { admin_login(&ports, &caller, wanted).await }))
    }

    async fn propose_otp(&self, request: Request<v1::ProposeOtpRequest>) -> Result<Response<v1::OtpProposal>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let own = given(request.otp_key).map(SecretString::from);
        let proposed = propose_otp(&self.ports, &caller, own).await.map_err(|error| to_status(&error))?;
        let (otp_key, otp_uri) = (proposed.key.expose_secret().to_owned(), proposed.uri.expose_secret().to_owned());
        Ok(Response::new(v1::OtpProposal { otp_key, otp_uri }))
    }

    async fn rotate_password(
        &self,
        request: Request<v1::RotatePasswordRequest>,
    ) -> Result<Response<v1::PasswordRotated>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let enrolment = Enrolment { key: SecretString::from(request.otp_key), code: SecretString::from(request.otp) };
        let wanted = RotatePassword {
            password: SecretString::from(request.password),
            enable_otp: request.enable_otp.then_some(enrolment),
        };
        let rotated = rotate_password(&self.ports, &caller, wanted).await.map_err(|error| to_status(&error))?;
        let (otp_key, otp_uri) = rotated.otp.map_or_else(Default::default, |(key, uri)| {
            (key.expose_secret().to_owned(), uri.expose_secret().to_owned())
        });
        Ok(Response::new(v1::PasswordRotated { asks_for_otp: rotated.asks_for_otp, otp_key, otp_uri }))
    }

    async fn login(&self, request: Request<v1::LoginRequest>) -> Result<Response<Self::LoginStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let tenant = TenantId::new(request.tenant.trim()).map_err(|error| to_status(&unknown_name(error.into())))?;
        let wanted = Login {
            backend: backend_from_proto(request.backend.unwrap_or_default(), &caller.cwd)
                .map_err(|error| to_status(&error))?,
            tenant,
            secret: SecretString::from(request.secret.trim()),
        };
        let ports = self.ports.clone();
        Ok(steps::answer(login_step, login_done, |hear| async move { login(&ports, &caller, wanted, &*hear).await }))
    }

    async fn logout(&self, request: Request<v1::LogoutRequest>) -> Result<Response<v1::LogoutResponse>, Status> {
        let request = request.into_inner();
        let mode = mode_from_proto(request.mode).unwrap_or(Mode::Tenant);
        let caller = self.caller(request.context)?;
        let ended = logout(&self.ports, &caller, mode).await.map_err(|error| to_status(&error))?;
        let context_name = ended.map(|name| name.to_string()).unwrap_or_default();
        Ok(Response::new(v1::LogoutResponse { context_name }))
    }

    async fn show(&self, request: Request<v1::ShowSessionRequest>) -> Result<Response<v1::Session>, Status> {
        let request = request.into_inner();
        let mode = mode_from_proto(request.mode).unwrap_or(Mode::Tenant);
        let caller = self.caller(request.context)?;
        let view = show_session(&self.ports, &caller, mode).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(session_to_proto(view)))
    }
}

fn unknown_name(error: Error) -> Error {
    Error { reason: Reason::InvalidRequest, ..error }.hint("write the tenant's id, such as notifications-team")
}

fn bootstrap_event(event: v1::bootstrap_event::Event) -> v1::BootstrapEvent {
    v1::BootstrapEvent { event: Some(event) }
}

fn login_step(step: v1::Step) -> v1::LoginEvent {
    v1::LoginEvent { event: Some(v1::login_event::Event::Step(step)) }
}

fn login_done(view: SessionView) -> v1::LoginEvent {
    v1::LoginEvent { event: Some(v1::login_event::Event::Done(session_to_proto(view))) }
}

fn bootstrapped_to_proto(done: Bootstrapped) -> v1::BootstrapDone {
    let part = |part: deployer_domain::backend::BuiltPart| v1::BootstrapPart { what: part.what, created: part.created };
    v1::BootstrapDone {
        backend: Some(backend_to_proto(&done.backend)),
        lock_table: done.lock_table,
        parts: done.parts.into_iter().map(part).collect(),
        admin_secret: done.admin_secret.unwrap_or_default(),
        password_kept: done.password_kept,
    }
}

fn session_to_proto(view: SessionView) -> v1::Session {
    let tenant = view.tenant.as_ref();
    let of = |text: fn(&Tenant) -> String| tenant.map(text).unwrap_or_default();
    v1::Session {
        mode: mode_to_proto(view.mode).into(),
        context_name: view.context.to_string(),
        backend: Some(backend_to_proto(&view.backend)),
        tenant: tenant.map(|tenant| v1::TenantIdentity {
            id: tenant.id.to_string(),
            display_name: tenant.display_name.clone(),
            email: tenant.email.clone(),
            version: tenant.storage.version.to_string(),
        }),
        backend_type: match view.backend.address {
            BackendAddress::S3(_) => "s3",
            BackendAddress::Local(_) => "local",
        }
        .to_owned(),
        bucket: deployer_domain::registry::bucket_of(&view.backend.address),
        region: view.region().to_owned(),
        prefix: of(|tenant| tenant.space().path()),
        lock_table: view.place.lock_table.clone(),
        lock_prefix: of(|tenant| tenant.space().lock_prefix()),
        account_id: of(|tenant| tenant.aws.account_id.clone()),
        authenticated: view.session.authenticated.to_string(),
        expires: view.session.expires.to_string(),
        hard_expires: view.session.hard_expires.to_string(),
        saved_to: view.saved_to,
        isolation: view.isolation.map(|isolation| isolation.as_str().to_owned()).unwrap_or_default(),
        warnings: view.warnings,
    }
}
