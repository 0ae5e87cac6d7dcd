//! An error as it is kept in a run's events.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Problem, Reason};

/// An [`Error`] in the shape in which it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are those of the error")]
pub struct Report {
    pub reason: String,
    pub message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ReportedProblem>,
}

/// A labelled value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Fact {
    pub label: String,
    pub value: String,
}

/// A [`Problem`] in the shape in which it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the fields are those of the problem")]
pub struct ReportedProblem {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&Error> for Report {
    fn from(error: &Error) -> Self {
        let fact = |(label, value): &(String, String)| Fact { label: label.clone(), value: value.clone() };
        Self {
            reason: error.reason.as_str().to_owned(),
            message: error.message.clone(),
            facts: error.facts.iter().map(fact).collect(),
            causes: error.causes.clone(),
            hints: error.hints.clone(),
            problems: error.problems.iter().cloned().map(ReportedProblem::from).collect(),
        }
    }
}

impl From<Report> for Error {
    fn from(report: Report) -> Self {
        let known = Reason::ALL.into_iter().find(|reason| reason.as_str() == report.reason);
        Self {
            reason: known.unwrap_or(Reason::Internal),
            message: report.message,
            facts: report.facts.into_iter().map(|fact| (fact.label, fact.value)).collect(),
            causes: report.causes,
            hints: report.hints,
            problems: report.problems.into_iter().map(Problem::from).collect(),
        }
    }
}

impl From<Problem> for ReportedProblem {
    fn from(Problem { file, line, column, message, hint }: Problem) -> Self {
        Self { file, line, column, message, hint }
    }
}

impl From<ReportedProblem> for Problem {
    fn from(ReportedProblem { file, line, column, message, hint }: ReportedProblem) -> Self {
        Self { file, line, column, message, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_being_kept() {
        let problem = Problem { file: "f".into(), line: 1, column: 2, message: "m".into(), hint: Some("h".into()) };
        let error = Error::new(Reason::LockHeld, "it is locked")
            .fact("Held by", "alice")
            .caused_by("because")
            .hint("wait")
            .problems([problem]);
        let text = serde_json::to_string(&Report::from(&error)).unwrap();
        assert_eq!(Error::from(serde_json::from_str::<Report>(&text).unwrap()), error);
    }

    #[test]
    fn a_reason_of_a_later_release_is_an_internal_one_here() {
        let report = Report { reason: "BRAND_NEW".to_owned(), ..Report::default() };
        assert_eq!(Error::from(report).reason, Reason::Internal);
    }
}
