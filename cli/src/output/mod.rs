//! How answers look and where they go: stdout carries answers, stderr everything else.

pub mod escape;
pub mod json;
pub mod page;
pub mod paint;
pub mod steps;
pub mod table;
pub mod value;

use std::io::{ErrorKind, IsTerminal, Write};

use jiff::Timestamp;
use prost::{Message, Name};

use crate::args::{Format, Globals};
use crate::context::Surroundings;
use crate::exit::{self, Exit};
use crate::report::{self, Report};
use paint::Look;

/// The two ways out, and what they can show.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// How stdout looks.
    pub out: Look,
    /// How stderr looks.
    pub err: Look,
    /// Whether somebody can be asked: stdin and stderr are a terminal, and nothing forbids it.
    pub interactive: bool,
    /// Whether a picture on stderr may be redrawn.
    pub live: bool,
    /// What was asked for.
    pub format: Format,
    /// Only the essential value.
    pub quiet: bool,
    out_is_terminal: bool,
}

/// The shapes of one answer besides JSON; only the one that was asked for is made.
pub struct Shapes<M> {
    /// The essential value, without a line end; empty for none.
    pub quiet: fn(&M) -> String,
    /// The text for people.
    pub text: fn(&M, &Look) -> String,
}

impl Terminal {
    /// Looks at the streams once.
    pub fn new(globals: &Globals, surroundings: &Surroundings) -> Self {
        let out_is_terminal = std::io::stdout().is_terminal();
        let err_is_terminal = std::io::stderr().is_terminal();
        let plain =
            globals.no_color.is_some() || surroundings.value("NO_COLOR").is_some() || surroundings.dumb_terminal();
        let now = Timestamp::now();
        let look = |is_terminal: bool, width: fn() -> Option<usize>| Look {
            colour: is_terminal && !plain,
            ascii: !surroundings.utf8(),
            width: if is_terminal { width() } else { None },
            now,
        };
        Self {
            out: look(out_is_terminal, || columns(rustix::stdio::stdout())),
            err: look(err_is_terminal, || columns(rustix::stdio::stderr())),
            interactive: globals.no_input.is_none() && err_is_terminal && std::io::stdin().is_terminal(),
            live: err_is_terminal && !surroundings.dumb_terminal(),
            format: globals.format(),
            quiet: globals.is_quiet(),
            out_is_terminal,
        }
    }

    /// Prints one answer in the shape that was asked for.
    pub fn answer<M: Message + Name>(&self, message: &M, shapes: &Shapes<M>) -> Result<(), Report> {
        match (self.format, self.quiet) {
            (Format::Json, _) => out(&format!("{}\n", json::document(message)?)),
            (_, true) => self.quiet_value(&(shapes.quiet)(message)),
            (_, false) => self.text(&(shapes.text)(message, &self.out)),
        }
    }

    /// Prints a JSON document.
    pub fn json(&self, document: &serde_json::Value) -> Result<(), Report> {
        out(&format!("{document:#}\n"))
    }

    /// Prints one line of a JSON stream.
    pub fn json_line<M: Message + Name>(&self, message: &M) -> Result<(), Report> {
        out(&format!("{}\n", json::line(message)?))
    }

    /// Prints an essential value; nothing where it is empty.
    pub fn quiet_value(&self, value: &str) -> Result<(), Report> {
        if value.is_empty() { Ok(()) } else { out(&self.out.finish(&format!("{}\n", value.trim_end_matches('\n')))) }
    }

    /// Prints text for people; before a page a terminal gets an empty line, as in the reference.
    pub fn text(&self, text: &str) -> Result<(), Report> {
        let is_page = text.lines().nth(2).is_some();
        let start = if self.out_is_terminal && is_page { "\n" } else { "" };
        out(&self.out.finish(&format!("{start}{text}")))
    }

    /// Prints lines that answer as they are: they were somebody's output.
    pub fn raw(&self, text: &str) -> Result<(), Report> {
        if self.out_is_terminal { out(&self.out.finish(&lines_escaped(text))) } else { out(text) }
    }

    /// The same on stderr.
    pub fn raw_error(&self, text: &str) {
        if self.live { err(&self.err.finish(&lines_escaped(text))) } else { err(text) }
    }

    /// Tells how it goes; silent where a machine reads or only a value is wanted.
    pub fn progress(&self, text: &str) {
        if self.format != Format::Json && !self.quiet {
            self.before_a_question(text);
        }
    }

    /// Shows what a question is about, also where a machine reads the answer: without it nobody could be asked.
    pub fn before_a_question(&self, text: &str) {
        err(&self.err.finish(text));
    }

    /// Rows and columns of the terminal on stderr at this moment: people change them.
    pub fn size_now(&self) -> (usize, usize) {
        let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr()).ok();
        let size = size.filter(|size| size.ws_row > 0 && size.ws_col > 0);
        size.map_or((24, 80), |size| (usize::from(size.ws_row), usize::from(size.ws_col)))
    }

    /// Warns, also those who read only values.
    pub fn warn(&self, text: &str) {
        let text = paint::yellow(format!("⚠ {}", escape::line(text)));
        err(&self.err.finish(&format!("{text}\n")));
    }

    /// Prints an error and answers its exit code.
    pub fn fail(&self, report: &Report) -> Exit {
        if let Some(error) = report.error() {
            match self.format {
                Format::Json => match json::line(error) {
                    Ok(document) => err(&format!("{document}\n")),
                    Err(_) => err(&self.err.finish(&report::render(error))),
                },
                Format::Text | Format::Markdown => err(&self.err.finish(&report::render(error))),
            }
        }
        report.exit()
    }
}

fn lines_escaped(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => format!("{}\n", escape::line(line)),
            None => escape::line(line).into_owned(),
        })
        .collect()
}

fn columns(stream: rustix::fd::BorrowedFd<'static>) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Writes to stdout. A reader that went away (`| head`) has what it wanted: the program ends without a word.
fn out(text: &str) -> Result<(), Report> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Report::silent(exit::DONE)),
        Err(error) => Err(Report::new(exit::UNWRITABLE, "could not write the answer").caused_by(error.to_string())),
    }
}

/// Writes to stderr, where nobody can be told that it failed.
fn err(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _closed = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
