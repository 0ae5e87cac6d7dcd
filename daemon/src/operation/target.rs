//! Which stack, which environment, which part of it: what a caller said, and what it means.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::manifest::{Given, Manifest, invalid, parse_variables};
use deployer_domain::name::{ComponentId, EnvironmentName, ServiceName, StackName, TenantId};
use deployer_domain::nearest::did_you_mean;
use deployer_domain::plan::Selection;

use super::view::View;
use crate::source::{self, StackFiles, Wanted};

/// What a caller said about what is meant.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The stack, unless a file says it.
    pub stack: Option<StackName>,
    /// The environment, unless there is only one.
    pub environment: Option<String>,
    /// The stack file.
    pub file: Option<PathBuf>,
    /// Only these services.
    pub services: BTreeSet<ServiceName>,
    /// Only these components.
    pub components: BTreeSet<ComponentId>,
    /// Variables, strongest.
    pub variables: Given,
    /// Files of variables, later ones stronger.
    pub variable_files: Vec<PathBuf>,
    /// The tenant, for admins.
    pub tenant: Option<TenantId>,
}

/// A stack as its files describe it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The stack file.
    pub path: PathBuf,
    /// Its texts.
    pub files: StackFiles,
    /// What they say.
    pub manifest: Manifest,
}

impl Loaded {
    /// The stack file, absolute.
    pub fn full_path(&self) -> PathBuf {
        self.files.directory.join(&self.files.name)
    }
}

/// One environment of one stack, with its files where they were found.
#[derive(Debug, Clone)]
pub struct Place {
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The files, where they were looked for and found.
    pub loaded: Option<Loaded>,
}

impl Target {
    /// The part of the stack that is meant.
    pub fn selection(&self) -> Selection {
        Selection { services: self.services.clone(), components: self.components.clone() }
    }

    /// Finds and reads the stack's files.
    pub async fn load(&self, caller: &Caller) -> Result<Loaded> {
        let (cwd, target) = (working_directory(caller)?, self.clone());
        super::blocking(move || target.load_now(&cwd)).await
    }

    fn load_now(&self, cwd: &Path) -> Result<Loaded> {
        let (path, files) = self.read_now(cwd)?;
        let manifest =
            Manifest::parse(&files.main, &files.services).map_err(|problems| invalid(&files.main.name, problems))?;
        source::check_name(&manifest, &path, self.stack.as_ref())?;
        Ok(Loaded { path, files, manifest })
    }

    /// Finds and reads the stack's files without judging them.
    pub(super) fn read_now(&self, cwd: &Path) -> Result<(PathBuf, StackFiles)> {
        let path = source::locate(&Wanted { cwd, file: self.file.as_deref(), stack: self.stack.as_ref() })?;
        let files = source::read_stack(&path, cwd)?;
        Ok((path, files))
    }

    /// The variables that were given, in files and one by one.
    pub async fn given(&self, caller: &Caller) -> Result<Given> {
        if self.variable_files.is_empty() {
            return Ok(self.variables.clone());
        }
        let (cwd, files) = (working_directory(caller)?, self.variable_files.clone());
        let mut given = super::blocking(move || read_variables(&cwd, &files)).await?;
        given.extend(self.variables.clone());
        Ok(given)
    }

    /// Works out which environment of which stack is meant, with the file's help where something was left out.
    pub async fn place(&self, view: &View, caller: &Caller) -> Result<Place> {
        let loaded = match (&self.stack, &self.environment, &self.file) {
            (Some(_), Some(_), None) => None,
            (Some(_), None, None) => self.load(caller).await.ok(),
            _ => Some(self.load(caller).await.map_err(|error| match error.reason {
                Reason::NotFound if self.stack.is_none() => error.hint("or name the stack with --stack"),
                _ => error,
            })?),
        };
        let stack = match (&self.stack, &loaded) {
            (Some(stack), _) => stack.clone(),
            (None, Some(loaded)) => loaded.manifest.name.clone(),
            (None, None) => return Err(Error::new(Reason::InvalidRequest, "which stack?").hint("name it with --stack")),
        };
        let environment = match (&self.environment, &loaded) {
            (Some(name), _) => name.parse()?,
            (None, Some(loaded)) => loaded.manifest.choose_environment(None)?.clone(),
            (None, None) => only_environment(view, &stack).await?,
        };
        Ok(Place { stack, environment, loaded })
    }
}

/// The only environment that the storage knows of a stack.
async fn only_environment(view: &View, stack: &StackName) -> Result<EnvironmentName> {
    let mut environments = view.environments(stack).await?;
    match environments.len() {
        1 => Ok(environments.remove(0)),
        0 => Err(Error::new(Reason::NotFound, format!("the stack `{stack}` is not deployed anywhere"))
            .hint("`deployer stack list` shows what is")),
        _ => {
            let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
            Err(Error::new(Reason::InvalidRequest, format!("which environment of `{stack}`?"))
                .fact("Environments", names.join(", "))
                .hint("name one with --environment or DEPLOYER_ENVIRONMENT"))
        }
    }
}

/// Nothing is deployed there; names what is near.
pub(super) async fn not_deployed(view: &View, stack: &StackName, environment: &EnvironmentName) -> Error {
    let error = Error::new(Reason::NotFound, format!("{stack}/{environment} was never deployed"));
    let environments = view.environments(stack).await.unwrap_or_default();
    if environments.contains(environment) {
        return error.hint("what waits or runs there: `deployer run list` and `deployer approvals list`");
    }
    if !environments.is_empty() {
        let near = did_you_mean(environment.as_str(), environments.iter().map(EnvironmentName::as_str));
        let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
        let error = error.fact("Known environments", names.join(", "));
        return near.into_iter().fold(error, Error::hint);
    }
    let stacks = view.stacks().await.unwrap_or_default();
    match did_you_mean(stack.as_str(), stacks.iter().map(StackName::as_str)) {
        Some(near) => error.hint(near),
        None => error.hint(format!("deploy it with `deployer apply --stack {stack} --environment {environment}`")),
    }
}

fn read_variables(cwd: &Path, files: &[PathBuf]) -> Result<Given> {
    let mut given = Given::new();
    for path in files {
        let shown = path.display().to_string();
        let file = source::read_file(&cwd.join(path), &shown)?;
        given.extend(parse_variables(&file).map_err(|problems| invalid(&shown, problems))?);
    }
    Ok(given)
}

/// Where the caller is; relative paths are taken from there.
pub(super) fn working_directory(caller: &Caller) -> Result<PathBuf> {
    if caller.cwd.is_absolute() {
        return Ok(caller.cwd.clone());
    }
    Err(Error::new(Reason::InvalidRequest, "the call does not say its working directory (context.cwd)"))
}
