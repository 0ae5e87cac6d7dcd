//! Where objects come from and go to when the storage of a tenant moves.

use super::{KeyPrefix, ObjectKey, PlatformSpace, StackSpace, TenantSpace};
use crate::name::{InvalidName, StateVersion, TenantId};

/// The folders of the storage that nothing may be moved out of: they are not an older tool's.
const OURS: [&str; 4] = ["tenants", "registry", "audit", "archive"];

/// A move within one storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveSpace {
    from: String,
    to: TenantSpace,
    /// Whether only what belongs to a stack is expected there.
    stacks_only: bool,
}

impl PlatformSpace {
    /// The move of what an older tool kept below a prefix, such as `stacks/`, into a tenant.
    pub fn migration(self, prefix: &str, to: TenantSpace) -> Result<MoveSpace, InvalidName> {
        let folder = prefix.trim_end_matches('/');
        let first = folder.split('/').next().unwrap_or_default();
        let plain = |part: &str| !part.is_empty() && !matches!(part, "." | "..") && !part.contains(char::is_control);
        if folder.len() > 200 || !folder.split('/').all(plain) || OURS.contains(&first) {
            return Err(InvalidName {
                kind: "prefix",
                shown: format!("{:?}", prefix.chars().take(48).collect::<String>()),
                why: "name a folder of the same storage that holds STACK/ENVIRONMENT/state.json, such as stacks/; not one \
                      of deployer's own"
                    .to_owned(),
            });
        }
        Ok(MoveSpace { from: format!("{folder}/"), to, stacks_only: true })
    }

    /// The move of one version namespace of a tenant into another.
    pub fn upgrade(self, id: &TenantId, from: &StateVersion, to: &StateVersion) -> MoveSpace {
        let from = TenantSpace::new(id.clone(), from.clone());
        MoveSpace {
            from: format!("{}/", from.path()),
            to: TenantSpace::new(id.clone(), to.clone()),
            stacks_only: false,
        }
    }
}

impl MoveSpace {
    /// Where it comes from, ending in `/`.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Where it goes.
    pub fn to(&self) -> &TenantSpace {
        &self.to
    }

    /// Everything that is to be moved.
    pub fn everything(&self) -> KeyPrefix {
        KeyPrefix(self.from.clone())
    }

    /// Where an object belongs afterwards; `None` for one that no stack can have, or whose name would lead elsewhere.
    pub fn target_of(&self, key: &ObjectKey) -> Option<ObjectKey> {
        let rest = key.0.strip_prefix(&self.from)?;
        let parts: Vec<&str> = rest.split('/').collect();
        let last = parts.len().saturating_sub(1);
        // A name that ends with `/` is how the provider's tools make a folder.
        let plain = |(at, part): (usize, &&str)| !matches!(*part, "." | "..") && (!part.is_empty() || at == last);
        if rest.is_empty() || !parts.iter().enumerate().all(plain) {
            return None;
        }
        if !self.stacks_only {
            return Some(ObjectKey(format!("{}/{rest}", self.to.path())));
        }
        let [stack, environment, _, ..] = parts[..] else { return None };
        let place = self.to.stack(&stack.parse().ok()?, &environment.parse().ok()?);
        let below = rest.split_once('/')?.1.split_once('/')?.1;
        Some(ObjectKey(format!("{}{below}", place.prefix)))
    }

    /// The environment of a stack whose state an object is afterwards.
    pub fn state_of(&self, key: &ObjectKey) -> Option<StackSpace> {
        let target = self.target_of(key)?;
        let (stack, environment) = self.to.stack_of(&target)?;
        let space = self.to.stack(&stack, &environment);
        (space.state() == target).then_some(space)
    }

    /// The environment of a stack that an object belongs to afterwards, if it is one's.
    pub fn place_of(&self, target: &ObjectKey) -> Option<StackSpace> {
        self.to.stack_of(target).map(|(stack, environment)| self.to.stack(&stack, &environment))
    }

    /// Whether an object is only how the provider's tools show a folder.
    pub fn is_folder(&self, key: &ObjectKey) -> bool {
        key.0.ends_with('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ObjectKey {
        ObjectKey(text.to_owned())
    }

    #[test]
    fn a_migration_leads_into_the_tenant_and_takes_nothing_of_ours() {
        let to = TenantSpace::new("acme".parse().unwrap(), StateVersion::default());
        let space = PlatformSpace.migration("stacks/", to.clone()).unwrap();
        let target = |text: &str| space.target_of(&key(text)).map(|key| key.to_string());
        let moved = Some("tenants/acme/v1/stacks/shop/dev/history/001.json".to_owned());
        assert_eq!(target("stacks/shop/dev/history/001.json"), moved);
        assert_eq!(
            space.state_of(&key("stacks/shop/dev/state.json")),
            Some(to.stack(&"shop".parse().unwrap(), &"dev".parse().unwrap()))
        );
        assert_eq!(space.state_of(&key("stacks/shop/dev/history/state.json")), None);
        for bad in [
            "stacks/",
            "stacks/x.json",
            "stacks/Shop/dev/state.json",
            "stacks/shop/dev",
            "other/shop/dev/state.json",
            "stacks/shop/dev/../x",
            "stacks/shop/dev//x",
        ] {
            assert_eq!(target(bad), None, "{bad}");
        }
        for bad in [
            "",
            "/",
            "tenants/other-team/v1/stacks",
            "registry/",
            "archive/x/y",
            "audit",
            "../x",
            "a//b",
            "a/../tenants",
        ] {
            assert!(PlatformSpace.migration(bad, to.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_upgrade_takes_everything_of_a_version_and_nothing_else() {
        let version = |text: &str| text.parse::<StateVersion>().unwrap();
        let space = PlatformSpace.upgrade(&"acme".parse().unwrap(), &version("v1"), &version("v2"));
        let target = |text: &str| space.target_of(&key(text)).map(|key| key.to_string());
        assert_eq!(target("tenants/acme/v1/sensitive.key").as_deref(), Some("tenants/acme/v2/sensitive.key"));
        assert_eq!(target("tenants/acme/v1/stacks/").as_deref(), Some("tenants/acme/v2/stacks/"));
        assert_eq!(target("tenants/acme/v10/sensitive.key"), None);
        assert_eq!(target("tenants/acme/tenant.yaml"), None);
        assert!(space.state_of(&key("tenants/acme/v1/stacks/shop/dev/state.json")).is_some());
    }
}
