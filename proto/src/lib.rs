//! The contract between the daemon and its guests: messages, services, the protocol version and the one socket path.
//!
//! Rooms: [`v1`] (generated from `deployer/v1/*.proto`), [`version`] (who may talk with whom), [`endpoint`] (where).
//!
//! **Invariant:** this crate knows no other crate of the project; an editor's author reads only this folder.
#![warn(missing_docs)]

pub mod endpoint;
mod redacted;
pub mod version;

/// The generated messages and services.
#[allow(
    missing_docs,
    clippy::all,
    rustdoc::all,
    reason = "generated from the .proto files, which carry the documentation"
)]
pub mod v1 {
    tonic::include_proto!("deployer.v1");
}

/// The descriptors of everything in [`v1`], an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The `domain` of `google.rpc.ErrorInfo` in every error of the daemon.
pub const ERROR_DOMAIN: &str = "deployer";

/// The type URL of [`v1::ErrorReport`] among a status's details.
pub const ERROR_REPORT_TYPE: &str = "type.googleapis.com/deployer.v1.ErrorReport";
