//! What a state of Terraform's tells, as far as this program must know it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::expression::is_output_name;
use crate::run::Redactor;
use crate::state::{Output, Resource};

/// The most bytes that a component's outputs may have together: they are part of the state, which is written often.
const MOST: usize = crate::run::MAX_OUTPUTS;

/// What a state tells.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Which state it is; the same for all versions of one.
    pub lineage: String,
    /// Rises with each version.
    pub serial: u64,
    outputs: BTreeMap<String, OutputValue>,
    resources: Vec<StateResource>,
    /// There where OpenTofu has encrypted it.
    encrypted_data: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OutputValue {
    value: Value,
    sensitive: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct StateResource {
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    instances: Vec<Instance>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Instance {
    index_key: Option<Value>,
    attributes: Option<Value>,
}

impl Snapshot {
    /// Reads a state; one that cannot be read tells nothing.
    pub fn read(content: &[u8]) -> Self {
        serde_json::from_slice(content).unwrap_or_default()
    }

    /// Whether it is encrypted, so that nothing can be told of it.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted_data.is_some()
    }

    /// The outputs that may be recorded, and why others are not.
    pub fn outputs(&self, redactor: &Redactor) -> (BTreeMap<String, Output>, Vec<String>) {
        let (mut outputs, mut withheld, mut bytes) = (BTreeMap::new(), Vec::new(), 0);
        for (name, output) in &self.outputs {
            let text = match &output.value {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            bytes += text.len();
            if output.sensitive || redactor.finds(&text) {
                withheld.push(format!(
                    "the output {name} is sensitive, so it is not recorded: let the module store it, and output where"
                ));
            } else if !is_output_name(name) {
                withheld.push(format!("the output {name:?} has a name that no expression can use: it is not recorded"));
            } else if bytes > MOST {
                withheld.push(format!("the output {name} is not recorded: all together have more than {MOST} bytes"));
            } else {
                outputs.insert(name.clone(), Output::Value(text));
            }
        }
        (outputs, withheld)
    }

    /// The resources that it keeps, as the state of the stack lists them.
    pub fn resources(&self) -> Vec<Resource> {
        let managed = self.resources.iter().filter(|resource| resource.mode == "managed");
        let of = |resource: &StateResource| {
            let resource_type = resource.kind.clone();
            let address = resource.address();
            let each = resource.instances.iter().map(move |instance| {
                let id = instance.attributes.as_ref().and_then(|attributes| attributes["id"].as_str());
                let id = id.map_or_else(|| format!("{address}{}", instance.key()), str::to_owned);
                Resource { resource_type: resource_type.clone(), id }
            });
            each.collect::<Vec<_>>()
        };
        managed.flat_map(of).collect()
    }

    /// The addresses of the resources that it keeps.
    pub fn addresses(&self) -> BTreeSet<String> {
        let managed = self.resources.iter().filter(|resource| resource.mode == "managed");
        let of = |resource: &StateResource| {
            let address = resource.address();
            resource.instances.iter().map(|instance| format!("{address}{}", instance.key())).collect::<Vec<_>>()
        };
        managed.flat_map(of).collect()
    }
}

impl StateResource {
    fn address(&self) -> String {
        let module = self.module.as_ref().map(|module| format!("{module}.")).unwrap_or_default();
        format!("{module}{}.{}", self.kind, self.name)
    }
}

impl Instance {
    fn key(&self) -> String {
        self.index_key.as_ref().map(|key| format!("[{key}]")).unwrap_or_default()
    }
}
