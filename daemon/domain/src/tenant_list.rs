//! A file with many tenants that are to be created at once.
//!
//! ```yaml
//! tenants:
//!   - id: web-team
//!     displayName: Web Team
//!     email: web-team@company.com
//!     aws: { accountId: "123456789012", region: eu-west-1 }
//!     limits: { costTracking: true, monthlyCostLimit: 5000, maxStacks: 100, maxServices: 500 }
//!     metadata: { team: web, department: engineering }
//!     storage: { version: v1 }
//!     secretPrefix: web
//! ```
//!
//! The fields are those of `tenants.yaml`; only the id must be there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Problem, Result};
use crate::manifest::{Field, Fields, Kind, Place, Read, ReadValue, Reading, Rule, invalid, optional, required, rule};
use crate::name::{StateVersion, TenantId};
use crate::tenant::{NewTenant, id_of, secret_prefix, title_of};
use crate::yaml::{self, SourceFile};

/// One tenant of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is to be.
    pub wanted: NewTenant,
    /// Where its id stands.
    pub place: Place,
}

static LIST: &[Field] = &[required("tenants", Kind::List(&Kind::Object(ROW)), "The tenants, each with at least an id")];

static ROW: &[Field] = &[
    required("id", Kind::Checked(&ID), "The tenant's id, such as web-team"),
    optional("displayName", Kind::Checked(&LINE), "The name that people see"),
    optional("email", Kind::Checked(&EMAIL), "Whom to write to"),
    optional("aws", Kind::Object(AWS), "Its AWS account and region"),
    optional("limits", Kind::Object(LIMITS), "What it may use"),
    optional("metadata", Kind::Object(METADATA), "Who it is within the company"),
    optional("storage", Kind::Object(STORAGE), "Where its state is kept"),
    optional("secretPrefix", Kind::Checked(&PREFIX), "What its secret starts with"),
];

static AWS: &[Field] = &[
    optional("accountId", Kind::Checked(&rule::ACCOUNT_ID), "12 digits, in quotes"),
    optional("region", Kind::Checked(&rule::REGION), "A region such as eu-west-1"),
];

static LIMITS: &[Field] = &[
    optional("costTracking", Kind::Boolean, "Whether its cost is asked for; true unless false is said"),
    optional("monthlyCostLimit", Kind::Checked(&COUNT), "Whole US dollars a month"),
    optional("maxStacks", Kind::Checked(&COUNT), "How many stacks it may have"),
    optional("maxServices", Kind::Checked(&COUNT), "How many services it may have"),
];

static METADATA: &[Field] = &[
    optional("team", Kind::Checked(&LINE), "The team"),
    optional("department", Kind::Checked(&LINE), "The department"),
];

static STORAGE: &[Field] = &[optional("version", Kind::Checked(&VERSION), "The version namespace of its state")];

static ID: Rule = Rule {
    check: |text| id_of(text).map(drop).map_err(|error| error.message),
    pattern: "^(?!admin$)[a-z][a-z0-9-]{2,39}$",
};
static LINE: Rule = Rule { check: |text| crate::tenant::check_text("text", text), pattern: "^.{0,200}$" };
static EMAIL: Rule = Rule { check: |text| crate::tenant::check_text("email", text), pattern: "^[^@ ]+@[^@ ]+$" };
static COUNT: Rule = Rule {
    check: |text| match text.parse::<u32>() {
        Ok(1..) => Ok(()),
        _ => Err(format!("write a whole number of at least 1, not {:?}", text.chars().take(24).collect::<String>())),
    },
    pattern: "^[1-9][0-9]*$",
};
static VERSION: Rule = Rule {
    check: |text| StateVersion::new(text).map(drop).map_err(|error| error.to_string()),
    pattern: "^v[1-9][0-9]{0,2}$",
};
static PREFIX: Rule = Rule {
    check: |text| match TenantId::new("any") {
        Ok(any) if !text.is_empty() => secret_prefix(text, &any).map(drop).map_err(|error| error.message),
        _ => Err("leave it out for the usual prefix".to_owned()),
    },
    pattern: "^[a-z0-9]{2,12}$",
};

/// Reads the file; what is wrong with it is said all at once, with lines and columns.
pub fn parse(file: &SourceFile) -> Result<Vec<Row>> {
    let root = yaml::parse(file).map_err(|problems| invalid(&file.name, problems))?;
    let mut problems = Vec::new();
    let mut reading = Reading { file: Arc::from(file.name.as_str()), problems: &mut problems };
    let fields = reading.object(&root, &[LIST], "", false).unwrap_or_default();
    let rows = rows(&fields, &mut problems);
    if rows.is_empty() && problems.is_empty() {
        problems.push(
            Place { file: Arc::from(file.name.as_str()), line: 1, column: 1 }
                .problem("it names no tenant", Some("write `tenants:` and below it `- id: web-team`".to_owned())),
        );
    }
    if problems.is_empty() { Ok(rows) } else { Err(invalid(&file.name, problems)) }
}

fn rows(fields: &Fields, problems: &mut Vec<Problem>) -> Vec<Row> {
    let Some(Read { value: ReadValue::List(list), .. }) = fields.0.get("tenants") else { return Vec::new() };
    let mut seen: BTreeMap<TenantId, u32> = BTreeMap::new();
    let mut rows = Vec::new();
    for read in list {
        let ReadValue::Object(fields) = &read.value else { continue };
        // A row without a valid id has its problem already.
        let Some(row) = row(fields) else { continue };
        if let Some(line) = seen.get(&row.wanted.id) {
            let message = format!("`id`: {} is already given in line {line}", row.wanted.id);
            problems.push(row.place.problem(message, Some("remove one of the two".to_owned())));
            continue;
        }
        seen.insert(row.wanted.id.clone(), row.place.line);
        rows.push(row);
    }
    rows
}

fn row(fields: &Fields) -> Option<Row> {
    let place = fields.0.get("id")?.place.clone();
    let id: TenantId = text(fields, "id").parse().ok()?;
    let (aws, limits) = (part(fields, "aws"), part(fields, "limits"));
    let (metadata, storage) = (part(fields, "metadata"), part(fields, "storage"));
    let wanted = NewTenant {
        display_name: Some(text(fields, "displayName")).filter(|name| !name.is_empty()).unwrap_or(title_of(&id)),
        email: text(fields, "email"),
        account_id: text(&aws, "accountId"),
        region: text(&aws, "region"),
        team: text(&metadata, "team"),
        department: text(&metadata, "department"),
        secret_prefix: text(fields, "secretPrefix"),
        cost_tracking: !matches!(limits.0.get("costTracking"), Some(Read { value: ReadValue::Flag(false), .. })),
        monthly_cost_limit: text(&limits, "monthlyCostLimit").parse().ok(),
        max_stacks: text(&limits, "maxStacks").parse().ok(),
        max_services: text(&limits, "maxServices").parse().ok(),
        state_version: text(&storage, "version").parse().ok(),
        id,
    };
    Some(Row { wanted, place })
}

fn text(fields: &Fields, name: &str) -> String {
    match fields.0.get(name) {
        Some(Read { value: ReadValue::Text(text), .. }) => text.clone(),
        _ => String::new(),
    }
}

fn part(fields: &Fields, name: &str) -> Fields {
    match fields.0.get(name) {
        Some(Read { value: ReadValue::Object(fields), .. }) => fields.clone(),
        _ => Fields::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Row>> {
        parse(&SourceFile::decode("teams.yaml", text.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn a_row_may_say_everything_or_its_id_alone() {
        let text = "tenants:
  - id: web-team
    displayName: The Web
    email: web@company.com
    aws: { accountId: '012345678901', region: eu-west-1 }
    limits: { costTracking: true, monthlyCostLimit: 5000, maxStacks: 3, maxServices: 7 }
    metadata: { team: web, department: sales }
    storage: { version: v2 }
    secretPrefix: web
  - id: mail-team
";
        let rows = read(text).unwrap();
        assert_eq!((rows.len(), rows[1].place.line, rows[1].place.column), (2, 10, 9));
        let first = &rows[0].wanted;
        assert_eq!(
            (first.account_id.as_str(), first.monthly_cost_limit, first.max_services),
            ("012345678901", Some(5000), Some(7))
        );
        assert!(first.cost_tracking && first.state_version == Some("v2".parse().unwrap()));
        let named = NewTenant::named("mail-team".parse().unwrap(), "Mail Team".to_owned());
        assert_eq!(rows[1].wanted, NewTenant { cost_tracking: true, ..named });
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_with_its_place() {
        let text = "tenants:
  - id: A b
  - displayName: nobody
  - id: web-team
    email: nobody
    aws: { accountId: '12' }
    limits: { maxStacks: 0, monthlyCostLimit: much }
    colour: blue
  - id: web-team
";
        let error = read(text).unwrap_err();
        let places: Vec<(u32, u32)> = error.problems.iter().map(|one| (one.line, one.column)).collect();
        assert_eq!(
            places,
            [(2, 9), (3, 5), (5, 12), (6, 23), (7, 26), (7, 47), (8, 5), (9, 9)],
            "{:#?}",
            error.problems
        );
        assert!(error.problems[0].message.contains("lower-case letters, digits and hyphens"));
        assert!(error.problems[7].message.contains("already given in line 4"));
    }

    #[test]
    fn a_file_without_tenants_is_refused() {
        for text in ["", "tenants: []", "tenants:\n", "- id: web-team\n", "tenants: web-team"] {
            assert!(!read(text).unwrap_err().problems.is_empty(), "{text}");
        }
    }
}
