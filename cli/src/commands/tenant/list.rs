//! `deployer tenant list`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{ListTenantsRequest, ListTenantsResponse, Mode, TenantRow};

use jiff::{SignedDuration, Timestamp};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table, value};

mod deleted;

/// What was counted within this time needs no remark.
const A_MOMENT: SignedDuration = SignedDuration::from_secs(30);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Count anew what tenants have deployed; else counts of the last ten minutes are used
    #[arg(long)]
    pub refresh: bool,
    /// List who was deleted and can be restored
    #[arg(long, conflicts_with = "refresh")]
    pub deleted: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let Args { refresh, deleted } = args;
    let request = ListTenantsRequest { context: guest.call(Mode::Admin)?, refresh, deleted };
    let answer = client.list(request).await?.into_inner();
    let shapes = match deleted {
        true => Shapes { quiet: deleted::ids, text: deleted::render },
        false => Shapes { quiet: ids, text: render },
    };
    guest.terminal.answer(&answer, &shapes)?;
    Ok(exit::DONE)
}

fn ids(answer: &ListTenantsResponse) -> String {
    let ids = answer.tenants.iter().filter_map(|row| row.tenant.as_ref()).map(|tenant| tenant.id.as_str());
    ids.collect::<Vec<_>>().join("\n")
}

fn render(answer: &ListTenantsResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Tenants");
    if answer.tenants.is_empty() {
        page.rule().line("No tenants yet. Create one: deployer tenant init");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.tenants.iter().map(row).collect();
    let table = table::render(&["ID", "NAME", "STATUS", "STACKS", "COST"], &rows, look);
    let mut end = Page::new(look);
    end.line(&total(answer));
    uncounted(&mut end, &answer.tenants);
    let counted = answer.tenants.iter().map(|row| row.counted.as_str()).filter(|counted| !counted.is_empty()).min();
    end.field_if("Counted", &counted.map(|counted| ago(counted, look)).unwrap_or_default());
    format!("{}{table}{}", page.text(), end.text())
}

fn row(row: &TenantRow) -> Vec<String> {
    let tenant = row.tenant.clone().unwrap_or_default();
    let stacks = row.stacks.map_or_else(|| "-".to_owned(), |stacks| stacks.to_string());
    let cost = row.cost.map_or_else(|| "-".to_owned(), value::dollars);
    vec![tenant.id, tenant.display_name, tenant.status, stacks, cost]
}

/// Warns where a count is not the whole.
pub fn uncounted(page: &mut Page<'_>, tenants: &[TenantRow]) {
    for row in tenants.iter().filter(|row| row.unreadable > 0) {
        let id = row.tenant.as_ref().map(|tenant| tenant.id.as_str()).unwrap_or_default();
        let states = value::count(row.unreadable, "state");
        page.warning(&format!(
            "{states} of {id} cannot be read, so not everything is counted: deployer tenant show {id}"
        ));
    }
}

/// How long ago something was counted; nothing where that was a moment ago.
pub fn ago(counted: &str, look: &Look) -> String {
    match counted.parse::<Timestamp>() {
        Ok(time) if look.now.duration_since(time) >= A_MOMENT => {
            format!("{} (--refresh counts anew)", value::age(counted, look.now))
        }
        _ => String::new(),
    }
}

/// Sums only what is known of every tenant: a partial sum would look like the whole.
fn total(answer: &ListTenantsResponse) -> String {
    let mut parts = vec![value::count(answer.tenants.len() as u64, "tenant")];
    if let Some(stacks) = answer.tenants.iter().map(|row| row.stacks).sum::<Option<u32>>() {
        parts.push(value::count(stacks, "stack"));
    }
    if let Some(cost) = answer.tenants.iter().map(|row| row.cost).sum::<Option<f64>>() {
        parts.push(format!("{}/month", value::dollars(cost)));
    }
    format!("Total: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::Tenant;

    use super::*;

    fn tenant(id: &str, name: &str, stacks: u32, cost: Option<f64>) -> TenantRow {
        let tenant = Tenant {
            id: id.to_owned(),
            display_name: name.to_owned(),
            status: "active".to_owned(),
            ..Tenant::default()
        };
        TenantRow { tenant: Some(tenant), stacks: Some(stacks), cost, ..TenantRow::default() }
    }

    #[test]
    fn old_counts_say_how_old_they_are() {
        let look = Look { now: "2024-01-15T12:00:00Z".parse().unwrap(), ..Look::plain() };
        assert_eq!(ago("2024-01-15T11:57:00Z", &look), "3m ago (--refresh counts anew)");
        for fresh in ["2024-01-15T11:59:50Z", "2024-01-15T12:00:01Z", ""] {
            assert_eq!(ago(fresh, &look), "");
        }
    }

    fn three() -> ListTenantsResponse {
        ListTenantsResponse {
            deleted: Vec::new(),
            tenants: vec![
                tenant("notifications-team", "Notifications Team", 3, Some(342.0)),
                tenant("payments-team", "Payments Team", 5, Some(1245.0)),
                tenant("analytics-team", "Analytics Team", 2, Some(876.0)),
            ],
        }
    }

    #[test]
    fn the_list_looks_as_in_the_reference() {
        assert_eq!(
            Look::plain().finish(&render(&three(), &Look::plain())),
            "Tenants\n\
             ────────────────────────────────────────────────────────────────\n\
             ID                  NAME                STATUS  STACKS  COST\n\
             ────────────────────────────────────────────────────────────────\n\
             notifications-team  Notifications Team  active  3       $342\n\
             payments-team       Payments Team       active  5       $1,245\n\
             analytics-team      Analytics Team      active  2       $876\n\
             ────────────────────────────────────────────────────────────────\n\
             Total: 3 tenants, 10 stacks, $2,463/month\n"
        );
    }

    #[test]
    fn an_unknown_cost_is_never_summed_up() {
        let mut answer = three();
        answer.tenants[1].cost = None;
        let text = render(&answer, &Look::plain());
        assert!(text.ends_with("Total: 3 tenants, 10 stacks\n"), "{text}");
        assert!(text.contains("active  5       -"), "{text}");
    }

    #[test]
    fn no_tenants_say_what_to_do() {
        assert!(render(&ListTenantsResponse::default(), &Look::plain()).contains("deployer tenant init"));
    }
}
