//! Questions. Each has a flag and a variable; without a terminal a missing answer is an error that names both.

use std::io::Read;

use inquire::ui::{Color, RenderConfig, StyleSheet, Styled};
use inquire::validator::Validation;
use inquire::{Confirm, CustomUserError, InquireError, Password, PasswordDisplayMode, Text};

use crate::exit;
use crate::guest::Guest;
use crate::report::Report;
use crate::terminal_mode::TerminalMode;

/// The longest secret that is read from a pipe.
const LONGEST_SECRET: u64 = 4096;

/// Refuses an answer, and says why.
pub type Check = fn(&str) -> Result<(), String>;

/// What is asked, and how else it can be answered.
#[derive(Debug, Clone)]
pub struct Question {
    /// What the prompt says, such as `S3 Bucket`.
    pub label: &'static str,
    /// The flag, such as `--bucket`.
    pub flag: &'static str,
    /// The variable, such as `DEPLOYER_BUCKET`.
    pub variable: &'static str,
    /// What counts when nothing is said; `None` where something must be said.
    pub default: Option<String>,
    /// A line below the prompt.
    pub help: Option<&'static str>,
    /// Refuses an answer that cannot be right while its question is still there; says why.
    pub check: Option<Check>,
}

impl Question {
    /// A question that must be answered.
    pub const fn new(label: &'static str, flag: &'static str, variable: &'static str) -> Self {
        Self { label, flag, variable, default: None, help: None, check: None }
    }

    /// The same with what counts when nothing is said.
    #[must_use]
    pub fn or(self, default: String) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The same with a line below the prompt.
    #[must_use]
    pub fn help(self, help: &'static str) -> Self {
        Self { help: Some(help), ..self }
    }

    /// The same with what an answer must be like.
    #[must_use]
    pub fn checked(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }
}

/// Answers a question from the flag, the variable, the person or the default.
pub async fn text(guest: &Guest, flag: Option<String>, question: Question) -> Result<String, Report> {
    if let Some(known) = known(guest, flag, &question) {
        return Ok(known);
    }
    if !guest.terminal.interactive {
        return question.default.clone().ok_or_else(|| missing(&question));
    }
    let render = render_config(guest);
    ask(guest, move || {
        let label = format!("{}:", question.label);
        let mut prompt = Text::new(&label).with_render_config(render);
        if let Some(default) = question.default.as_deref().filter(|default| !default.is_empty()) {
            prompt = prompt.with_default(default);
        }
        if let Some(help) = question.help {
            prompt = prompt.with_help_message(help);
        }
        if question.default.is_none() {
            prompt = prompt.with_validator(required);
        }
        if let Some(check) = question.check {
            prompt = prompt.with_validator(move |text: &str| {
                Ok(check(text.trim()).map_or_else(|why| Validation::Invalid(why.into()), |()| Validation::Valid))
            });
        }
        prompt.prompt()
    })
    .await
    .map(|answer| answer.trim().to_owned())
}

/// Answers a yes-or-no question in the same way.
pub async fn yes_no(guest: &Guest, flag: Option<bool>, question: Question) -> Result<bool, Report> {
    if let Some(flag) = flag {
        return Ok(flag);
    }
    let default = question.default.as_deref() == Some("yes");
    match guest.surroundings.value(question.variable) {
        Some(value) => {
            return parse_yes_no(value)
                .ok_or_else(|| Report::usage(format!("{} must be yes or no, not {value}", question.variable)));
        }
        None if !guest.terminal.interactive => return Ok(default),
        None => {}
    }
    let render = render_config(guest);
    ask(guest, move || {
        let label = format!("{}:", question.label);
        Confirm::new(&label)
            .with_render_config(render)
            .with_default(default)
            .with_default_value_formatter(&|default| (if default { "Yes/no" } else { "yes/No" }).to_owned())
            .prompt()
    })
    .await
}

/// Which secret, and where it may come from.
#[derive(Debug, Clone)]
pub struct SecretQuestion {
    /// The question; its flag is the one that reads a pipe, such as `--secret-stdin`.
    pub question: Question,
    /// Whether that flag was given.
    pub from_stdin: bool,
    /// Whether it is typed twice: it is new.
    pub twice: bool,
}

/// Answers a secret from a pipe, the variable or the person; never from the arguments.
pub async fn secret(guest: &Guest, asked: SecretQuestion) -> Result<String, Report> {
    let question = asked.question;
    if asked.from_stdin {
        return secret_from_stdin(&question);
    }
    if let Some(value) = guest.surroundings.value(question.variable) {
        // As from stdin: the line's end that a CI system keeps is none of it.
        return Ok(value.trim_end_matches(['\n', '\r']).to_owned());
    }
    if !guest.terminal.interactive {
        return question.default.clone().ok_or_else(|| missing(&question));
    }
    let render = render_config(guest);
    let optional = question.default.is_some();
    ask(guest, move || {
        let label = format!("{}:", question.label);
        let mut prompt =
            Password::new(&label).with_render_config(render).with_display_mode(PasswordDisplayMode::Masked);
        if let Some(help) = question.help {
            prompt = prompt.with_help_message(help);
        }
        if !optional {
            prompt = prompt.with_validator(required);
        }
        if asked.twice {
            prompt = prompt.with_custom_confirmation_message("Once more:");
        } else {
            prompt = prompt.without_confirmation();
        }
        prompt.prompt()
    })
    .await
}

fn secret_from_stdin(question: &Question) -> Result<String, Report> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST_SECRET).read_to_string(&mut text);
    read.map_err(|error| {
        Report::usage(format!("could not read {} from stdin", question.label)).caused_by(error.to_string())
    })?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(Report::usage(format!("{} was given, but stdin is empty", question.flag)));
    }
    Ok(secret.to_owned())
}

/// Asks for a yes; `--yes` answers it, and without a terminal only `--yes` does.
pub async fn confirm(guest: &Guest, yes: bool, what: &str) -> Result<(), Report> {
    if yes {
        return Ok(());
    }
    if !guest.terminal.interactive {
        return Err(Report::usage(format!("{what} needs a confirmation, and nobody can be asked"))
            .hint("confirm it with --yes"));
    }
    let render = render_config(guest);
    let confirmed = ask(guest, move || {
        Confirm::new("Continue?")
            .with_render_config(render)
            .with_default(false)
            .with_default_value_formatter(&|_| "yes/no".to_owned())
            .prompt()
    })
    .await?;
    if confirmed { Ok(()) } else { Err(declined(guest)) }
}

/// What must be typed to confirm something that cannot be taken back.
#[derive(Debug, Clone, Copy)]
pub struct TypedName<'a> {
    /// What it is, such as `the stack's name`.
    pub kind: &'static str,
    /// The name.
    pub name: &'a str,
    /// The flag that answers instead.
    pub flag: &'static str,
}

/// Asks for a name to be typed; its flag answers it.
pub async fn confirm_by_name(guest: &Guest, yes: bool, typed: TypedName<'_>, what: &str) -> Result<(), Report> {
    if yes {
        return Ok(());
    }
    let TypedName { kind, name, flag } = typed;
    if !guest.terminal.interactive {
        return Err(Report::usage(format!("{what} needs a confirmation, and nobody can be asked"))
            .hint(format!("confirm it with {flag}")));
    }
    let render = render_config(guest);
    let label = format!("Type {kind} ({name}) to confirm:");
    let typed = ask(guest, move || Text::new(&label).with_render_config(render).prompt()).await?;
    if typed.trim() == name { Ok(()) } else { Err(declined(guest)) }
}

fn required(text: &str) -> Result<Validation, CustomUserError> {
    Ok(if text.trim().is_empty() { Validation::Invalid("it cannot be empty".into()) } else { Validation::Valid })
}

fn declined(guest: &Guest) -> Report {
    guest.terminal.progress("Nothing was changed.\n");
    Report::silent(exit::INTERRUPTED)
}

fn known(guest: &Guest, flag: Option<String>, question: &Question) -> Option<String> {
    flag.or_else(|| guest.surroundings.value(question.variable).map(str::to_owned))
}

fn missing(question: &Question) -> Report {
    Report::usage(format!("{} is missing, and nobody can be asked", question.label))
        .hint(format!("give {} or set {}", question.flag, question.variable))
}

/// Reads yes and no in their usual spellings.
pub fn parse_yes_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "1" => Some(true),
        "no" | "n" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Reads yes and no in an argument.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    parse_yes_no(text).ok_or_else(|| "write yes or no".to_owned())
}

/// Asks on a thread of its own, so that a signal from outside still ends the program, with the terminal as it was.
async fn ask<T: Send + 'static>(
    guest: &Guest,
    question: impl FnOnce() -> Result<T, InquireError> + Send + 'static,
) -> Result<T, Report> {
    let _restored = TerminalMode::saved();
    match tokio::task::spawn_blocking(question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(InquireError::OperationInterrupted | InquireError::OperationCanceled)) => Err(declined(guest)),
        Ok(Err(error)) => Err(Report::internal("could not ask on this terminal")
            .caused_by(error.to_string())
            .hint("give the value by its flag; see --help")),
        Err(error) => Err(Report::internal("the question ended").caused_by(error.to_string())),
    }
}

fn render_config(guest: &Guest) -> RenderConfig<'static> {
    let look = &guest.terminal.err;
    let mut config = if look.colour { RenderConfig::default_colored() } else { RenderConfig::empty() };
    let mark = Styled::new("?");
    let mark = if look.colour { mark.with_fg(Color::LightGreen) } else { mark };
    config = config.with_prompt_prefix(mark).with_answered_prompt_prefix(mark).with_answer(StyleSheet::empty());
    config.password_mask = if look.ascii { '*' } else { '•' };
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_answer_names_the_flag_and_the_variable() {
        let report = missing(&Question::new("S3 Bucket", "--bucket", "DEPLOYER_BUCKET"));
        assert_eq!(report.exit(), exit::USAGE);
        assert_eq!(report.error().unwrap().hints, ["give --bucket or set DEPLOYER_BUCKET"]);
    }

    #[test]
    fn yes_and_no_are_understood() {
        assert_eq!(parse_yes_no("Yes"), Some(true));
        assert_eq!(parse_yes_no("0"), Some(false));
        assert_eq!(parse_yes_no("maybe"), None);
    }
}
