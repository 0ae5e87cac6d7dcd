//! What every gRPC server offers besides its own services: health and reflection, for tools and editors.

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::{v1, v1alpha};

use deployer_domain::error::{Error, Reason, Result};

/// The health service, which calls these services and the whole daemon healthy.
pub async fn health(services: &[&str]) -> HealthServer<impl Health> {
    let (reporter, server) = tonic_health::server::health_reporter();
    for service in services {
        reporter.set_service_status(service, ServingStatus::Serving).await;
    }
    server
}

/// Reflection in both versions: newer tools ask for v1, Python's client and older ones for v1alpha.
pub fn reflection() -> Result<(
    v1::ServerReflectionServer<impl v1::ServerReflection>,
    v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>,
)> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(deployer_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let failed = |error| Error::new(Reason::Internal, format!("the contract's descriptors cannot be served: {error}"));
    Ok((builder().build_v1().map_err(failed)?, builder().build_v1alpha().map_err(failed)?))
}
