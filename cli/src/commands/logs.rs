//! `deployer logs`.

use std::collections::BTreeMap;

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{LogLine, LogsRequest, Mode};

use crate::Outcome;
use crate::args::{Format, PlaceArgs, since};
use crate::exit;
use crate::guest::Guest;
use crate::output::escape;
use crate::output::paint;
use crate::report::Report;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Services, scheduled tasks and functions: their log groups in CloudWatch Logs. Commands: what they printed in runs.
Without --since: the last hour, and of commands what their last run printed.")]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only this service (can be repeated)
    #[arg(long, value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Only this component (can be repeated)
    #[arg(long, value_name = "SERVICE.COMPONENT")]
    pub component: Vec<String>,
    /// Wait for more until Ctrl-C, also for a first deploy and for new components
    #[arg(long)]
    pub follow: bool,
    /// From when on: 30m, 24h, 7d, 2024-01-15 or 2024-01-15T10:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let from = match &args.since {
        None => String::new(),
        Some(text) => since(text, guest.terminal.out.now)
            .map_err(|why| Report::usage(format!("--since {text} is no time")).hint(why))?
            .to_string(),
    };
    let mut target = args.place.target(&guest.surroundings);
    (target.services, target.components) = (args.service, args.component);
    let context = guest.call(Mode::Tenant)?;
    let request = LogsRequest { context, target: Some(target), follow: args.follow, since: from };
    let mut client = StackServiceClient::new(guest.channel().await?);
    let mut lines = client.logs(request).await?.into_inner();
    let (mut columns, mut any) = (Columns::default(), false);
    while let Some(line) = lines.message().await? {
        if !line.notice.is_empty() {
            guest
                .terminal
                .progress(&line.notice.lines().map(|line| format!("{}\n", escape::line(line))).collect::<String>());
            continue;
        }
        any = true;
        match guest.terminal.format {
            Format::Json => guest.terminal.json_line(&line)?,
            _ if guest.terminal.quiet => guest.terminal.raw(&format!("{}\n", line.line))?,
            _ => guest.terminal.text(&columns.line(&line))?,
        }
    }
    if !any {
        guest.terminal.progress("Nothing was logged. Look further back with --since 7d.\n");
    }
    Ok(exit::DONE)
}

/// What has been printed, so that lines stand below each other and each component keeps its colour.
#[derive(Debug, Default)]
struct Columns {
    colours: BTreeMap<String, usize>,
    widest: usize,
}

impl Columns {
    fn line(&mut self, line: &LogLine) -> String {
        let next = self.colours.len();
        let colour = *self.colours.entry(line.component.clone()).or_insert(next);
        let name = escape::line(&line.component);
        self.widest = self.widest.max(name.chars().count());
        let name = paint::nth(colour, format!("{name:<width$} │", width = self.widest));
        format!("{} {name} {}\n", paint::dim(escape::line(&line.time)), escape::line(&line.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::paint::Look;

    #[test]
    fn each_line_has_its_component_in_front_in_a_colour_of_its_own() {
        let line = |component: &str, text: &str| LogLine {
            time: "2024-01-15T11:00:00.000Z".to_owned(),
            component: component.to_owned(),
            line: text.to_owned(),
            ..LogLine::default()
        };
        let mut columns = Columns::default();
        let lines = [line("web.worker", "one"), line("web.api", "two\u{1b}[31m"), line("web.worker", "three")];
        let text: String = lines.iter().map(|line| columns.line(line)).collect();
        let plain = Look::plain().finish(&text);
        assert!(
            plain.starts_with("2024-01-15T11:00:00.000Z web.worker │ one\n2024-01-15T11:00:00.000Z web.api    │ two")
        );
        assert!(!plain.contains('\u{1b}'), "{plain}");
        let coloured = Look { colour: true, ..Look::plain() }.finish(&text);
        let codes: Vec<&str> = coloured.lines().filter_map(|line| line.split('\u{1b}').nth(3)?.get(..4)).collect();
        assert_eq!((codes[0], codes[0] == codes[1]), (codes[2], false));
    }
}
