pub mod aws;
pub mod embedded;
