//! `lock run` by gRPC, as an editor would call it.

use std::collections::HashMap;
use std::path::Path;

use deployer_proto::v1::lock_service_client::LockServiceClient;
use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::{CallContext, FullEnvironment, LockRunRequest, RunEvent, RunFinished, StackTarget};
use harness::{World, client};
use tonic::transport::Channel;
use tonic::{Status, Streaming};

/// A caller of one daemon.
#[derive(Clone)]
pub struct Caller {
    channel: Channel,
    context: CallContext,
}

/// What is run under which lock.
pub struct Wanted {
    pub stack: String,
    pub command: Vec<String>,
    pub wait_seconds: u32,
}

impl Caller {
    /// Connects to the world's daemon, for commands that run in a directory.
    pub async fn of(world: &World, directory: &Path) -> Self {
        let variables = HashMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        let known = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "HOME"];
        let environment =
            known.into_iter().filter_map(|name| Some((name.to_owned(), world.variable(name)?.to_owned())));
        let context = CallContext {
            cwd: directory.display().to_string(),
            environment: environment.collect(),
            full_environment: Some(FullEnvironment { variables }),
            ..client::context(world).unwrap()
        };
        Self { channel: client::connect(world).await, context }
    }

    /// Starts a command under a lock of `development`; its events follow.
    pub async fn run(&self, wanted: Wanted) -> Result<Streaming<RunEvent>, Status> {
        let target =
            StackTarget { stack: wanted.stack, environment: "development".to_owned(), ..StackTarget::default() };
        let request = LockRunRequest {
            context: Some(self.context.clone()),
            target: Some(target),
            command: wanted.command,
            wait_seconds: wanted.wait_seconds,
            no_delay: false,
        };
        Ok(LockServiceClient::new(self.channel.clone()).run(request).await?.into_inner())
    }
}

/// Follows a run to its end. Panics when the lease was ever in doubt.
pub async fn end(mut events: Streaming<RunEvent>) -> RunFinished {
    while let Some(event) = events.message().await.unwrap() {
        match event.event.unwrap() {
            Event::LeaseChanged(changed) => panic!("the lease was in doubt: {changed:?}"),
            Event::Finished(finished) => return finished,
            _ => {}
        }
    }
    panic!("a run ended without saying how");
}

/// Brings all to their ends at the same time.
pub async fn all<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut ends = Vec::new();
    for task in tasks {
        ends.push(task.await.unwrap());
    }
    ends
}
