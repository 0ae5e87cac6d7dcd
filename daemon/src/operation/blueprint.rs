//! All that a plan is made of apart from the state: so that the same question can be asked again under the lock.

use std::collections::BTreeSet;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::expression::Resolved;
use deployer_domain::key::StackSpace;
use deployer_domain::manifest::{Given, Values};
use deployer_domain::name::{ComponentId, EnvironmentName, StackName};
use deployer_domain::object::WriteIf;
use deployer_domain::plan::{Plan, PlanInput, PlanOptions, SensitiveKey, plan_apply, plan_destroy};
use deployer_domain::policy;
use deployer_domain::port_error::Attempted;
use deployer_domain::run::{RunOperation, Task};
use deployer_domain::seal;
use deployer_domain::source::InputHashes;
use deployer_domain::state::StateDocument;
use deployer_domain::tenant_config::ConfigRules;
use secrecy::{ExposeSecret, SecretString};

use super::Ports;
use super::authorise::TenantAccess;
use super::past::Past;
use super::target::{Loaded, Target, not_deployed};
use super::view::View;
use crate::source::{self, Keep, Source};

/// What a caller asks to be planned.
#[derive(Debug, Clone)]
pub struct Question {
    /// Apply, destroy or rollback.
    pub operation: RunOperation,
    /// Which part of what.
    pub target: Target,
    /// Components to be made anew.
    pub replace: BTreeSet<ComponentId>,
    /// Whether a destroy deletes what is kept by default.
    pub delete_data: bool,
    /// The run of the history that a rollback goes back to; none for the last good one.
    pub rollback_to: Option<u64>,
}

impl Question {
    /// What was asked once, by what was written down of it.
    pub fn again(operation: RunOperation, (stack, environment): (&StackName, &EnvironmentName), task: &Task) -> Self {
        let variables = task.variables.iter().map(|(name, value)| (name.clone(), SecretString::from(value.as_str())));
        Self {
            operation,
            target: Target {
                stack: Some(stack.clone()),
                environment: Some(environment.to_string()),
                file: task.file.clone(),
                services: task.services.clone(),
                components: task.components.clone(),
                variables: variables.collect(),
                variable_files: Vec::new(),
                tenant: None,
            },
            replace: task.replace.clone(),
            delete_data: task.delete_data,
            rollback_to: task.rollback_to,
        }
    }
}

/// All that a plan is made of apart from the state.
#[derive(Clone)]
pub struct Blueprint {
    /// What is planned.
    pub operation: RunOperation,
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Where its documents are.
    pub space: StackSpace,
    /// The stack's files; none for a destroy. Those of a rollback are unpacked from the storage.
    pub loaded: Option<Loaded>,
    /// What the plan is made of; none for a destroy.
    pub source: Option<Source>,
    /// What sensitive values are compared with.
    pub key: SensitiveKey,
    /// What a rollback goes back to.
    pub past: Option<Past>,
    pub(super) rules: ConfigRules,
    default_region: Option<String>,
    given: Given,
    values: Option<Values>,
    options: PlanOptions,
}

/// A plan, and the state that it was made for.
pub struct Planned {
    /// What is to be done.
    pub plan: Plan,
    /// As it was without the lock.
    pub state: StateDocument,
}

impl Blueprint {
    /// Gathers what a plan is made of.
    pub async fn gather(
        ports: &Ports,
        caller: &Caller,
        access: &TenantAccess,
        question: &Question,
        keep: Keep,
    ) -> Result<Self> {
        let target = &question.target;
        let view = View::from(access);
        let given = target.given(caller).await?;
        let mut past = None;
        let (stack, environment, loaded) = match question.operation {
            RunOperation::Destroy => {
                let place = target.place(&view, caller).await?;
                (place.stack, place.environment, None)
            }
            RunOperation::Rollback => {
                let place = target.place(&view, caller).await?;
                let (found, loaded) = Past::find(ports, &view, &place, question.rollback_to).await?;
                loaded.manifest.choose_environment(Some(place.environment.as_str()))?;
                past = Some(found);
                (place.stack, place.environment, Some(loaded))
            }
            _ => {
                let loaded = target.load(caller).await?;
                let environment = loaded.manifest.choose_environment(target.environment.as_deref())?.clone();
                (loaded.manifest.name.clone(), environment, Some(loaded))
            }
        };
        let given = match &past {
            Some(past) => past.given(given)?,
            None => given,
        };
        let values = match &loaded {
            Some(loaded) => {
                let values = Values::resolve(&loaded.manifest, &environment, &[&given]);
                Some(values.map_err(|error| if past.is_some() { error.hint(NOT_RECORDED) } else { error })?)
            }
            None => None,
        };
        let (source, rules) = tokio::try_join!(gather_source(loaded.clone(), keep), access.config())?;
        let space = access.space.stack(&stack, &environment);
        let sensitive = values.as_ref().is_some_and(|values| values.secrets().next().is_some());
        let key = if sensitive || loaded.is_none() && !given.is_empty() {
            sensitive_key(ports, access).await?
        } else {
            SensitiveKey::new([0; 32])
        };
        Ok(Self {
            operation: question.operation,
            stack,
            environment,
            space,
            loaded,
            source,
            key,
            past,
            rules: rules.config,
            default_region: Some(access.tenant.aws.region.clone()).filter(|region| !region.is_empty()),
            given,
            values,
            options: PlanOptions {
                selection: target.selection(),
                replace: question.replace.clone(),
                delete_data: question.delete_data,
            },
        })
    }

    /// Plans for a state.
    pub fn plan(&self, access: &TenantAccess, state: &StateDocument) -> Result<Plan> {
        let none = InputHashes::default();
        let input = PlanInput {
            tenant: access.space.id(),
            environment: &self.environment,
            default_region: self.default_region.as_deref(),
            values: self.values.clone().unwrap_or_else(|| Values::of_state(state, &self.given)),
            state,
            inputs: self.source.as_ref().map_or(&none, |source| &source.inputs),
            source: self.source.as_ref().map(|source| source.hash),
            key: &self.key,
            options: self.options.clone(),
        };
        let mut plan = match &self.loaded {
            Some(loaded) => plan_apply(&loaded.manifest, input)?,
            None => plan_destroy(input)?,
        };
        plan.warnings.extend(self.past.iter().flat_map(Past::warning));
        plan.warnings.extend(self.source.iter().flat_map(|source| source.warnings.clone()));
        Ok(plan)
    }

    /// Plans for a state under the lock. What was planned before it holds where the state has only been sealed since.
    pub fn plan_anew(&self, access: &TenantAccess, state: &StateDocument, before: Option<Planned>) -> Result<Plan> {
        match before.filter(|before| seal::is_all_that_differs(&before.state, state)) {
            Some(before) => Ok(before.plan),
            None => self.plan(access, state),
        }
    }

    /// Keeps the archive of the source too, for a run; answers whether the files are still those that were planned with.
    pub async fn packed(&mut self) -> Result<bool> {
        let Some(source) = self.source.as_ref().filter(|source| source.archive.is_none()) else { return Ok(true) };
        let hash = source.hash;
        self.source = gather_source(self.loaded.clone(), Keep::Archive).await?;
        Ok(self.source.as_ref().is_some_and(|source| source.hash == hash))
    }

    /// The same by other rules.
    pub fn with_rules(self, rules: ConfigRules) -> Self {
        Self { rules, ..self }
    }

    /// What was asked besides.
    pub fn options(&self) -> &PlanOptions {
        &self.options
    }

    /// The run of the history that a rollback goes back to.
    pub fn rollback_to(&self) -> Option<u64> {
        self.past.as_ref().map(|past| past.number)
    }

    /// What may be written down of a question, so that a later incarnation of this daemon can ask it again.
    pub fn task(&self, caller: &Caller, question: &Question, parallelism: usize) -> Task {
        // Without the file it is not known which variables are sensitive.
        let is_plain = |name: &str| {
            let value = self.values.as_ref().and_then(|values| values.resolve_one(name));
            matches!(value, Some(Resolved::Plain(_)))
        };
        // What a rollback takes from the history is found there again.
        let given = self.given.iter().filter(|(name, _)| self.past.as_ref().is_none_or(|past| !past.records(name)));
        let (plain, withheld): (Vec<_>, Vec<_>) = given.partition(|(name, _)| is_plain(name));
        let exposed = |(name, value): (&String, &SecretString)| (name.clone(), value.expose_secret().to_owned());
        Task {
            cwd: caller.cwd.clone(),
            file: self.loaded.as_ref().filter(|_| self.past.is_none()).map(|loaded| loaded.path.clone()),
            services: question.target.services.clone(),
            components: question.target.components.clone(),
            replace: question.replace.clone(),
            delete_data: question.delete_data,
            variables: plain.into_iter().map(exposed).collect(),
            withheld: withheld.into_iter().map(|(name, _)| name.clone()).collect(),
            source: self.source.as_ref().map(|source| source.hash),
            rollback_to: self.rollback_to(),
            parallelism,
        }
    }

    /// The account that the environment says.
    pub fn account_id(&self) -> Option<String> {
        let manifest = &self.loaded.as_ref()?.manifest;
        manifest.environments.get(&self.environment)?.account_id.clone()
    }

    /// Whether the environment says a role that its stacks are made as.
    pub fn has_role(&self) -> bool {
        let manifest = self.loaded.as_ref().map(|loaded| &loaded.manifest);
        let environment = manifest.and_then(|manifest| manifest.environments.get(&self.environment));
        environment.is_some_and(|environment| environment.role_arn.is_some())
    }

    /// The state as it is stored, without the lock.
    pub async fn state(&self, access: &TenantAccess) -> Result<StateDocument> {
        let view = View::from(access);
        let stored = view.stored_state(&self.space).await?.map(|(state, _)| state);
        if let Some(state) = stored.filter(|state| self.operation == RunOperation::Apply || !state.removed) {
            return Ok(state);
        }
        if self.operation != RunOperation::Apply {
            return Err(not_deployed(&view, &self.stack, &self.environment).await);
        }
        Ok(StateDocument::empty(access.space.id().clone(), self.stack.clone(), self.environment.clone()))
    }

    /// The policies that would stop a run of a plan.
    pub fn policies(&self, plan: &Plan) -> Vec<Error> {
        let mut refusals = Vec::new();
        let place = policy::allow_place(&self.rules, &self.environment, plan.region.as_deref());
        // What is there may always be taken away.
        refusals.extend(place.err().filter(|_| self.operation != RunOperation::Destroy));
        refusals
    }

    /// Whether another person has to approve a run that changes something.
    pub fn needs_approval(&self) -> bool {
        policy::needs_approval(&self.rules, &self.environment)
    }
}

const NOT_RECORDED: &str = "values of sensitive variables are not recorded: a rollback needs them again";

async fn gather_source(loaded: Option<Loaded>, keep: Keep) -> Result<Option<Source>> {
    let Some(loaded) = loaded else { return Ok(None) };
    super::blocking(move || source::gather(&loaded.files, &loaded.manifest, keep)).await.map(Some)
}

/// The tenant's key for comparing sensitive values, made by whoever needs it first.
async fn sensitive_key(ports: &Ports, access: &TenantAccess) -> Result<SensitiveKey> {
    let (objects, address) = (&access.backend.objects, &access.backend.place.address);
    let key = access.space.sensitive_key();
    for _ in 0..3 {
        if let Some(object) = objects.read(&key).await.attempted(format!("read {key}"), address)? {
            let bytes = <[u8; 32]>::try_from(object.bytes.as_slice());
            return bytes.map(SensitiveKey::new).map_err(|_| {
                Error::new(Reason::StateConflict, format!("{key} is damaged: it does not have 32 bytes"))
                    .hint("restore its first version, or delete it: then sensitive values count as changed once")
            });
        }
        let mut bytes = [0; 32];
        ports.entropy.fill(&mut bytes);
        match objects.write(&key, bytes.to_vec(), WriteIf::Absent).await {
            Ok(_) => return Ok(SensitiveKey::new(bytes)),
            // Somebody else was quicker, or our own answer got lost: what is there counts.
            Err(deployer_domain::object::PortError::Conflict | deployer_domain::object::PortError::Unavailable(_)) => {}
            Err(error) => return Err(error).attempted(format!("write {key}"), address),
        }
    }
    Err(Error::new(Reason::BackendUnavailable, format!("{key} can neither be read nor written")))
}
