//! What keeps data in the template of a typed component, and the same template without it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The policies by which a deleted stack leaves a resource behind.
const KEEPING: [&str; 2] = ["Retain", "RetainExceptOnCreate"];
/// The properties by which a resource refuses its deletion.
const PROTECTING: [&str; 2] = ["DeletionProtection", "DeletionProtectionEnabled"];

/// A template that keeps nothing any more. What it leaves as a last snapshot it still leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LettingGo {
    /// Its text.
    pub text: String,
    /// Its parameters, whose values stay as they are.
    pub parameters: BTreeSet<String>,
}

/// The template without what keeps its data; nothing where nothing does. The text is that of a typed component: JSON.
///
/// A policy cannot be updated alone, only beside another change of the resource, such as its metadata. Source: AWS
/// CloudFormation User Guide, "DeletionPolicy attribute".
pub fn letting_go(template: &str) -> Result<Option<LettingGo>, serde_json::Error> {
    let mut template: Value = serde_json::from_str(template)?;
    let mut changed = false;
    for resource in template["Resources"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        changed |= let_go(resource);
    }
    let names = template["Parameters"].as_object().into_iter().flat_map(|all| all.keys().cloned());
    let parameters = names.collect();
    Ok(changed.then(|| LettingGo { text: template.to_string(), parameters }))
}

fn let_go(resource: &mut Value) -> bool {
    let keeps = resource["DeletionPolicy"].as_str().is_some_and(|policy| KEEPING.contains(&policy));
    if keeps {
        resource["DeletionPolicy"] = json!("Delete");
        resource["Metadata"]["deployer"] = json!("its data is to be deleted");
    }
    let mut protects = false;
    for name in PROTECTING {
        if resource["Properties"][name] == json!(true) {
            resource["Properties"][name] = json!(false);
            protects = true;
        }
    }
    keeps || protects
}

/// Whether a deletion of the template's stack deletes a bucket, which then must be empty.
pub fn deletes_a_bucket(template: &str) -> Result<bool, serde_json::Error> {
    let template: Value = serde_json::from_str(template)?;
    let goes = |resource: &Value| {
        let policy = resource["DeletionPolicy"].as_str().unwrap_or("Delete");
        resource["Type"] == "AWS::S3::Bucket" && !KEEPING.contains(&policy)
    };
    Ok(template["Resources"].as_object().is_some_and(|all| all.values().any(goes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_or_protected_is_let_go_and_snapshots_stay() {
        let template = json!({
            "Parameters": { "Password": { "Type": "String" } },
            "Resources": {
                "Bucket": { "Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate" },
                "Table": { "Type": "AWS::DynamoDB::Table", "Properties": { "DeletionProtectionEnabled": true } },
                "Database": {
                    "Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Snapshot", "Properties": { "DeletionProtection": true }
                },
                "Role": { "Type": "AWS::IAM::Role" },
            },
        });
        let let_go = letting_go(&template.to_string()).unwrap().unwrap();
        assert_eq!(let_go.parameters, BTreeSet::from(["Password".to_owned()]));
        let now: Value = serde_json::from_str(&let_go.text).unwrap();
        let resources = &now["Resources"];
        assert_eq!(resources["Bucket"]["DeletionPolicy"], "Delete");
        assert!(resources["Bucket"]["Metadata"].is_object(), "a policy cannot be updated alone");
        assert_eq!(resources["Table"]["Properties"]["DeletionProtectionEnabled"], false);
        assert_eq!(resources["Database"]["DeletionPolicy"], "Snapshot");
        assert_eq!(resources["Database"]["Properties"]["DeletionProtection"], false);
        assert_eq!(resources["Role"], json!({ "Type": "AWS::IAM::Role" }));
        assert_eq!(letting_go(&let_go.text).unwrap(), None, "there is nothing more to be let go");
    }

    #[test]
    fn a_bucket_goes_with_its_stack_unless_it_is_kept() {
        let of =
            |policy: Value| json!({ "Resources": { "B": { "Type": "AWS::S3::Bucket", "DeletionPolicy": policy } } });
        let goes = |policy: Value| deletes_a_bucket(&of(policy).to_string()).unwrap();
        assert!(goes(json!("Delete")) && goes(Value::Null));
        assert!(!goes(json!("Retain")) && !goes(json!("RetainExceptOnCreate")));
        assert!(!deletes_a_bucket(r#"{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}"#).unwrap());
    }
}
