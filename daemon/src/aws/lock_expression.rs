//! Conditional writes of lock items in DynamoDB's language.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use deployer_domain::lock::{Attribute, Clause, LockWrite};

/// A write as expressions with their placeholders.
#[derive(Debug, Default)]
pub(super) struct Expression {
    /// When it may happen.
    pub condition: String,
    /// What it does.
    pub update: String,
    /// `#Name` for each attribute: several are reserved words.
    pub names: HashMap<String, String>,
    /// `:v0`, `:v1` …
    pub values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// Translates a write.
    pub(super) fn of(write: &LockWrite) -> Self {
        let mut expression = Self::default();
        let any: Vec<String> = write.condition.any_of().iter().map(|all| expression.all(all)).collect();
        expression.condition = any.join(" OR ");
        let set: Vec<String> = write
            .set()
            .iter()
            .map(|(name, value)| format!("{} = {}", expression.name(name), expression.value(value)))
            .collect();
        expression.update = format!("SET {}", set.join(", "));
        let removed: Vec<String> = write.change.removed().iter().map(|name| expression.name(name)).collect();
        if !removed.is_empty() {
            expression.update.push_str(&format!(" REMOVE {}", removed.join(", ")));
        }
        expression
    }

    fn all(&mut self, clauses: &[Clause]) -> String {
        let clauses: Vec<String> = clauses.iter().map(|clause| self.clause(clause)).collect();
        format!("({})", clauses.join(" AND "))
    }

    fn clause(&mut self, clause: &Clause) -> String {
        match clause {
            Clause::Is(name, None) => format!("attribute_not_exists({})", self.name(name)),
            Clause::Is(name, Some(value)) => format!("{} = {}", self.name(name), self.value(value)),
            Clause::Below(name, limit) => format!("{} < {}", self.name(name), self.value(&Attribute::number(*limit))),
        }
    }

    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: &Attribute) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), to_aws(value));
        placeholder
    }
}

/// An attribute in DynamoDB's type.
pub(super) fn to_aws(attribute: &Attribute) -> AttributeValue {
    match attribute {
        Attribute::Text(text) => AttributeValue::S(text.clone()),
        Attribute::Number(number) => AttributeValue::N(number.clone()),
    }
}

/// An attribute from DynamoDB's type, where it is a text or a number.
pub(super) fn from_aws(value: AttributeValue) -> Option<Attribute> {
    match value {
        AttributeValue::S(text) => Some(Attribute::Text(text)),
        AttributeValue::N(number) => Some(Attribute::Number(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use deployer_domain::laws::locks::{acquisition, key, take};

    use super::*;

    #[test]
    fn a_first_acquisition_reads_as_the_design_writes_it() {
        let acquisition = acquisition(&key(&"acme-team".parse().unwrap(), "shop"), 1);
        let write = take(&acquisition, None, "2024-01-15T14:30:00Z".parse().unwrap());
        let expression = Expression::of(&write);
        assert_eq!(
            expression.condition,
            "(attribute_not_exists(#LockID)) OR \
             (#AttemptID = :v0 AND #FencingToken = :v1 AND #HbSeq = :v2 AND #LockState = :v3)"
        );
        assert!(expression.update.starts_with("SET #Heartbeat = :v4, #LockExpiry = :v5, "), "{}", expression.update);
        assert!(expression.update.contains(" REMOVE #LastSession, "), "{}", expression.update);
        assert_eq!(expression.values[":v4"], AttributeValue::N("1705329000".to_owned()));
        assert!(!expression.update.contains("ADD"), "tokens are set by value");
    }
}
