//! Opens and makes backends for callers: which implementation stands behind which address.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer_domain::backend::{
    Backend, BackendAddress, BackendFactory, BackendRef, BuiltPart, Lent, WhoAmI, default_lock_table,
};
use deployer_domain::caller::Caller;
use deployer_domain::cloudformation::Stacks;
use deployer_domain::cost::CostSource;
use deployer_domain::engine_rights::EngineRights;
use deployer_domain::error::Result;
use deployer_domain::isolation::OwnRights;
use deployer_domain::logs::LogGroups;
use deployer_domain::meter::Meters;
use deployer_domain::object::PortResult;
use deployer_domain::port_error::Attempted;
use deployer_domain::tenant_role::Roles;

use crate::aws::{
    self, AwsEngineRights, AwsMeters, AwsOwnRights, ClientPool, Clients, CloudformationStacks, CloudwatchLogs,
    CostExplorer, DynamoLocks, IamRoles, S3Objects, SecretsManager, StsIdentity,
};
use crate::embedded::{Database, Databases, EmbeddedLocks, EmbeddedObjects, EmbeddedSecrets, OsUser};

/// All backends of this process: open files and AWS clients are kept and shared by those who may share them.
#[derive(Default)]
pub struct Backends {
    databases: Databases,
    clients: ClientPool,
}

#[async_trait]
impl BackendFactory for Backends {
    async fn open(&self, place: &BackendRef, lock_table: Option<&str>, caller: &Caller) -> Result<Backend> {
        let opened = match &place.address {
            BackendAddress::Local(path) => self.databases.open(path).await.map(|file| local(place, &file)),
            BackendAddress::S3(bucket) => {
                let table = lock_table.map_or_else(|| default_lock_table(&place.address), str::to_owned);
                self.clients.clients(caller, place).await.map(|clients| cloud(place, bucket, table, clients))
            }
        };
        opened.attempted("open the backend", &place.address)
    }

    async fn stacks(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn Stacks>> {
        let clients = self.clients.clients(caller, place).await.attempted("use CloudFormation", &place.address)?;
        Ok(Arc::new(CloudformationStacks::new(clients)))
    }

    async fn lend(&self, place: &BackendRef, caller: &Caller, at_least: Duration) -> Result<Option<Lent>> {
        let clients = self.clients.clients(caller, place).await.attempted("find your credentials", &place.address)?;
        clients.lend(at_least).await.attempted("find your credentials", &place.address)
    }

    async fn logs(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn LogGroups>> {
        let clients = self.clients.clients(caller, place).await.attempted("read logs", &place.address)?;
        Ok(Arc::new(CloudwatchLogs::new(&clients)))
    }

    async fn costs(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn CostSource>> {
        let clients = self.clients.clients(caller, place).await.attempted("ask for costs", &place.address)?;
        let costs = CostExplorer::new(&clients).attempted("ask for costs", &place.address)?;
        Ok(Arc::new(costs))
    }

    async fn meters(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn Meters>> {
        let clients = self.clients.clients(caller, place).await.attempted("measure what runs", &place.address)?;
        let meters = AwsMeters::new(&clients).attempted("measure what runs", &place.address)?;
        Ok(Arc::new(meters))
    }

    async fn roles(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn Roles>> {
        let clients = self.clients.clients(caller, place).await.attempted("use IAM", &place.address)?;
        Ok(Arc::new(IamRoles::new(&clients).attempted("use IAM", &place.address)?))
    }

    async fn engine_rights(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn EngineRights>> {
        let what = "try your rights";
        let clients = self.clients.clients(caller, place).await.attempted(what, &place.address)?;
        Ok(Arc::new(AwsEngineRights::new(&clients).attempted(what, &place.address)?))
    }

    async fn own_rights(&self, place: &BackendRef, caller: &Caller) -> Result<Option<Arc<dyn OwnRights>>> {
        let BackendAddress::S3(bucket) = &place.address else { return Ok(None) };
        let clients = self.clients.clients(caller, place).await.attempted("find your credentials", &place.address)?;
        Ok(AwsOwnRights::new(&clients, bucket).map(|rights| Arc::new(rights) as Arc<dyn OwnRights>))
    }

    async fn build(&self, place: &BackendRef, lock_table: &str, caller: &Caller) -> Result<Vec<BuiltPart>> {
        let built = match &place.address {
            BackendAddress::Local(path) => self.build_local(path).await,
            BackendAddress::S3(bucket) => self.build_cloud(place, bucket, lock_table, caller).await,
        };
        built.attempted("make the backend", &place.address)
    }
}

impl Backends {
    async fn build_local(&self, path: &Path) -> PortResult<Vec<BuiltPart>> {
        let (file, created) = self.databases.create(path).await?;
        Ok(vec![BuiltPart { what: format!("file {}", file.path().display()), created }])
    }

    async fn build_cloud(
        &self,
        place: &BackendRef,
        bucket: &str,
        table: &str,
        caller: &Caller,
    ) -> PortResult<Vec<BuiltPart>> {
        let clients = self.clients.clients(caller, place).await?;
        aws::bootstrap(&clients, bucket, table).await
    }
}

fn local(place: &BackendRef, file: &Arc<Database>) -> Backend {
    Backend {
        place: place.clone(),
        objects: Arc::new(EmbeddedObjects::new(file.clone())),
        locks: Arc::new(EmbeddedLocks::new(file.clone())),
        secrets: Arc::new(EmbeddedSecrets::new(file.clone())),
        identity: Arc::new(OsUser),
    }
}

fn cloud(place: &BackendRef, bucket: &str, table: String, clients: Clients) -> Backend {
    let identity: Arc<dyn WhoAmI> = Arc::new(StsIdentity::new(clients.clone()));
    Backend {
        place: place.clone(),
        objects: Arc::new(S3Objects::new(clients.clone(), bucket)),
        locks: Arc::new(DynamoLocks::new(clients.clone(), table)),
        secrets: Arc::new(SecretsManager::new(clients)),
        identity,
    }
}

#[cfg(test)]
mod tests {
    use deployer_domain::error::Reason;
    use deployer_domain::key::PlatformSpace;
    use deployer_domain::object::WriteIf;

    use super::*;

    fn at(path: &Path) -> BackendRef {
        BackendRef::from(BackendAddress::Local(path.to_owned()))
    }

    #[tokio::test]
    async fn a_local_backend_is_made_once_and_then_opened_by_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let place = at(&dir.path().join("deployer.db"));
        let (backends, caller) = (Backends::default(), Caller::default());
        assert!(backends.build(&place, "locks", &caller).await.unwrap()[0].created);
        assert!(!backends.build(&place, "locks", &caller).await.unwrap()[0].created);
        let (one, other) = (
            backends.open(&place, None, &caller).await.unwrap(),
            Backends::default().open(&place, None, &caller).await.unwrap(),
        );
        let key = PlatformSpace.registry();
        one.objects.write(&key, b"seen".to_vec(), WriteIf::Absent).await.unwrap();
        assert_eq!(other.objects.read(&key).await.unwrap().unwrap().bytes, b"seen");
        assert!(other.identity.identity().await.unwrap().principal.starts_with("user:"));
    }

    #[tokio::test]
    async fn a_local_backend_that_is_not_there_names_the_command_that_makes_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = at(&dir.path().join("deployer.db"));
        let error = Backends::default().open(&place, None, &Caller::default()).await.map(drop).unwrap_err();
        assert_eq!(error.reason, Reason::NotFound);
        assert!(error.hints.iter().any(|hint| hint.contains("deployer admin bootstrap")), "{error:?}");
        assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "looking creates nothing");
    }
}
