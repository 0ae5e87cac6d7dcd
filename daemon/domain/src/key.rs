//! Where every document lives: the only place that builds object keys and lock keys.
//!
//! **Invariant:** an [`ObjectKey`] or [`LockKey`] exists only if this file built it from validated names, and what a
//! [`TenantSpace`] hands out lies within that tenant's prefix. Code that holds only a `TenantSpace` cannot name
//! another tenant's path.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use ulid::Ulid;

mod move_space;

pub use move_space::MoveSpace;

use crate::name::{ComponentId, EnvironmentName, RunId, StackName, StateVersion, TenantId};

/// The full key of one stored object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The key as the storage spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginning of keys, always ending in `/`, for listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// The prefix as the storage spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a key that a listing of this prefix returned; `None` when it does not lie within the prefix.
    pub fn listed(&self, key: &str) -> Option<ObjectKey> {
        (key.len() > self.0.len() && key.starts_with(&self.0)).then(|| ObjectKey(key.to_owned()))
    }
}

/// The key of one lock: `tenant:<id>:stack:<stack>:env:<environment>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockKey {
    /// The tenant whose lock it is.
    pub tenant: TenantId,
    /// The stack it guards.
    pub stack: StackName,
    /// The environment it guards.
    pub environment: EnvironmentName,
}

impl LockKey {
    /// The key of the audit item that a forced unlock of this lock writes in the same transaction.
    pub fn unlock_audit(&self, id: Ulid) -> String {
        format!("tenant:{}:audit:{}:{}:{id}", self.tenant, self.stack, self.environment)
    }
}

impl std::str::FromStr for LockKey {
    type Err = crate::name::InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["tenant", tenant, "stack", stack, "env", environment] = parts[..] else {
            return Err(crate::name::InvalidName {
                kind: "lock key",
                shown: format!("{:?}", text.chars().take(80).collect::<String>()),
                why: "it must read tenant:ID:stack:NAME:env:NAME".to_owned(),
            });
        };
        Ok(Self { tenant: tenant.parse()?, stack: stack.parse()?, environment: environment.parse()? })
    }
}

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant:{}:stack:{}:env:{}", self.tenant, self.stack, self.environment)
    }
}

fn dated(prefix: &str, at: Timestamp, id: Ulid) -> ObjectKey {
    let day = at.strftime("%Y/%m/%d").to_string();
    ObjectKey(format!("{prefix}audit/{day}/{id}.json"))
}

/// What the platform's admins may name: everything.
#[derive(Debug, Clone, Copy)]
pub struct PlatformSpace;

impl PlatformSpace {
    /// `tenants.yaml`, the registry.
    pub fn registry(self) -> ObjectKey {
        ObjectKey("tenants.yaml".to_owned())
    }

    /// `registry/<id>.yaml`, derived from the registry.
    pub fn registry_entry(self, tenant: &TenantId) -> ObjectKey {
        ObjectKey(format!("registry/{tenant}.yaml"))
    }

    /// The prefix of all derived entries.
    pub fn registry_entries(self) -> KeyPrefix {
        KeyPrefix("registry/".to_owned())
    }

    /// An object that `admin bootstrap` writes and deletes again, to see how the storage behaves.
    pub fn probe(self, id: Ulid) -> ObjectKey {
        ObjectKey(format!("audit/probe/{id}"))
    }

    /// One admin or platform event.
    pub fn audit(self, at: Timestamp, id: Ulid) -> ObjectKey {
        dated("", at, id)
    }

    /// The prefix of all admin and platform events.
    pub fn audits(self) -> KeyPrefix {
        KeyPrefix("audit/".to_owned())
    }

    /// The prefix of everything that belongs to a tenant, all versions of its state and its audit included.
    pub fn tenant_folder(self, id: &TenantId) -> KeyPrefix {
        KeyPrefix(format!("tenants/{id}/"))
    }

    /// Where the state of one environment of one stack lies, if a listed key of a tenant is one.
    pub fn state_of(self, id: &TenantId, key: &ObjectKey) -> Option<StackSpace> {
        let rest = key.0.strip_prefix(self.tenant_folder(id).as_str())?;
        let parts: Vec<&str> = rest.split('/').collect();
        let [version, "stacks", stack, environment, "state.json"] = parts[..] else { return None };
        let space = TenantSpace::new(id.clone(), version.parse().ok()?);
        Some(space.stack(&stack.parse().ok()?, &environment.parse().ok()?))
    }

    /// The prefix of all archives of a tenant that was deleted.
    pub fn archives(self, id: &TenantId) -> KeyPrefix {
        KeyPrefix(format!("archive/{id}/"))
    }

    /// The archive of a tenant that was deleted at a time.
    pub fn archive(self, id: &TenantId, at: Timestamp) -> ArchiveSpace {
        let folder = at.strftime("%Y%m%dT%H%M%SZ");
        ArchiveSpace { tenant: id.clone(), prefix: format!("archive/{id}/{folder}/") }
    }

    /// The archive of a folder below [`archives`](Self::archives), if its name is one.
    pub fn archive_of(self, id: &TenantId, folder: &str) -> Option<ArchiveSpace> {
        let moment = format!("{}+0000", folder.strip_suffix('Z')?);
        Some(self.archive(id, Timestamp::strptime("%Y%m%dT%H%M%S%z", moment).ok()?))
    }

    /// The prefix of the admin and platform events of one day.
    pub fn audits_of(self, day: Date) -> KeyPrefix {
        KeyPrefix(format!("audit/{}/", day.strftime("%Y/%m/%d")))
    }

    /// The space of one tenant.
    pub fn tenant(self, id: &TenantId, version: &StateVersion) -> TenantSpace {
        TenantSpace::new(id.clone(), version.clone())
    }
}

/// Where a tenant that was deleted is kept until it is purged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArchiveSpace {
    tenant: TenantId,
    prefix: String,
}

impl ArchiveSpace {
    /// The path without the final slash: `archive/<id>/<timestamp>`.
    pub fn path(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// The prefix of everything in it.
    pub fn everything(&self) -> KeyPrefix {
        KeyPrefix(self.prefix.clone())
    }

    /// What it holds, with checksums; written when everything is there.
    pub fn manifest(&self) -> ObjectKey {
        ObjectKey(format!("{}manifest.json", self.prefix))
    }

    /// Says that it was restored.
    pub fn restored(&self) -> ObjectKey {
        ObjectKey(format!("{}restored.json", self.prefix))
    }

    /// Where one of the tenant's objects is kept; `None` for an object that is not the tenant's.
    pub fn copy_of(&self, key: &ObjectKey) -> Option<ObjectKey> {
        let rest = key.0.strip_prefix(PlatformSpace.tenant_folder(&self.tenant).as_str())?;
        Some(ObjectKey(format!("{}tenant/{rest}", self.prefix)))
    }

    /// Where an object of the manifest belongs, by its name below the tenant's folder; `None` for a name that would
    /// lead out of it.
    pub fn original_of(&self, name: &str) -> Option<ObjectKey> {
        let climbs = name.split('/').any(|part| part == ".." || part == ".");
        let prefix = PlatformSpace.tenant_folder(&self.tenant);
        (!climbs && !name.starts_with('/')).then(|| prefix.listed(&format!("{}{name}", prefix.as_str())))?
    }

    /// The name of one of the tenant's objects below its folder.
    pub fn name_of<'a>(&self, key: &'a ObjectKey) -> Option<&'a str> {
        key.0.strip_prefix(PlatformSpace.tenant_folder(&self.tenant).as_str())
    }
}

/// What one tenant may name: its own prefix, and read-only its derived registry entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantSpace {
    id: TenantId,
    version: StateVersion,
}

impl TenantSpace {
    /// Confines to a tenant and one version namespace of its prefix.
    pub fn new(id: TenantId, version: StateVersion) -> Self {
        Self { id, version }
    }

    /// The tenant.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// The version namespace.
    pub fn version(&self) -> &StateVersion {
        &self.version
    }

    /// The tenant's storage path without the final slash: `tenants/<id>/<version>`.
    pub fn path(&self) -> String {
        format!("tenants/{}/{}", self.id, self.version)
    }

    /// The tenant's lock prefix: `tenant:<id>`.
    pub fn lock_prefix(&self) -> String {
        format!("tenant:{}", self.id)
    }

    /// `registry/<id>.yaml`.
    pub fn registry_entry(&self) -> ObjectKey {
        PlatformSpace.registry_entry(&self.id)
    }

    /// `tenants/<id>/tenant.yaml`.
    pub fn config(&self) -> ObjectKey {
        ObjectKey(format!("tenants/{}/tenant.yaml", self.id))
    }

    /// One event in the tenant's audit.
    pub fn audit(&self, at: Timestamp, id: Ulid) -> ObjectKey {
        dated(&format!("tenants/{}/", self.id), at, id)
    }

    /// The prefix of the tenant's audit.
    pub fn audits(&self) -> KeyPrefix {
        KeyPrefix(format!("tenants/{}/audit/", self.id))
    }

    /// The prefix of the tenant's events of one day.
    pub fn audits_of(&self, day: Date) -> KeyPrefix {
        KeyPrefix(format!("tenants/{}/audit/{}/", self.id, day.strftime("%Y/%m/%d")))
    }

    /// The key that sensitive values are compared under: 32 random bytes, outside of every state.
    pub fn sensitive_key(&self) -> ObjectKey {
        ObjectKey(format!("{}/sensitive.key", self.path()))
    }

    /// The empty object that makes the (still empty) `stacks/` folder visible in the provider's tools.
    pub fn stacks_folder(&self) -> ObjectKey {
        ObjectKey(format!("{}/stacks/", self.path()))
    }

    /// The prefix of all stacks.
    pub fn stacks(&self) -> KeyPrefix {
        KeyPrefix(format!("{}/stacks/", self.path()))
    }

    /// The prefix of all environments of a stack.
    pub fn environments(&self, stack: &StackName) -> KeyPrefix {
        KeyPrefix(format!("{}/stacks/{stack}/", self.path()))
    }

    /// One environment of one stack.
    pub fn stack(&self, stack: &StackName, environment: &EnvironmentName) -> StackSpace {
        StackSpace {
            prefix: format!("{}/stacks/{stack}/{environment}/", self.path()),
            lock: LockKey { tenant: self.id.clone(), stack: stack.clone(), environment: environment.clone() },
        }
    }

    /// The stack and environment that a listed key belongs to, if it is one of this space.
    pub fn stack_of(&self, key: &ObjectKey) -> Option<(StackName, EnvironmentName)> {
        let rest = key.0.strip_prefix(self.stacks().as_str())?;
        let mut parts = rest.split('/');
        let stack = parts.next()?.parse().ok()?;
        let environment = parts.next()?.parse().ok()?;
        parts.next().map(|_| (stack, environment))
    }
}

/// Where one environment of one stack keeps its documents and its lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StackSpace {
    prefix: String,
    lock: LockKey,
}

impl StackSpace {
    /// The lock that guards it.
    pub fn lock(&self) -> &LockKey {
        &self.lock
    }

    /// The prefix of everything that it has.
    pub fn everything(&self) -> KeyPrefix {
        KeyPrefix(self.prefix.clone())
    }

    /// `state.json`.
    pub fn state(&self) -> ObjectKey {
        ObjectKey(format!("{}state.json", self.prefix))
    }

    /// `history/NNN.json`: three digits at least, more when they are needed.
    pub fn history(&self, number: u64) -> ObjectKey {
        ObjectKey(format!("{}history/{number:03}.json", self.prefix))
    }

    /// The prefix of all history documents. They sort by number, not as text.
    pub fn histories(&self) -> KeyPrefix {
        KeyPrefix(format!("{}history/", self.prefix))
    }

    /// The number of a history document's key.
    pub fn history_number(&self, key: &ObjectKey) -> Option<u64> {
        key.0.strip_prefix(self.histories().as_str())?.strip_suffix(".json")?.parse().ok()
    }

    /// What a fenced-off holder still knew.
    pub fn orphan(&self, fence: u64, session: Ulid) -> ObjectKey {
        ObjectKey(format!("{}state.orphan/{fence}-{session}.json", self.prefix))
    }

    /// The prefix of all orphan documents.
    pub fn orphans(&self) -> KeyPrefix {
        KeyPrefix(format!("{}state.orphan/", self.prefix))
    }

    /// One segment of a run's events, named by the sequence number of its first event.
    pub fn run_segment(&self, run: RunId, first_sequence: u64) -> ObjectKey {
        ObjectKey(format!("{}runs/{run}/{first_sequence:010}.jsonl", self.prefix))
    }

    /// The prefix of one run's segments, which sort as text.
    pub fn run_segments(&self, run: RunId) -> KeyPrefix {
        KeyPrefix(format!("{}runs/{run}/", self.prefix))
    }

    /// The prefix of all runs.
    pub fn runs(&self) -> KeyPrefix {
        KeyPrefix(format!("{}runs/", self.prefix))
    }

    /// The run that a listed key belongs to.
    pub fn run_of(&self, key: &ObjectKey) -> Option<RunId> {
        key.0.strip_prefix(self.runs().as_str())?.split('/').next()?.parse().ok()
    }

    /// A pending run's approval.
    pub fn approval(&self, run: RunId) -> ObjectKey {
        ObjectKey(format!("{}approvals/{run}.json", self.prefix))
    }

    /// What was decided about a pending run.
    pub fn approval_decision(&self, run: RunId) -> ObjectKey {
        ObjectKey(format!("{}approvals/{run}.decision.json", self.prefix))
    }

    /// All approvals.
    pub fn approvals(&self) -> KeyPrefix {
        KeyPrefix(format!("{}approvals/", self.prefix))
    }

    /// The run whose request a listed key is; nothing for a decision.
    pub fn approval_of(&self, key: &ObjectKey) -> Option<RunId> {
        key.0.strip_prefix(self.approvals().as_str())?.strip_suffix(".json")?.parse().ok()
    }

    /// A source archive, named by its SHA-256.
    pub fn source(&self, sha256: &[u8; 32]) -> ObjectKey {
        let hex: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        ObjectKey(format!("{}sources/{hex}.tar.zst", self.prefix))
    }

    /// A CloudFormation template that is too long for a request, named by its SHA-256.
    pub fn template(&self, sha256: &[u8; 32]) -> ObjectKey {
        let hex: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        ObjectKey(format!("{}sources/{hex}.template", self.prefix))
    }

    /// The Terraform state of one component.
    pub fn terraform(&self, component: &ComponentId) -> ObjectKey {
        ObjectKey(format!("{}terraform/{component}.tfstate", self.prefix))
    }

    /// What a fenced-off holder still knew of the Terraform state of one component.
    pub fn terraform_orphan(&self, component: &ComponentId, fence: u64, session: Ulid) -> ObjectKey {
        ObjectKey(format!("{}terraform/{component}.orphan/{fence}-{session}.tfstate", self.prefix))
    }

    /// The prefix of all such documents of one component.
    pub fn terraform_orphans(&self, component: &ComponentId) -> KeyPrefix {
        KeyPrefix(format!("{}terraform/{component}.orphan/", self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> TenantSpace {
        TenantSpace::new("notifications-team".parse().unwrap(), StateVersion::default())
    }

    #[test]
    fn keys_are_those_of_the_storage_design() {
        let stack = space().stack(&"platform".parse().unwrap(), &"production".parse().unwrap());
        let base = "tenants/notifications-team/v1/stacks/platform/production";
        assert_eq!(stack.state().as_str(), format!("{base}/state.json"));
        assert_eq!(stack.history(7).as_str(), format!("{base}/history/007.json"));
        assert_eq!(stack.history(1000).as_str(), format!("{base}/history/1000.json"));
        assert_eq!(stack.history_number(&stack.history(1000)), Some(1000));
        assert_eq!(stack.lock().to_string(), "tenant:notifications-team:stack:platform:env:production");
        assert_eq!(space().config().as_str(), "tenants/notifications-team/tenant.yaml");
        let at: Timestamp = "2024-01-15T23:59:59Z".parse().unwrap();
        let id = Ulid::nil();
        assert_eq!(space().audit(at, id).as_str(), format!("tenants/notifications-team/audit/2024/01/15/{id}.json"));
        assert_eq!(PlatformSpace.audit(at, id).as_str(), format!("audit/2024/01/15/{id}.json"));
    }

    #[test]
    fn archives_lie_beside_the_tenants_and_lead_back_to_nothing_else() {
        let id = "acme".parse().unwrap();
        let archive = PlatformSpace.archive(&id, "2024-01-20T14:30:00.7Z".parse().unwrap());
        assert_eq!(archive.path(), "archive/acme/20240120T143000Z");
        assert_eq!(PlatformSpace.archive_of(&id, "20240120T143000Z"), Some(archive.clone()));
        assert_eq!(PlatformSpace.archive_of(&id, "2024"), None);
        let state = space().stack(&"s".parse().unwrap(), &"e".parse().unwrap()).state();
        assert_eq!(archive.copy_of(&state), None, "another tenant's");
        let ours =
            TenantSpace::new(id.clone(), "v2".parse().unwrap()).stack(&"s".parse().unwrap(), &"e".parse().unwrap());
        let copy = archive.copy_of(&ours.state()).unwrap();
        assert_eq!(copy.as_str(), "archive/acme/20240120T143000Z/tenant/v2/stacks/s/e/state.json");
        assert_eq!(archive.original_of(archive.name_of(&ours.state()).unwrap()), Some(ours.state()));
        assert_eq!(PlatformSpace.state_of(&id, &ours.state()), Some(ours));
        for name in ["", "/etc", "../other/tenant.yaml", "v1/../../other"] {
            assert_eq!(archive.original_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_lock_key_is_read_back_as_it_is_written() {
        let stack = space().stack(&"platform".parse().unwrap(), &"production".parse().unwrap());
        assert_eq!(stack.lock().to_string().parse::<LockKey>().unwrap(), *stack.lock());
        let audit = stack.lock().unlock_audit(Ulid::nil());
        for text in ["", "tenant:a", "tenant:acme:stack:s:env:", "tenant:acme:stack:s:env:e:x", &audit] {
            assert!(text.parse::<LockKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn everything_a_tenant_names_lies_in_its_prefix() {
        let space = space();
        let stack = space.stack(&"s".parse().unwrap(), &"e".parse().unwrap());
        let run = RunId::new(Ulid::nil());
        let keys = [
            space.config(),
            space.stacks_folder(),
            stack.state(),
            stack.history(1),
            stack.orphan(3, Ulid::nil()),
            stack.run_segment(run, 0),
            stack.approval(run),
            stack.source(&[0; 32]),
            stack.terraform(&"a.b".parse().unwrap()),
        ];
        assert!(keys.iter().all(|key| key.as_str().starts_with("tenants/notifications-team/")));
    }

    #[test]
    fn a_listed_key_outside_the_prefix_is_not_taken() {
        let stacks = space().stacks();
        assert!(stacks.listed("tenants/other/v1/stacks/x").is_none());
        let key = stacks.listed("tenants/notifications-team/v1/stacks/a/dev/state.json").unwrap();
        let (stack, environment) = space().stack_of(&key).unwrap();
        assert_eq!((stack.as_str(), environment.as_str()), ("a", "dev"));
        assert!(space().stack_of(&space().config()).is_none());
    }
}
