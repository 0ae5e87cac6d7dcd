//! CloudFormation's functions, as JSON.

use serde_json::{Value, json};

/// What `Ref` of a resource or parameter stands for.
pub(super) fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

/// An attribute of a resource.
pub(super) fn attribute(resource: &str, name: &str) -> Value {
    json!({ "Fn::GetAtt": [resource, name] })
}

/// A text in which `${Name}` and `${Name.Attribute}` stand for resources and pseudo parameters.
pub(super) fn sub(text: &str) -> Value {
    json!({ "Fn::Sub": text })
}

/// Texts one after another, with something between them.
pub(super) fn join(between: &str, texts: Value) -> Value {
    json!({ "Fn::Join": [between, texts] })
}

/// The name of a service's endpoint in this region.
pub(super) fn local_service(service: &str) -> Value {
    sub(&format!("com.amazonaws.${{AWS::Region}}.{service}"))
}
