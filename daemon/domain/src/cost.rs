//! What a tenant costs: the questions to a provider's bills, and what is made of the answers.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::{Error, Reason};
use crate::name::TenantId;
use crate::object::PortResult;

/// How many months are shown, the asked one included.
const SHOWN: i32 = 6;

/// A calendar month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Date);

impl Month {
    /// The month of a moment.
    pub fn of(now: Timestamp) -> Self {
        Self(today(now).first_of_month())
    }

    /// The month of a day.
    pub fn of_day(day: Date) -> Self {
        Self(day.first_of_month())
    }

    /// Its first day.
    pub fn first(self) -> Date {
        self.0
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        self.away(1)
    }

    /// The month so many months before it.
    #[must_use]
    pub fn before(self, months: i32) -> Self {
        self.away(-months)
    }

    fn away(self, months: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().months(months)).first_of_month())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m"))
    }
}

impl FromStr for Month {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plausible = text.len() == 7 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day = plausible.then(|| format!("{text}-01").parse::<Date>().ok()).flatten();
        day.map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(24).collect();
            Error::new(Reason::InvalidRequest, format!("{shown:?} is no month")).hint("write it as 2024-01")
        })
    }
}

fn today(now: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(now).date()
}

/// What is asked of a provider's bills. The end of a stretch of time does not belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CostQuestion {
    /// One tenant, month by month, by the provider's services.
    ByService {
        /// Whose costs.
        tenant: TenantId,
        /// The first day.
        from: Date,
        /// The day after the last one.
        to: Date,
    },
    /// One tenant in some days of one month.
    Total {
        /// Whose costs.
        tenant: TenantId,
        /// The first day.
        from: Date,
        /// The day after the last one.
        to: Date,
    },
    /// All tenants in some days of one month.
    ByTenant {
        /// The first day.
        from: Date,
        /// The day after the last one.
        to: Date,
    },
}

/// The cost of one thing in one month.
#[derive(Debug, Clone, PartialEq)]
pub struct CostLine {
    /// The month.
    pub month: Month,
    /// The provider's service, the tenant, or nothing for a total.
    pub of: String,
    /// US dollars.
    pub usd: f64,
}

/// A provider's bills, with one caller's credentials. Each question may cost money.
#[async_trait]
pub trait CostSource: Send + Sync {
    /// Asks. What is not billed has no line.
    async fn ask(&self, question: &CostQuestion) -> PortResult<Vec<CostLine>>;
}

/// The questions that answer what a tenant costs in a month: its last months by service, and what the month before had
/// cost after the same days (where the month is over: as a whole, which the first answer holds already).
pub fn questions(tenant: &TenantId, month: Month, now: Timestamp) -> (CostQuestion, Option<CostQuestion>) {
    let tomorrow = today(now).saturating_add(jiff::Span::new().days(1));
    let (from, to) = (month.before(SHOWN - 1).first(), month.next().first().min(tomorrow));
    let by_service = CostQuestion::ByService { tenant: tenant.clone(), from, to };
    if Month::of(now) != month {
        return (by_service, None);
    }
    let (before, days) = (month.before(1).first(), i32::from(today(now).day()));
    let to = before.saturating_add(jiff::Span::new().days(days)).min(month.first());
    (by_service, Some(CostQuestion::Total { tenant: tenant.clone(), from: before, to }))
}

/// The question that answers what each tenant has cost this month.
pub fn question_of_all(now: Timestamp) -> CostQuestion {
    let tomorrow = today(now).saturating_add(jiff::Span::new().days(1));
    CostQuestion::ByTenant { from: Month::of(now).first(), to: tomorrow }
}

/// What a kind of service is called on a breakdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CostKind {
    /// What computes.
    Compute,
    /// What keeps records.
    Database,
    /// What keeps files.
    Storage,
    /// What connects.
    Networking,
    /// Everything else, such as logs and secrets.
    Other,
}

impl CostKind {
    /// As it travels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "Compute",
            Self::Database => "Database",
            Self::Storage => "Storage",
            Self::Networking => "Networking",
            Self::Other => "Other",
        }
    }

    /// The kind of a service as the provider's bills call it.
    pub fn of(service: &str) -> Self {
        let is = |words: &[&str]| words.iter().any(|word| service.contains(word));
        match service {
            _ if is(&["Relational Database", "DynamoDB", "ElastiCache", "DocumentDB", "Redshift", "MemoryDB"]) => {
                Self::Database
            }
            _ if is(&["Simple Storage", "Elastic File System", "Glacier", "Backup", "Container Registry"]) => {
                Self::Storage
            }
            // The addresses, gateways and disks of EC2; most of it is NAT.
            "EC2 - Other" => Self::Networking,
            _ if is(&[
                "Load Balancing",
                "Virtual Private Cloud",
                "CloudFront",
                "Route 53",
                "API Gateway",
                "Direct Connect",
                "Global Accelerator",
            ]) =>
            {
                Self::Networking
            }
            _ if is(&["Container Service", "Kubernetes", "Lambda", "Elastic Compute", "Fargate", "Batch"]) => {
                Self::Compute
            }
            _ => Self::Other,
        }
    }
}

/// What a tenant costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// US dollars in the asked month, so far.
    pub total: f64,
    /// The same by kind, the dearest first; what costs nothing is left out.
    pub breakdown: Vec<(CostKind, f64)>,
    /// The last months, oldest first, the asked one last.
    pub months: Vec<(Month, f64)>,
    /// How much more this is than in the same days of the month before.
    pub trend: Option<f64>,
}

impl Costs {
    /// Makes sense of the answers; `before` is what the month before had cost after the same days, where that was asked.
    /// None where the bills know nothing of the tenant in any month: the tag may not be activated.
    pub fn of(month: Month, lines: &[CostLine], before: Option<f64>) -> Option<Self> {
        let mut months: BTreeMap<Month, f64> = (0..SHOWN).map(|n| (month.before(n), 0.0)).collect();
        let mut kinds: BTreeMap<CostKind, f64> = BTreeMap::new();
        for line in lines {
            *months.get_mut(&line.month)? += line.usd;
            if line.month == month {
                *kinds.entry(CostKind::of(&line.of)).or_default() += line.usd;
            }
        }
        if lines.is_empty() {
            return None;
        }
        let total = months.get(&month).copied().unwrap_or_default();
        let mut breakdown: Vec<(CostKind, f64)> = kinds.into_iter().filter(|(_, usd)| usd.abs() >= 0.005).collect();
        breakdown.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let before = before.or_else(|| months.get(&month.before(1)).copied());
        Some(Self {
            total,
            breakdown,
            months: months.into_iter().collect(),
            trend: before.map(|before| total - before),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn months_follow_one_another_over_the_years() {
        assert_eq!(month("2024-01").before(1).to_string(), "2023-12");
        assert_eq!(month("2024-12").next().to_string(), "2025-01");
        assert_eq!(Month::of("2024-02-29T23:59:59Z".parse().unwrap()), month("2024-02"));
        for bad in ["", "2024", "2024-13", "2024-1", "24-01-01", "January"] {
            assert_eq!(bad.parse::<Month>().unwrap_err().reason, Reason::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn this_month_is_compared_with_the_same_days_of_the_one_before() {
        let tenant: TenantId = "acme".parse().unwrap();
        let asked = |now: &str| questions(&tenant, month("2024-03"), now.parse().unwrap());
        let (by_service, before) = asked("2024-03-10T12:00:00Z");
        let tenant = tenant.clone();
        let expected =
            CostQuestion::ByService { tenant: tenant.clone(), from: date("2023-10-01"), to: date("2024-03-11") };
        assert_eq!(by_service, expected);
        let total = |to: &str| CostQuestion::Total { tenant: tenant.clone(), from: date("2024-02-01"), to: date(to) };
        assert_eq!(before, Some(total("2024-02-11")));
        assert_eq!(asked("2024-03-31T12:00:00Z").1, Some(total("2024-03-01")), "a shorter month ends earlier");
        let (by_service, before) = asked("2024-05-02T12:00:00Z");
        assert_eq!(before, None, "a month that is over is compared as a whole");
        assert!(matches!(by_service, CostQuestion::ByService { to, .. } if to == date("2024-04-01")));
    }

    #[test]
    fn costs_are_broken_down_and_compared() {
        let line = |text: &str, of: &str, usd| CostLine { month: month(text), of: of.to_owned(), usd };
        let lines = [
            line("2024-02", "AWS Lambda", 200.0),
            line("2024-03", "Amazon Elastic Container Service", 145.0),
            line("2024-03", "Amazon Relational Database Service", 128.0),
            line("2024-03", "Amazon Simple Storage Service", 42.0),
            line("2024-03", "EC2 - Other", 20.0),
            line("2024-03", "Amazon Elastic Load Balancing", 7.0),
            line("2024-03", "Tax", 0.001),
        ];
        let costs = Costs::of(month("2024-03"), &lines, Some(297.0)).unwrap();
        assert!((costs.total - 342.001).abs() < 1e-9 && (costs.trend.unwrap() - 45.001).abs() < 1e-9);
        let kinds: Vec<(&str, i64)> =
            costs.breakdown.iter().map(|(kind, usd)| (kind.as_str(), usd.round() as i64)).collect();
        assert_eq!(kinds, [("Compute", 145), ("Database", 128), ("Storage", 42), ("Networking", 27)]);
        assert_eq!((costs.months.len(), costs.months[4].1, costs.months[5].0), (6, 200.0, month("2024-03")));
        let whole = Costs::of(month("2024-03"), &lines, None).unwrap();
        assert!((whole.trend.unwrap() - 142.001).abs() < 1e-9);
    }

    #[test]
    fn bills_that_know_nothing_say_nothing() {
        assert_eq!(Costs::of(month("2024-03"), &[], Some(0.0)), None);
    }
}
