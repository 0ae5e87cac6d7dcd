//! The types that are compiled to CloudFormation templates: their fields and their outputs. What becomes of the fields
//! stands in [`crate::template`].

pub mod compute;
pub mod database;
pub mod messaging;
pub mod network;
pub mod storage;

mod form;
mod shared;

pub(crate) use form::cidr;
