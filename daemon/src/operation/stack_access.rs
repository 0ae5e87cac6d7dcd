//! The way to CloudFormation with the caller's own credentials, or with the role that an environment names.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::backend::{Backend, BackendAddress, BackendFactory, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::cloudformation::{StackPlace, StackTemplate, Stacks};
use deployer_domain::engine::{Gate, StackAccess};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::plan::Plan;
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::state::{Action, EngineKind};
use tokio::sync::Mutex;

use super::Ports;
use super::authorise::TenantAccess;
use super::blueprint::Blueprint;
use super::view::View;

type Opened = BTreeMap<(String, Option<String>), Arc<dyn Stacks>>;

/// Opens CloudFormation for one caller; another account than the environment's is refused.
pub struct CallersStacks {
    backends: Arc<dyn BackendFactory>,
    backend: Backend,
    space: StackSpace,
    caller: Caller,
    account: Option<String>,
    /// The account that the caller's own credentials must be of: those that commands run with.
    own_account: Option<String>,
    opened: Mutex<Opened>,
}

impl CallersStacks {
    /// For a run or a plan: the account must be the environment's, else the tenant's where that is known.
    pub fn new(ports: &Ports, caller: &Caller, access: &TenantAccess, blueprint: &Blueprint) -> Self {
        let account = blueprint.account_id().unwrap_or_else(|| access.tenant.aws.account_id.clone());
        let account = Some(account).filter(|account| !account.is_empty());
        // An environment with a role may be in another account than its people.
        let own_account = account.clone().filter(|_| !blueprint.has_role());
        Self { account, own_account, ..Self::looking(ports, caller, &View::from(access), &blueprint.space) }
    }

    /// For a look at what is there.
    pub fn looking(ports: &Ports, caller: &Caller, view: &View, space: &StackSpace) -> Self {
        Self {
            backends: Arc::clone(&ports.backends),
            backend: view.backend.clone(),
            space: space.clone(),
            caller: caller.clone(),
            account: None,
            own_account: None,
            opened: Mutex::default(),
        }
    }

    /// Whether it is known which account must be reached.
    pub fn expects_account(&self) -> bool {
        self.account.is_some()
    }

    /// Refuses a plan whose stacks would be in another account, or whose commands would have another one's credentials,
    /// before anything is locked.
    pub async fn check(&self, plan: &Plan) -> Result<()> {
        if plan.steps.iter().any(|step| step.engine == EngineKind::Command && step.action != Action::None) {
            self.check_own().await?;
        }
        for step in &plan.steps {
            for place in step.stack_places(&plan.resolver)? {
                self.stacks(&place).await?;
            }
        }
        Ok(())
    }

    async fn check_own(&self) -> Result<()> {
        let Backend { place, identity, .. } = &self.backend;
        // Where the storage needs no cloud, a command need not either.
        let (Some(wanted), BackendAddress::S3(_)) = (&self.own_account, &place.address) else { return Ok(()) };
        let who = identity.identity().await.attempted("find out whose credentials these are", &place.address)?;
        if who.account == *wanted { Ok(()) } else { Err(wrong_account(&who.account, wanted)) }
    }

    async fn open(&self, place: &StackPlace) -> Result<Arc<dyn Stacks>> {
        let of_backend = &self.backend.place;
        let stacks = self.backends.stacks(&reference(of_backend, place), &self.caller).await?;
        if let Some(wanted) = &self.account {
            let reached = stacks.account().await.attempted("find out which account this is", &of_backend.address)?;
            if reached != *wanted {
                let error = wrong_account(&reached, wanted).fact("Region", &place.region);
                return Err(match &place.role_arn {
                    Some(role) => error.fact("Role", role),
                    None => error,
                });
            }
        }
        Ok(stacks)
    }
}

/// Where the provider is asked about a stack: with the caller's profile, in the stack's region, as the role it is made as.
pub(super) fn reference(of_backend: &BackendRef, place: &StackPlace) -> BackendRef {
    BackendRef {
        address: of_backend.address.clone(),
        region: Some(place.region.clone()),
        profile: of_backend.profile.clone(),
        role_arn: place.role_arn.clone(),
        tenant: None,
    }
}

fn wrong_account(reached: &str, wanted: &str) -> Error {
    Error::new(Reason::PolicyDenied, format!("your credentials reach the account {reached}, not {wanted}"))
        .hint("use the credentials of that account, for example with AWS_PROFILE")
        .hint("or correct `accountId` of the environment in the stack file, or the tenant's account")
}

#[async_trait]
impl StackAccess for CallersStacks {
    async fn stacks(&self, place: &StackPlace) -> Result<Arc<dyn Stacks>> {
        let key = (place.region.clone(), place.role_arn.clone());
        let mut opened = self.opened.lock().await;
        if let Some(known) = opened.get(&key) {
            return Ok(Arc::clone(known));
        }
        let stacks = self.open(place).await?;
        opened.insert(key, Arc::clone(&stacks));
        Ok(stacks)
    }

    async fn upload(&self, template: &StackTemplate) -> Result<String> {
        let key = self.space.template(&template.sha256());
        let (objects, address) = (&self.backend.objects, &self.backend.place.address);
        let Some(link) = objects.link(&key).await.attempted(format!("address {key}"), address)? else {
            let bytes = template.text.len();
            let message = format!("the template has {bytes} bytes, and CloudFormation takes 51200 without a bucket");
            return Err(Error::new(Reason::InvalidRequest, message)
                .hint("use a backend in S3, or make it smaller, for example by two components"));
        };
        match objects.write(&key, template.text.as_bytes().to_vec(), WriteIf::Absent).await {
            // It is named by its content: what is there is the same.
            Ok(_) | Err(PortError::Conflict) => Ok(link),
            Err(error) => Err(explain(error, format!("write {key}"), address)),
        }
    }
}

/// The gate of whoever only looks, and so needs no lease.
pub struct Open;

#[async_trait]
impl Gate for Open {
    async fn pass(&self) -> Result<()> {
        Ok(())
    }

    async fn lost(&self) {
        std::future::pending().await
    }
}
