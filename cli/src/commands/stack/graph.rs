//! `deployer stack graph`.

use clap::ValueEnum;
use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{GraphRequest, GraphResponse, Mode};

use crate::Outcome;
use crate::args::{Format, TargetArgs};
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Text is a tree: below each component stands what it depends on. In the other formats arrows lead from what is needed to
what needs it. Example: deployer stack graph --format svg > graph.svg")]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How it is drawn
    #[arg(long, value_enum, default_value = "text")]
    pub format: Drawing,
}

/// How a graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Drawing {
    /// A tree for a terminal
    Text,
    /// A flow chart for Markdown
    Mermaid,
    /// Graphviz's language
    Dot,
    /// A picture
    Svg,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let format = args.format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let target = Some(args.target.target(&guest.surroundings));
    let request = GraphRequest { context: guest.call(Mode::Unspecified)?, target, format };
    let answer = client.graph(request).await?.into_inner();
    if guest.terminal.format == Format::Text && args.format != Drawing::Text {
        guest.terminal.raw(&answer.drawing)?;
    } else {
        let text = |answer: &GraphResponse, _: &_| answer.drawing.clone();
        guest.terminal.answer(&answer, &Shapes { quiet: |answer| answer.drawing.clone(), text })?;
    }
    Ok(exit::DONE)
}
