//! Cost Explorer: what is billed under the tag of a tenant. Each question costs a cent.

use async_trait::async_trait;
use deployer_domain::cost::{CostLine, CostQuestion, CostSource, Month};
use deployer_domain::object::{PortError, PortResult};
use serde_json::{Value, json};

use super::Clients;
use super::ask::{Asking, Service};

const SERVICE: Service =
    Service { name: "Cost Explorer", id: "ce", variable: "COST_EXPLORER", region: Some("us-east-1"), host: None };
/// The tag that everything of a tenant carries.
const TAG: &str = "deployer:tenant";
/// So many pages at most; each costs as much as a question.
const PAGES: usize = 10;

/// The bills of one caller's account.
pub struct CostExplorer {
    asking: Asking,
}

impl CostExplorer {
    /// Asks with a caller's own credentials: a tenant's role may not see bills.
    pub fn new(clients: &Clients) -> PortResult<Self> {
        Ok(Self { asking: clients.asking()? })
    }
}

#[async_trait]
impl CostSource for CostExplorer {
    async fn ask(&self, question: &CostQuestion) -> PortResult<Vec<CostLine>> {
        let mut request = request(question);
        let mut lines = Vec::new();
        for _ in 0..PAGES {
            let target = "AWSInsightsIndexService.GetCostAndUsage";
            let answer = self.asking.json(SERVICE, "1.1", target, &request).await?;
            for period in answer["ResultsByTime"].as_array().into_iter().flatten() {
                read(period, question, &mut lines)?;
            }
            match answer["NextPageToken"].as_str() {
                Some(next) => request["NextPageToken"] = next.into(),
                None => return Ok(lines),
            }
        }
        Err(PortError::Invalid(format!("Cost Explorer has more than {PAGES} pages of answers")))
    }
}

fn request(question: &CostQuestion) -> Value {
    let (from, to) = match question {
        CostQuestion::ByService { from, to, .. }
        | CostQuestion::Total { from, to, .. }
        | CostQuestion::ByTenant { from, to } => (from, to),
    };
    let mut request = json!({
        "TimePeriod": {"Start": from.to_string(), "End": to.to_string()},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
    });
    match question {
        CostQuestion::ByService { tenant, .. } | CostQuestion::Total { tenant, .. } => {
            request["Filter"] = json!({"Tags": {"Key": TAG, "Values": [tenant.as_str()], "MatchOptions": ["EQUALS"]}});
        }
        CostQuestion::ByTenant { .. } => request["GroupBy"] = json!([{"Type": "TAG", "Key": TAG}]),
    }
    if let CostQuestion::ByService { .. } = question {
        request["GroupBy"] = json!([{"Type": "DIMENSION", "Key": "SERVICE"}]);
    }
    request
}

fn read(period: &Value, question: &CostQuestion, lines: &mut Vec<CostLine>) -> PortResult<()> {
    let start = period["TimePeriod"]["Start"].as_str().unwrap_or_default();
    let month = start.parse().map(Month::of_day).map_err(|_| nonsense(start))?;
    if let CostQuestion::Total { .. } = question {
        lines.push(CostLine { month, of: String::new(), usd: usd(&period["Total"]["UnblendedCost"])? });
        return Ok(());
    }
    for group in period["Groups"].as_array().into_iter().flatten() {
        let key = group["Keys"][0].as_str().unwrap_or_default();
        // A group of a tag is called `key$value`; without a value it is what carries no such tag.
        let of = match question {
            CostQuestion::ByTenant { .. } => key.split_once('$').map_or(key, |(_, value)| value),
            _ => key,
        };
        if !of.is_empty() {
            lines.push(CostLine { month, of: of.to_owned(), usd: usd(&group["Metrics"]["UnblendedCost"])? });
        }
    }
    Ok(())
}

fn usd(cost: &Value) -> PortResult<f64> {
    match (cost["Unit"].as_str(), cost["Amount"].as_str()) {
        (Some("USD"), Some(amount)) => amount.parse().map_err(|_| nonsense(amount)),
        (Some(other), Some(_)) => Err(PortError::Invalid(format!("the bills are in {other}, not in US dollars"))),
        _ => Err(nonsense("a cost without an amount")),
    }
}

fn nonsense(what: &str) -> PortError {
    PortError::Invalid(format!("Cost Explorer answered what makes no sense: {what:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_tag_are_tenants_and_what_has_no_tag_is_left_out() {
        let cost = |amount: &str| json!({"UnblendedCost": {"Amount": amount, "Unit": "USD"}});
        let period = json!({
            "TimePeriod": {"Start": "2024-03-01", "End": "2024-03-11"},
            "Groups": [
                {"Keys": ["deployer:tenant$"], "Metrics": cost("900")},
                {"Keys": ["deployer:tenant$web-team"], "Metrics": cost("342.5")},
            ],
        });
        let date = |text: &str| text.parse().unwrap();
        let question = CostQuestion::ByTenant { from: date("2024-03-01"), to: date("2024-03-11") };
        let mut lines = Vec::new();
        read(&period, &question, &mut lines).unwrap();
        let month: Month = "2024-03".parse().unwrap();
        assert_eq!(lines, [CostLine { month, of: "web-team".to_owned(), usd: 342.5 }]);
        assert_eq!(request(&question)["GroupBy"][0]["Key"], "deployer:tenant");
        assert!(usd(&json!({"Amount": "1", "Unit": "CNY"})).is_err());
    }
}
