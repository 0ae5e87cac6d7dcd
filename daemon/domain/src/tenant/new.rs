//! A tenant that is about to be created.

use jiff::Timestamp;

use super::{
    AwsPlace, Credentials, DEFAULT_MAX_SERVICES, DEFAULT_MAX_STACKS, Labels, Limits, LockPrefix, Storage, Tenant,
    TenantStatus, team_of,
};
use crate::credential::{COST, SecretHash};
use crate::error::{Error, Reason, Result};
use crate::manifest::rule;
use crate::name::{StateVersion, TenantId};
use crate::registry::Registry;

/// What a new tenant is to be; what is empty or absent gets the registry's or the program's default.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of the tenant's entry")]
pub struct NewTenant {
    pub id: TenantId,
    pub display_name: String,
    pub email: String,
    pub account_id: String,
    pub region: String,
    pub team: String,
    pub department: String,
    /// What its secret begins with; no field of the entry.
    pub secret_prefix: String,
    pub cost_tracking: bool,
    pub monthly_cost_limit: Option<u32>,
    pub max_stacks: Option<u32>,
    pub max_services: Option<u32>,
    pub state_version: Option<StateVersion>,
}

impl NewTenant {
    /// A tenant of which nothing is said but its id and its name.
    pub fn named(id: TenantId, display_name: String) -> Self {
        Self {
            id,
            display_name,
            email: String::new(),
            account_id: String::new(),
            region: String::new(),
            team: String::new(),
            department: String::new(),
            secret_prefix: String::new(),
            cost_tracking: false,
            monthly_cost_limit: None,
            max_stacks: None,
            max_services: None,
            state_version: None,
        }
    }

    /// Refuses what no entry may hold.
    pub fn check(&self) -> Result<()> {
        check_texts([
            ("display name", &self.display_name),
            ("email", &self.email),
            ("AWS account id", &self.account_id),
            ("region", &self.region),
            ("team", &self.team),
            ("department", &self.department),
        ])?;
        if self.max_stacks == Some(0) || self.max_services == Some(0) {
            return Err(not_valid("limit", "a tenant needs room for at least one stack and one service"));
        }
        Ok(())
    }

    /// Its entry in a registry.
    pub fn entry(&self, hash: &SecretHash, registry: &Registry, now: Timestamp) -> Tenant {
        let credentials = Credentials {
            hash: hash.as_str().to_owned(),
            algorithm: "bcrypt".to_owned(),
            cost: Some(COST),
            rotations: 0,
            last_rotated: None,
        };
        // The reference writes whole seconds.
        self.with(credentials, registry, Timestamp::from_second(now.as_second()).unwrap_or(now))
    }

    /// What a tenant that exists has otherwise than this would have it, as the entry calls it.
    pub fn differences(&self, tenant: &Tenant, registry: &Registry) -> Vec<&'static str> {
        let wanted = self.with(tenant.credentials.clone(), registry, tenant.created);
        let compared = [
            ("displayName", wanted.display_name == tenant.display_name),
            ("email", wanted.email == tenant.email),
            ("aws", wanted.aws == tenant.aws),
            ("limits", wanted.limits == tenant.limits),
            ("metadata", wanted.metadata == tenant.metadata),
            ("storage.version", wanted.storage.version == tenant.storage.version),
        ];
        compared.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    fn with(&self, credentials: Credentials, registry: &Registry, created: Timestamp) -> Tenant {
        let or = |given: &str, otherwise: &str| if given.is_empty() { otherwise.to_owned() } else { given.to_owned() };
        let id = self.id.clone();
        let version = self.state_version.clone().unwrap_or_else(|| registry.default_version().clone());
        Tenant {
            display_name: self.display_name.clone(),
            email: self.email.clone(),
            created,
            status: TenantStatus::Active,
            credentials,
            storage: Storage { prefix: format!("tenants/{id}"), path: format!("tenants/{id}/{version}"), version },
            locks: Some(LockPrefix { prefix: format!("tenant:{id}") }),
            aws: AwsPlace { account_id: self.account_id.clone(), region: or(&self.region, &registry.place().region) },
            limits: Limits {
                cost_tracking: self.cost_tracking,
                monthly_cost_limit: self.monthly_cost_limit,
                max_stacks: self.max_stacks.unwrap_or(DEFAULT_MAX_STACKS),
                max_services: self.max_services.unwrap_or(DEFAULT_MAX_SERVICES),
            },
            metadata: Labels { team: or(&self.team, team_of(&id)), department: self.department.clone() },
            id,
        }
    }
}

/// Refuses texts that no entry of a tenant may hold; each comes with what it is.
pub fn check_texts<'a>(texts: impl IntoIterator<Item = (&'static str, &'a String)>) -> Result<()> {
    for (what, text) in texts {
        if let Err(why) = check_text(what, text) {
            return Err(not_valid(what, &why));
        }
    }
    Ok(())
}

/// The same for one text; says what would be right.
pub(crate) fn check_text(what: &str, text: &str) -> std::result::Result<(), String> {
    if text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err("use 200 characters at most, on one line".to_owned());
    }
    if what == "email" && !text.is_empty() && !looks_like_an_address(text) {
        return Err("write it as team@company.com".to_owned());
    }
    match what {
        "region" if !text.is_empty() => (rule::REGION.check)(text),
        "AWS account id" if !text.is_empty() => (rule::ACCOUNT_ID.check)(text),
        _ => Ok(()),
    }
}

fn not_valid(what: &str, why: &str) -> Error {
    Error::new(Reason::InvalidRequest, format!("the {what} is not valid: {why}"))
}

fn looks_like_an_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(who, at)| !who.is_empty() && !at.is_empty() && !at.contains('@'))
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Place;

    #[test]
    fn a_tenant_that_exists_is_compared_field_by_field_and_its_secret_is_its_own() {
        let registry = Registry::first(&Place::default(), Timestamp::UNIX_EPOCH).unwrap();
        let wanted = NewTenant::named("web-team".parse().unwrap(), "Web Team".to_owned());
        let entry = wanted.entry(&SecretHash::of_nobody(), &registry, Timestamp::UNIX_EPOCH);
        assert_eq!(wanted.differences(&entry, &registry), Vec::<&str>::new());
        let suspended = Tenant { status: TenantStatus::Suspended, ..entry.clone() };
        assert_eq!(wanted.differences(&suspended, &registry), Vec::<&str>::new());
        let other = NewTenant { email: "a@b".to_owned(), max_stacks: Some(3), ..wanted };
        assert_eq!(other.differences(&entry, &registry), ["email", "limits"]);
    }

    #[test]
    fn what_no_entry_may_hold_is_refused() {
        let good = NewTenant::named("web-team".parse().unwrap(), "Web Team".to_owned());
        assert_eq!(good.check(), Ok(()));
        for bad in [
            NewTenant { email: "nobody".to_owned(), ..good.clone() },
            NewTenant { account_id: "12".to_owned(), ..good.clone() },
            NewTenant { region: "moon".to_owned(), ..good.clone() },
            NewTenant { max_services: Some(0), ..good.clone() },
            NewTenant { display_name: "a\nb".to_owned(), ..good },
        ] {
            assert_eq!(bad.check().unwrap_err().reason, Reason::InvalidRequest);
        }
    }
}
