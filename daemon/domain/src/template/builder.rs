//! Puts a template together.

use serde_json::{Map, Value, json};

use super::fields::Parameters;
use super::{Compiled, TemplateRequest, tags};
use crate::manifest::OnDestroy;
use crate::policy;

/// A template while it is put together.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    /// What it is made from.
    pub(super) request: &'a TemplateRequest<'a>,
    own_tags: Map<String, Value>,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(request: &'a TemplateRequest<'a>, fields: &Value) -> Self {
        Self {
            request,
            own_tags: fields["tags"].as_object().cloned().unwrap_or_default(),
            resources: Map::new(),
            outputs: Map::new(),
        }
    }

    /// Whether it is made for production, where the careful defaults are.
    pub(super) fn production(&self) -> bool {
        policy::is_production(&self.request.scope.environment)
    }

    /// Adds a resource that takes no tags. What is null in its properties is left out.
    pub(super) fn add(&mut self, name: &str, kind: &str, properties: Value) -> &mut Value {
        let mut properties = properties;
        prune(&mut properties);
        let mut resource = json!({ "Type": kind });
        if properties.as_object().is_some_and(|properties| !properties.is_empty()) {
            resource["Properties"] = properties;
        }
        self.resources.entry(name.to_owned()).or_insert(resource)
    }

    /// Adds a resource with the component's tags.
    pub(super) fn add_tagged(&mut self, name: &str, kind: &str, properties: Value) -> &mut Value {
        let mut properties = properties;
        properties["Tags"] = self.tags();
        self.add(name, kind, properties)
    }

    /// Adds a resource that holds data, with tags: it is kept when the stack is deleted, unless the file says otherwise,
    /// and always when a change would replace it.
    pub(super) fn add_data(&mut self, name: &str, kind: &str, properties: Value) -> &mut Value {
        let kept = self.deletion_policy();
        let resource = self.add_tagged(name, kind, properties);
        resource["DeletionPolicy"] = json!(kept);
        resource["UpdateReplacePolicy"] = json!("Retain");
        resource
    }

    /// A resource that was added.
    pub(super) fn resource(&mut self, name: &str) -> &mut Value {
        self.resources.entry(name.to_owned()).or_insert(Value::Null)
    }

    /// A creation that failed leaves nothing behind in both cases.
    pub(super) fn deletion_policy(&self) -> &'static str {
        match self.request.on_destroy {
            OnDestroy::Retain => "RetainExceptOnCreate",
            OnDestroy::Delete => "Delete",
        }
    }

    /// The component's tags, as most resources take them.
    pub(super) fn tags(&self) -> Value {
        let own = self.own_tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
        let ours = tags(self.request.component, self.request.scope);
        ours.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).chain(own).collect()
    }

    /// Adds an output; its type's table has its name and its meaning.
    pub(super) fn output(&mut self, name: &str, value: Value) {
        let about = self.request.component_type.outputs.iter().find(|output| output.name == name);
        debug_assert!(about.is_some(), "{name} is not in the table of outputs");
        let about = about.map(|output| output.about).unwrap_or_default();
        self.outputs.insert(name.to_owned(), json!({ "Description": about, "Value": value }));
    }

    pub(super) fn finish(self, parameters: Parameters) -> Compiled {
        let scope = self.request.scope;
        let about = format!(
            "{} of {}/{} for {}: a deployer {}",
            self.request.component, scope.stack, scope.environment, scope.tenant, self.request.component_type.name
        );
        let roles = self.resources.values().any(|resource| resource["Type"] == "AWS::IAM::Role");
        let known = self.request.component_type.outputs.iter();
        let outputs = known.filter(|output| self.outputs.contains_key(output.name)).collect();
        let mut template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": about,
            "Resources": self.resources,
            "Outputs": self.outputs,
        });
        let mut values = std::collections::BTreeMap::new();
        let mut sources = std::collections::BTreeMap::new();
        let mut declarations = Map::new();
        for (name, parameter) in parameters {
            // A parameter that no resource uses would be a mistake in the eyes of CloudFormation's own tools.
            if mentions(&template, &name) {
                declarations.insert(name.clone(), parameter.declaration);
                sources.insert(name.clone(), parameter.path);
                values.insert(name, parameter.value);
            }
        }
        if !declarations.is_empty() {
            template["Parameters"] = Value::Object(declarations);
        }
        let capabilities = if roles { vec!["CAPABILITY_IAM"] } else { Vec::new() };
        Compiled { template, parameters: values, sources, capabilities, outputs }
    }
}

/// Takes what is null away.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(prune);
        }
        _ => {}
    }
}

fn mentions(value: &Value, parameter: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.get("Ref").is_some_and(|name| name == parameter)
                || fields.values().any(|value| mentions(value, parameter))
        }
        Value::Array(items) => items.iter().any(|item| mentions(item, parameter)),
        _ => false,
    }
}
