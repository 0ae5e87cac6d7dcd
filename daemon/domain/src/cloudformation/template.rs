//! The text of a template, and what can be said of it without asking anybody.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The longest template, in bytes, that a request may carry.
const LONGEST_BODY: usize = 51_200;

/// The properties that give something of IAM a name of its own.
const NAMES: [&str; 5] = ["RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName"];

/// The text of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackTemplate {
    /// JSON or YAML.
    pub text: Arc<str>,
}

impl StackTemplate {
    /// Whether it is too long for a request.
    pub fn is_long(&self) -> bool {
        self.text.len() > LONGEST_BODY
    }

    /// The SHA-256 of its text.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// What a deployment must acknowledge; nothing where the template needs nothing.
    ///
    /// It looks for words, so it may see more than there is: a plan shows what is really changed.
    pub fn capabilities(&self) -> BTreeSet<&'static str> {
        let mut capabilities = BTreeSet::new();
        if self.text.contains("AWS::IAM::") {
            let named = NAMES.iter().any(|name| self.text.contains(name));
            capabilities.insert(if named { "CAPABILITY_NAMED_IAM" } else { "CAPABILITY_IAM" });
        }
        let transforms = ["Transform:", "\"Transform\"", "Fn::Transform", "AWS::CloudFormation::Stack"];
        if transforms.iter().any(|word| self.text.contains(word)) {
            capabilities.insert("CAPABILITY_AUTO_EXPAND");
        }
        capabilities
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_template_needs_is_acknowledged() {
        let of = |text: &str| StackTemplate { text: text.into() }.capabilities().into_iter().collect::<Vec<_>>();
        assert!(of("Resources: {Q: {Type: 'AWS::SQS::Queue'}}").is_empty());
        assert_eq!(of("Resources: {R: {Type: 'AWS::IAM::Role'}}"), ["CAPABILITY_IAM"]);
        assert_eq!(of("R: {Type: 'AWS::IAM::Role', Properties: {RoleName: x}}"), ["CAPABILITY_NAMED_IAM"]);
        assert_eq!(of("Transform: AWS::Serverless-2016-10-31"), ["CAPABILITY_AUTO_EXPAND"]);
    }

    #[test]
    fn a_template_of_the_largest_size_still_travels_with_its_request() {
        let of = |bytes: usize| StackTemplate { text: "x".repeat(bytes).into() }.is_long();
        assert!(!of(51_200) && of(51_201));
    }
}
