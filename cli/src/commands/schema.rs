//! `deployer schema`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{Mode, SchemaRequest};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it. The answer is JSON in every format: it is what editors read.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let answer = client.schema(SchemaRequest { context: guest.call(Mode::Unspecified)? }).await?.into_inner();
    guest.terminal.raw(&format!("{}\n", answer.json_schema.trim_end()))?;
    Ok(exit::DONE)
}
