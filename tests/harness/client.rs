//! A guest of the test's own: gRPC on the daemon's socket, as any editor would speak it.

use deployer_proto::v1::CallContext;
use deployer_proto::version::PROTOCOL;
use tonic::transport::{Channel, Endpoint};

use crate::world::World;

/// Connects to the world's daemon, which must be running.
pub async fn connect(world: &World) -> Channel {
    let address = format!("unix://{}", world.socket().display());
    let endpoint = Endpoint::from_shared(address).expect("an address");
    endpoint.connect().await.expect("the daemon answers")
}

/// The context of a call that speaks the current protocol.
pub fn context(world: &World) -> Option<CallContext> {
    Some(CallContext {
        protocol: PROTOCOL,
        client: "tests".to_owned(),
        cwd: world.work().display().to_string(),
        host: "here".to_owned(),
        ..CallContext::default()
    })
}

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}
