//! The canonical JSON of the contract's messages, defaults included.

use std::sync::OnceLock;

use deployer_proto::DESCRIPTORS;
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use crate::report::Report;

/// The message as a JSON value: 64-bit numbers as numbers, defaults included.
pub fn value<M: Message + Name>(message: &M) -> Result<serde_json::Value, Report> {
    convert(message).map_err(|cause| Report::internal(format!("could not print {} as JSON", M::NAME)).caused_by(cause))
}

fn convert<M: Message + Name>(message: &M) -> Result<serde_json::Value, String> {
    let descriptor = pool()?.get_message_by_name(&M::full_name()).ok_or("the message is not part of the contract")?;
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).map_err(|error| error.to_string())?;
    let options = SerializeOptions::new().skip_default_fields(false).stringify_64_bit_integers(false);
    dynamic.serialize_with_options(serde_json::value::Serializer, &options).map_err(|error| error.to_string())
}

/// Parsed once, and only where JSON is asked for: it costs more than a whole command.
fn pool() -> Result<&'static DescriptorPool, String> {
    static POOL: OnceLock<Result<DescriptorPool, String>> = OnceLock::new();
    let pool = POOL.get_or_init(|| DescriptorPool::decode(DESCRIPTORS).map_err(|error| error.to_string()));
    pool.as_ref().map_err(Clone::clone)
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::{ListTenantsResponse, Lock, Plan};

    use super::*;

    #[test]
    fn defaults_are_included_and_counts_are_numbers() {
        assert_eq!(value(&ListTenantsResponse::default()).unwrap(), serde_json::json!({"tenants": []}));
        let plan = value(&Plan { serial: 7, ..Plan::default() }).unwrap();
        assert_eq!(plan["serial"], 7);
        assert_eq!(plan["changes"], false);
        assert_eq!(plan["operation"], "OPERATION_UNSPECIFIED");
        assert_eq!(value(&Lock::default()).unwrap()["fencingToken"], 0);
    }
}
