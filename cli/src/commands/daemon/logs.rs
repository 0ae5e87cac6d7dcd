//! `deployer daemon logs`.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::report::Report;

/// How much of the file's end is looked at.
const WINDOW: u64 = 4 << 20;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub lines: usize,
}

/// Runs it. It reads the file itself: a daemon that cannot start is when the log is wanted most.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    super::refuse_without_daemon(guest)?;
    let path = guest.endpoint()?.state_directory.join("deployerd.log");
    let text = end_of(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Report::new("NOT_FOUND", "the daemon has not written a log yet")
            .fact("Log", path.display().to_string())
            .hint("start the daemon: `deployer daemon start`"),
        _ => Report::internal("could not read the daemon's log")
            .fact("Log", path.display().to_string())
            .caused_by(error.to_string()),
    })?;
    guest.terminal.raw(last_lines(&text, args.lines))?;
    Ok(exit::DONE)
}

fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn last_lines(text: &str, number: usize) -> &str {
    let body = text.strip_suffix('\n').unwrap_or(text);
    match body.rmatch_indices('\n').nth(number.saturating_sub(1)) {
        _ if number == 0 => "",
        Some((position, _)) => &text[position + 1..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_printed() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last_lines("a\nb\nc\n", 9), "a\nb\nc\n");
        assert_eq!(last_lines("a\nb\nc", 1), "c");
        assert_eq!(last_lines("a\n", 0), "");
    }
}
