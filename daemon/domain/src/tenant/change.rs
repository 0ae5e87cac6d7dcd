//! How a tenant changes in its life.

use jiff::Timestamp;

use super::{AwsPlace, Labels, Limits, Storage, Tenant, TenantStatus};
use crate::credential::{COST, SecretHash};
use crate::error::{Error, Reason, Result};
use crate::name::StateVersion;

/// The status of a tenant that is being deleted.
const DELETING: &str = "deleting";
/// How the status of a tenant begins whose state is moving to the version that follows.
const MOVING: &str = "moving-to-";
/// How it begins while such a move is given up.
const GIVING_UP: &str = "giving-up-";

/// How both end where the tenant was suspended.
const SUSPENDED: &str = "-suspended";

/// What an admin changes of a tenant's entry; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of the tenant's entry")]
pub struct TenantEdit {
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub account_id: Option<String>,
    pub region: Option<String>,
    pub team: Option<String>,
    pub department: Option<String>,
    pub cost_tracking: Option<bool>,
    /// `Some(None)` lifts the limit.
    pub monthly_cost_limit: Option<Option<u32>>,
    pub max_stacks: Option<u32>,
    pub max_services: Option<u32>,
}

/// A move of a tenant's state into another version namespace that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Where to.
    pub to: StateVersion,
    /// Whether it is given up, and can only be taken back.
    pub given_up: bool,
    suspended: bool,
}

impl Move {
    fn of(status: &TenantStatus) -> Option<Self> {
        let TenantStatus::Closed(status) = status else { return None };
        let (given_up, rest) = match (status.strip_prefix(MOVING), status.strip_prefix(GIVING_UP)) {
            (Some(rest), _) => (false, rest),
            (None, rest) => (true, rest?),
        };
        let (to, suspended) = rest.strip_suffix(SUSPENDED).map_or((rest, false), |to| (to, true));
        Some(Self { to: to.parse().ok()?, given_up, suspended })
    }

    fn status(&self) -> TenantStatus {
        let (begin, end) =
            (if self.given_up { GIVING_UP } else { MOVING }, if self.suspended { SUSPENDED } else { "" });
        TenantStatus::Closed(format!("{begin}{}{end}", self.to))
    }
}

impl TenantEdit {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Tenant {
    /// The tenant with another secret.
    pub fn rotated(&self, hash: &SecretHash, now: Timestamp) -> Result<Self> {
        let mut tenant = self.open()?;
        let credentials = &mut tenant.credentials;
        credentials.hash = hash.as_str().to_owned();
        credentials.algorithm = "bcrypt".to_owned();
        credentials.cost = Some(COST);
        credentials.rotations = credentials.rotations.saturating_add(1);
        // The reference writes whole seconds.
        credentials.last_rotated = Some(Timestamp::from_second(now.as_second()).unwrap_or(now));
        Ok(tenant)
    }

    /// The tenant with another status, active or suspended.
    pub fn with_status(&self, status: TenantStatus) -> Result<Self> {
        Ok(Self { status, ..self.open()? })
    }

    /// The tenant while it is being deleted: no sign-ins, no commands.
    pub fn closing(&self) -> Result<Self> {
        match &self.status {
            TenantStatus::Closed(status) if status == DELETING => Ok(self.clone()),
            _ => Ok(Self { status: TenantStatus::Closed(DELETING.to_owned()), ..self.open()? }),
        }
    }

    /// Whether a deletion of it has begun.
    pub fn is_closing(&self) -> bool {
        matches!(&self.status, TenantStatus::Closed(status) if status == DELETING)
    }

    /// The tenant as it was before a deletion that could not be carried out.
    pub fn reopened(&self, status: TenantStatus) -> Result<Self> {
        if self.is_closing() { Ok(Self { status, ..self.clone() }) } else { self.open() }
    }

    /// The tenant as it comes back from an archive, with another secret.
    pub fn restored(&self, hash: &SecretHash, now: Timestamp) -> Result<Self> {
        self.reopened(TenantStatus::Active)?.rotated(hash, now)
    }

    /// The tenant with an admin's changes.
    pub fn edited(&self, edit: &TenantEdit) -> Result<Self> {
        let tenant = self.open()?;
        let limits = Limits {
            cost_tracking: edit.cost_tracking.unwrap_or(tenant.limits.cost_tracking),
            monthly_cost_limit: edit.monthly_cost_limit.unwrap_or(tenant.limits.monthly_cost_limit),
            max_stacks: edit.max_stacks.unwrap_or(tenant.limits.max_stacks),
            max_services: edit.max_services.unwrap_or(tenant.limits.max_services),
        };
        let or = |given: &Option<String>, otherwise: String| given.clone().unwrap_or(otherwise);
        Ok(Self {
            display_name: or(&edit.display_name, tenant.display_name),
            email: or(&edit.email, tenant.email),
            aws: AwsPlace {
                account_id: or(&edit.account_id, tenant.aws.account_id),
                region: or(&edit.region, tenant.aws.region),
            },
            metadata: Labels {
                team: or(&edit.team, tenant.metadata.team),
                department: or(&edit.department, tenant.metadata.department),
            },
            limits,
            ..tenant
        })
    }

    /// The tenant while its state moves to another version namespace: no sign-ins, no commands.
    pub fn moving(&self, to: &StateVersion) -> Result<Self> {
        if self.in_move().is_some_and(|going_on| going_on.to == *to && !going_on.given_up) {
            return Ok(self.clone());
        }
        let suspended = self.open()?.status == TenantStatus::Suspended;
        Ok(Self { status: Move { to: to.clone(), given_up: false, suspended }.status(), ..self.clone() })
    }

    /// The move of its state that has begun and not ended.
    pub fn in_move(&self) -> Option<Move> {
        Move::of(&self.status)
    }

    /// The tenant while such a move is given up: closed still, but the move cannot be finished any more.
    pub fn giving_up(&self) -> Result<Self> {
        let Some(going_on) = self.in_move() else { return Err(self.not_moving()) };
        Ok(Self { status: Move { given_up: true, ..going_on }.status(), ..self.clone() })
    }

    /// What is wrong where a move should be under way.
    pub fn not_moving(&self) -> Error {
        Error::new(Reason::StateConflict, format!("no move of {}'s state is under way", self.id))
            .fact("Status", &self.status)
            .hint(format!("look at it with `deployer tenant show {}`", self.id))
    }

    /// The tenant as it was before a move that could not begin, or was given up.
    pub fn stayed(&self) -> Result<Self> {
        let Some(going_on) = self.in_move() else { return self.open() };
        let status = if going_on.suspended { TenantStatus::Suspended } else { TenantStatus::Active };
        Ok(Self { status, ..self.clone() })
    }

    /// The tenant after its state has moved to another version namespace.
    pub fn moved(&self, to: &StateVersion) -> Result<Self> {
        match self.in_move() {
            None if self.storage.version == *to => self.open(),
            Some(going_on) if going_on.to == *to && !going_on.given_up => {
                let storage =
                    Storage { version: to.clone(), path: format!("tenants/{}/{to}", self.id), ..self.storage.clone() };
                Self { storage, ..self.clone() }.stayed()
            }
            _ => Err(self.not_moving()),
        }
    }

    /// The tenant, unless it is being deleted, moved or something that only a newer release knows.
    pub fn open(&self) -> Result<Self> {
        match &self.status {
            TenantStatus::Active | TenantStatus::Suspended => Ok(self.clone()),
            TenantStatus::Closed(status) => {
                let error = Error::new(Reason::StateConflict, format!("the tenant {} cannot be changed now", self.id));
                Err(self.ways_out().into_iter().fold(error.fact("Status", status), Error::hint))
            }
        }
    }

    /// What ends the state of being closed.
    fn ways_out(&self) -> Vec<String> {
        let id = &self.id;
        let give_up = |what: &str| format!("`deployer tenant upgrade {id} --abort` {what}");
        match self.in_move() {
            Some(Move { given_up: true, .. }) => vec![give_up("takes the move back to its end")],
            Some(Move { to, .. }) => vec![
                format!("`deployer tenant upgrade {id} --to {to}` brings the move to its end"),
                give_up("gives it up"),
            ],
            None if self.is_closing() => vec![format!("`deployer tenant delete {id}` brings the deletion to its end")],
            None => vec![format!("look at it with `deployer tenant show {id}`")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::tests::acme;

    const NOW: &str = "2024-01-20T14:30:00.5Z";

    #[test]
    fn a_rotation_counts_and_keeps_everything_else() {
        let hash = SecretHash::of_nobody();
        let rotated = acme().rotated(&hash, NOW.parse().unwrap()).unwrap();
        assert_eq!((rotated.credentials.hash.as_str(), rotated.credentials.rotations), (hash.as_str(), 1));
        assert_eq!(rotated.credentials.last_rotated.unwrap().to_string(), "2024-01-20T14:30:00Z");
        assert_eq!(Tenant { credentials: acme().credentials, ..rotated }, acme());
    }

    #[test]
    fn an_edit_changes_what_it_names() {
        let edit = TenantEdit { max_stacks: Some(7), monthly_cost_limit: Some(None), ..TenantEdit::default() };
        let edited = acme().edited(&edit).unwrap();
        assert_eq!((edited.limits.max_stacks, edited.limits.monthly_cost_limit), (7, None));
        assert_eq!(Tenant { limits: acme().limits, ..edited }, acme());
        assert_eq!(acme().edited(&TenantEdit::default()), Ok(acme()));
        let text = |text: &str| Some(text.to_owned());
        let edit = TenantEdit {
            account_id: text("123456789012"),
            region: text("eu-west-1"),
            team: text("web"),
            department: text("sales"),
            ..TenantEdit::default()
        };
        let edited = acme().edited(&edit).unwrap();
        assert_eq!((edited.aws.account_id.as_str(), edited.aws.region.as_str()), ("123456789012", "eu-west-1"));
        assert_eq!((edited.metadata.team.as_str(), edited.metadata.department.as_str()), ("web", "sales"));
        let cleared = edited.edited(&TenantEdit { account_id: text(""), ..TenantEdit::default() }).unwrap();
        assert_eq!((cleared.aws.account_id.as_str(), cleared.aws.region.as_str()), ("", "eu-west-1"));
    }

    #[test]
    fn a_deletion_can_be_begun_again_and_taken_back() {
        let closing = acme().closing().unwrap();
        assert!(closing.is_closing() && closing.closing() == Ok(closing.clone()));
        assert_eq!(closing.reopened(TenantStatus::Active), Ok(acme()));
        assert_eq!(acme().reopened(TenantStatus::Suspended), Ok(acme()), "it was not being deleted");
        let restored = closing.restored(&SecretHash::of_nobody(), NOW.parse().unwrap()).unwrap();
        assert_eq!((restored.status, restored.credentials.rotations), (TenantStatus::Active, 1));
    }

    #[test]
    fn a_move_is_begun_again_carried_out_or_taken_back_and_a_suspension_outlasts_it() {
        let (v2, v3): (StateVersion, StateVersion) = ("v2".parse().unwrap(), "v3".parse().unwrap());
        let moving = acme().moving(&v2).unwrap();
        assert_eq!(moving.moving(&v2), Ok(moving.clone()));
        let other = moving.moving(&v3).unwrap_err();
        assert_eq!(other.reason, Reason::StateConflict);
        let said = other.hints.join(" ");
        assert!(said.contains("upgrade acme --to v2`") && said.contains("upgrade acme --abort`"), "{said}");
        assert_eq!(moving.stayed(), Ok(acme()));
        let moved = moving.moved(&v2).unwrap();
        assert_eq!((moved.space().path().as_str(), &moved.status), ("tenants/acme/v2", &TenantStatus::Active));
        assert_eq!(moved.storage.path, "tenants/acme/v2");
        assert_eq!(moved.moved(&v2), Ok(moved.clone()));
        assert!(moving.moved(&v3).is_err() && acme().moved(&v2).is_err());
        let suspended = Tenant { status: TenantStatus::Suspended, ..acme() };
        assert_eq!(suspended.moving(&v2).unwrap().moved(&v2).unwrap().status, TenantStatus::Suspended);
        let given_up = suspended.moving(&v2).unwrap().giving_up().unwrap();
        assert_eq!(
            (given_up.status.to_string().as_str(), given_up.giving_up()),
            ("giving-up-v2-suspended", Ok(given_up.clone()))
        );
        assert!(given_up.moved(&v2).is_err() && given_up.moving(&v2).is_err(), "it cannot be finished any more");
        assert!(given_up.moving(&v2).unwrap_err().hints[0].contains("upgrade acme --abort`"));
        assert_eq!((given_up.stayed(), acme().giving_up().is_err()), (Ok(suspended), true));
    }

    #[test]
    fn a_tenant_that_is_being_deleted_is_left_alone() {
        let closed = Tenant { status: TenantStatus::Closed("deleting".to_owned()), ..acme() };
        let error = closed.with_status(TenantStatus::Active).unwrap_err();
        assert_eq!((error.reason, error.facts[0].1.as_str()), (Reason::StateConflict, "deleting"));
    }
}
