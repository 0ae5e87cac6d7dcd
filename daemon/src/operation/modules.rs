//! What the Terraform modules of one run or one look need: their engine, and the caller's cloud credentials.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer_domain::backend::{Backend, BackendAddress, BackendFactory, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::clock::Clock;
use deployer_domain::cloudformation::StackPlace;
use deployer_domain::engine::{Gate, ProviderAccess, StackAccess};
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::plan::{Approved, Plan};
use deployer_domain::seal::Fence;
use deployer_domain::source::SourceHash;
use deployer_domain::state::EngineKind;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use super::Ports;
use super::commands::Commands;
use super::stack_access::CallersStacks;
use crate::engine::terraform::{Ahead, CallerSettings, Owner, Sources, StateServer, States, TerraformEngine, Workshop};

/// Credentials that end sooner than this are too short for a run.
const NEEDED: Duration = Duration::from_secs(600);

/// What an engine of modules is made of.
pub struct Modules<'a> {
    /// The outside world.
    pub ports: &'a Ports,
    /// Whose environment the program sees.
    pub caller: &'a Caller,
    /// Where states and sources are.
    pub backend: &'a Backend,
    /// The environment of the stack.
    pub space: &'a StackSpace,
    /// The guard.
    pub commands: &'a Commands,
    /// What the plan is made of.
    pub source: Option<(SourceHash, Vec<u8>)>,
    /// Checks whose account is reached.
    pub stacks: CallersStacks,
    /// What was made ready before the lock was held, if anything was.
    pub ahead: Option<Arc<Ahead>>,
    /// Who may write states; none for a look.
    pub fence: Option<Fence>,
    /// The lease.
    pub gate: Arc<dyn Gate>,
    /// What was shown to whoever confirmed the plan.
    pub approved: Approved,
    /// Fires when the run is to end.
    pub cancel: CancellationToken,
    /// How many programs may run at once.
    pub at_once: usize,
}

impl Modules<'_> {
    /// Makes the engine.
    pub async fn engine(self) -> Result<TerraformEngine> {
        let Self { ports, caller, backend, space, .. } = self;
        let all = ports.runs.settings().state_directory.join("terraform");
        let id = ulid(ports.entropy.as_ref(), ports.clock.now());
        let owner = Owner {
            place: format!("{} {}", backend.place.address, space.state()),
            token: self.fence.map_or(0, |fence| fence.token),
            session: self.fence.map_or(Ulid::nil(), |fence| fence.session),
        };
        let plugins = all.join("plugins");
        let known = self.ahead.as_ref().map(|ahead| Arc::clone(ahead.workshop()));
        let workshop = super::blocking(move || {
            let workshop = match known {
                Some(workshop) => workshop.own(&owner).map(|()| workshop),
                None => Workshop::open(&all.join("work"), id, &owner).map(Arc::new),
            };
            workshop.map_err(|error| cannot("make a directory for Terraform", &error))
        });
        let server = StateServer::start(self.commands.port()?, ports.entropy.as_ref());
        let server = server.map_err(|error| cannot("listen on loopback for Terraform", &error))?;
        let workshop = workshop.await?;
        Ok(TerraformEngine {
            guard: self.commands.guard().clone(),
            path: caller.any_variable("PATH").map(|path| path.expose_secret().to_owned()).unwrap_or_default(),
            settings: CallerSettings {
                plugin_cache: caller.any_variable("TF_PLUGIN_CACHE_DIR").is_some(),
                log_file: caller.any_variable("TF_LOG_PATH").is_some(),
                memory: ["GOGC", "GOMEMLIMIT"].iter().any(|name| caller.any_variable(name).is_some()),
            },
            workshop,
            ahead: self.ahead,
            plugins,
            sources: Sources::new(Arc::clone(&backend.objects), space.clone(), self.source),
            states: Arc::new(States {
                objects: Arc::clone(&backend.objects),
                space: space.clone(),
                fence: self.fence,
                gate: Arc::clone(&self.gate),
                entropy: Arc::clone(&ports.entropy),
                clock: Arc::clone(&ports.clock),
            }),
            server,
            access: Arc::new(CallersCredentials::new(ports, caller, backend, self.stacks)),
            gate: self.gate,
            approved: self.approved,
            redactor: self.commands.redactor().clone(),
            cancel: self.cancel,
            at_once: Semaphore::new(self.at_once.max(1)),
        })
    }
}

fn cannot(what: &str, error: &std::io::Error) -> Error {
    Error::new(Reason::Internal, format!("cannot {what}"))
        .caused_by(error)
        .hint("check the space on the disk and who may write there; DEPLOYER_STATE_DIR names another place")
}

/// Lends a caller's credentials to Terraform's providers.
pub struct CallersCredentials {
    backends: Arc<dyn BackendFactory>,
    clock: Arc<dyn Clock>,
    backend: Backend,
    caller: Caller,
    stacks: CallersStacks,
}

impl CallersCredentials {
    /// For a run, a plan or a look.
    pub fn new(ports: &Ports, caller: &Caller, backend: &Backend, stacks: CallersStacks) -> Self {
        Self {
            backends: Arc::clone(&ports.backends),
            clock: Arc::clone(&ports.clock),
            backend: backend.clone(),
            caller: caller.clone(),
            stacks,
        }
    }

    /// Refuses a plan whose modules would reach another account, or whose credentials end soon, before anything is
    /// locked.
    pub async fn check(&self, plan: &Plan) -> Result<()> {
        if !plan.works_with(EngineKind::Terraform) {
            return Ok(());
        }
        let scope = plan.resolver.scope();
        self.variables(scope.region.as_deref(), scope.role_arn.as_deref()).await.map(drop)
    }

    /// Whether it is known that there are credentials; asking where there are none takes long.
    fn has_credentials(&self) -> bool {
        let named = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        matches!(self.backend.place.address, BackendAddress::S3(_))
            || named.iter().any(|name| self.caller.variable(name).is_some())
    }
}

#[async_trait]
impl ProviderAccess for CallersCredentials {
    async fn variables(&self, region: Option<&str>, role_arn: Option<&str>) -> Result<BTreeMap<String, SecretString>> {
        let of_region = region.into_iter().flat_map(|region| {
            ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name.to_owned(), SecretString::from(region)))
        });
        let mut variables: BTreeMap<String, SecretString> = of_region.collect();
        if role_arn.is_none() && !self.has_credentials() {
            return Ok(variables);
        }
        let region = region.map(str::to_owned).or_else(|| self.backend.place.region.clone());
        if let Some(region) = region.clone().filter(|_| self.stacks.expects_account()) {
            let place = StackPlace { stack_name: String::new(), region, role_arn: role_arn.map(str::to_owned) };
            self.stacks.stacks(&place).await?;
        }
        let of_backend = &self.backend.place;
        let place = BackendRef {
            address: of_backend.address.clone(),
            region,
            profile: of_backend.profile.clone().filter(|_| role_arn.is_some()),
            role_arn: role_arn.map(str::to_owned),
            tenant: None,
        };
        let lent = match self.backends.lend(&place, &self.caller, NEEDED).await {
            Ok(Some(lent)) => lent,
            Ok(None) => return Ok(variables),
            // A module may have nothing to do with AWS.
            Err(error) if role_arn.is_none() => {
                tracing::warn!(%error, "it is not known when the caller's credentials end");
                return Ok(variables);
            }
            Err(error) => return Err(error),
        };
        let now = self.clock.now();
        if let Some(end) = lent.end
            && end.duration_since(now) < SignedDuration::try_from(NEEDED).unwrap_or_default()
        {
            return Err(ends_soon(end.duration_since(now)));
        }
        if role_arn.is_some() {
            variables.extend(lent.variables);
            variables.insert("AWS_PROFILE".to_owned(), SecretString::default());
        }
        Ok(variables)
    }
}

fn ends_soon(left: SignedDuration) -> Error {
    let how = match left.as_secs() {
        left if left <= 0 => "have ended".to_owned(),
        left => format!("end in {} min {} s", left / 60, left % 60),
    };
    let message = format!("your AWS credentials {how}, and Terraform may need them for longer");
    Error::new(Reason::BackendDenied, message)
        .caused_by("nothing was begun: a run whose credentials end in its middle leaves half of it undone")
        .hint("renew them, for example with `aws sso login`, and run it again")
        .hint("without credentials of AWS in your environment this is not asked")
}
