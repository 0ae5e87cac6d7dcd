//! Plans in files: `plan --out FILE` writes one, and `apply FILE` runs exactly that one.

use std::io::{ErrorKind, Write};
use std::path::Path;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::plan::{Operation, SavedPlan};
use deployer_domain::run::RunOperation;
use secrecy::SecretString;

use super::authorise::TenantAccess;
use super::blueprint::Question;
use super::target::{Target, working_directory};
use crate::source;

/// Writes a plan file that only its owner can read. It replaces another plan file, and nothing else.
pub async fn write(caller: &Caller, path: &Path, saved: &SavedPlan) -> Result<()> {
    let (path, bytes) = (working_directory(caller)?.join(path), saved.to_bytes());
    super::blocking(move || write_now(&path, &bytes)).await
}

fn write_now(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = |error: std::io::Error| {
        Error::new(Reason::InvalidRequest, format!("cannot write the plan to {}", path.display())).caused_by(error)
    };
    if !may_be_replaced(path).map_err(cannot)? {
        return Err(Error::new(Reason::AlreadyExists, format!("{} is there and is no plan file", path.display()))
            .hint("choose another name for --out, or move it away"));
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("/"));
    // A temporary file of this kind is 0600 from its first moment.
    let mut file = tempfile::Builder::new().prefix(".deployer-plan-").tempfile_in(directory).map_err(cannot)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(cannot)?;
    file.persist(path).map(drop).map_err(|error| cannot(error.error))
}

fn may_be_replaced(path: &Path) -> std::io::Result<bool> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => {
            Ok(found.len() == 0 || found.len() <= source::MAX_FILE_BYTES && SavedPlan::is_one(&std::fs::read(path)?))
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Reads a plan file, and answers it with the question that it was made from. What else the caller asks may only say
/// the same, apart from the values of sensitive variables and where the stack file is.
pub async fn read(
    caller: &Caller,
    access: &TenantAccess,
    path: &Path,
    asked: &Question,
) -> Result<(SavedPlan, Question)> {
    let (full, shown) = (working_directory(caller)?.join(path), path.display().to_string());
    let name = shown.clone();
    let file = super::blocking(move || source::read_file(&full, &name)).await?;
    let saved = SavedPlan::parse(file.text.as_bytes()).map_err(|error| error.fact("File", &shown))?;
    belongs(&saved, access, asked).map_err(|error| error.fact("File", &shown))?;
    let question = question(&saved, asked);
    Ok((saved, question))
}

/// Refuses the plan of somebody or something else.
fn belongs(saved: &SavedPlan, access: &TenantAccess, asked: &Question) -> Result<()> {
    let refused = |message: String| Error::new(Reason::InvalidRequest, message);
    let (tenant, backend) = (access.space.id(), access.backend.place.address.to_string());
    if saved.tenant != *tenant || saved.backend != backend {
        let theirs = format!("{}@{}", saved.tenant, saved.backend);
        return Err(refused(format!("the plan was made as {theirs}, and you are {tenant}@{backend}"))
            .hint(format!("use that context: --context {theirs}")));
    }
    let named = [
        ("stack", asked.target.stack.as_ref().map(ToString::to_string), saved.stack.to_string()),
        ("environment", asked.target.environment.clone(), saved.environment.to_string()),
    ];
    for (what, named, planned) in named {
        if let Some(named) = named.filter(|named| *named != planned) {
            return Err(refused(format!("the plan is for the {what} `{planned}`, and `{named}` was named"))
                .hint(format!("leave the {what} out (also as a variable), or plan for `{named}`")));
        }
    }
    let target = &asked.target;
    let selects = !target.selection().is_everything() || !asked.replace.is_empty() || asked.delete_data;
    if selects || asked.operation != RunOperation::Apply {
        return Err(refused("a plan file says itself what is to be done".to_owned())
            .hint("leave out what selects, replaces or destroys, or plan again with it"));
    }
    Ok(())
}

fn question(saved: &SavedPlan, asked: &Question) -> Question {
    let given = &asked.target;
    // Where the stack was moved, or checked out elsewhere, it is looked for as usual; its content must be the same.
    let file = given
        .file
        .clone()
        .or_else(|| saved.file.as_ref().map(Into::into).filter(|file: &std::path::PathBuf| file.exists()));
    let recorded = saved.variables.iter().map(|(name, value)| (name.clone(), SecretString::from(value.as_str())));
    let options = saved.options();
    Question {
        operation: match saved.operation {
            Operation::Apply => RunOperation::Apply,
            Operation::Destroy => RunOperation::Destroy,
        },
        target: Target {
            stack: Some(saved.stack.clone()),
            environment: Some(saved.environment.to_string()),
            file: file.filter(|_| saved.operation == Operation::Apply),
            services: options.selection.services,
            components: options.selection.components,
            variables: recorded.chain(given.variables.clone()).collect(),
            variable_files: given.variable_files.clone(),
            tenant: None,
        },
        replace: options.replace,
        delete_data: options.delete_data,
        rollback_to: None,
    }
}
