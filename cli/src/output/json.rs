//! The canonical JSON of the contract's messages, defaults included.

use std::sync::OnceLock;

use deployer_proto::DESCRIPTORS;
use prost::{Message, Name};
use prost_reflect::prost_types::FileDescriptorSet;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Serializer;

use crate::report::Report;

/// The message as one JSON document over several lines, its fields in the contract's order.
pub fn document<M: Message + Name>(message: &M) -> Result<String, Report> {
    written(message, |bytes, dynamic| dynamic.serialize_with_options(&mut Serializer::pretty(bytes), &options()))
}

/// The message as one line.
pub fn line<M: Message + Name>(message: &M) -> Result<String, Report> {
    written(message, |bytes, dynamic| dynamic.serialize_with_options(&mut Serializer::new(bytes), &options()))
}

/// 64-bit numbers as numbers, defaults included.
fn options() -> SerializeOptions {
    SerializeOptions::new().skip_default_fields(false).stringify_64_bit_integers(false)
}

fn written<M: Message + Name>(
    message: &M,
    write: impl FnOnce(&mut Vec<u8>, &DynamicMessage) -> serde_json::Result<()>,
) -> Result<String, Report> {
    let failed = |cause| Report::internal(format!("could not print {} as JSON", M::NAME)).caused_by(cause);
    let dynamic = dynamic(message).map_err(failed)?;
    let mut bytes = Vec::new();
    write(&mut bytes, &dynamic).map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

fn dynamic<M: Message + Name>(message: &M) -> Result<DynamicMessage, String> {
    let name = M::full_name();
    let descriptor = pool(&name)?.get_message_by_name(&name).ok_or("the message is not part of the contract")?;
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).map_err(|error| error.to_string())?;
    Ok(dynamic)
}

/// Parsed once, only where JSON is asked for, and only as far as the answer needs it: all of it would take longer than
/// a whole command.
fn pool(message: &str) -> Result<DescriptorPool, String> {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    if let Some(pool) = POOL.get().filter(|pool| pool.get_message_by_name(message).is_some()) {
        return Ok(pool.clone());
    }
    let set = FileDescriptorSet::decode(DESCRIPTORS).map_err(|error| error.to_string())?;
    let pool = DescriptorPool::from_file_descriptor_set(needed(set, message)).map_err(|error| error.to_string())?;
    let _first = POOL.set(pool.clone());
    Ok(pool)
}

/// The file that defines a message, and what it imports. Files stand behind the ones that they import.
fn needed(mut set: FileDescriptorSet, message: &str) -> FileDescriptorSet {
    let (package, name) = message.rsplit_once('.').unwrap_or_default();
    let mut wanted: Vec<String> = Vec::new();
    set.file.reverse();
    set.file.retain(|file| {
        let defines = file.package() == package && file.message_type.iter().any(|message| message.name() == name);
        let keep = defines || wanted.iter().any(|wanted| wanted == file.name());
        if keep {
            wanted.extend(file.dependency.iter().cloned());
        }
        keep
    });
    set.file.reverse();
    set.file.iter_mut().for_each(|file| file.service.clear());
    set
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::{Fact, ListTenantsResponse, Lock, Plan};

    use super::*;

    #[test]
    fn defaults_are_included_and_counts_are_numbers() {
        assert_eq!(line(&ListTenantsResponse::default()).unwrap(), r#"{"tenants":[],"deleted":[]}"#);
        let plan: serde_json::Value =
            serde_json::from_str(&document(&Plan { serial: 7, ..Plan::default() }).unwrap()).unwrap();
        assert_eq!(plan["serial"], 7);
        assert_eq!(plan["changes"], false);
        assert_eq!(plan["operation"], "OPERATION_UNSPECIFIED");
        assert!(line(&Lock::default()).unwrap().contains(r#""fencingToken":0,"#));
    }

    #[test]
    fn every_message_of_the_contract_is_found_with_what_it_imports() {
        let all = DescriptorPool::decode(DESCRIPTORS).unwrap();
        let nested = |message: &prost_reflect::MessageDescriptor| message.parent_message().is_some();
        for message in all.all_messages().filter(|message| !nested(message)) {
            let set = needed(FileDescriptorSet::decode(DESCRIPTORS).unwrap(), message.full_name());
            let pool = DescriptorPool::from_file_descriptor_set(set).unwrap();
            assert!(pool.get_message_by_name(message.full_name()).is_some(), "{}", message.full_name());
        }
    }

    #[test]
    fn fields_keep_the_contract_s_order() {
        assert_eq!(
            document(&Fact { label: "Held by".to_owned(), value: "alice".to_owned() }).unwrap(),
            "{\n  \"label\": \"Held by\",\n  \"value\": \"alice\"\n}"
        );
    }
}
