//! `deployer reference`: what packages and the documentation are made of, from the same words as `--help`.

use clap::{Command, CommandFactory, ValueEnum};

use crate::Outcome;
use crate::args::Cli;
use crate::exit;
use crate::guest::Guest;
use crate::report::Report;

/// Wide enough for the longest help, narrow enough for a page.
const WIDTH: usize = 100;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to print
    #[arg(value_enum)]
    pub what: What,
    /// Which command's page, such as `admin login`
    pub command: Vec<String>,
}

/// What can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// The names of all manual pages, with the words of their commands.
    Pages,
    /// One manual page.
    Man,
    /// The command reference.
    Commands,
}

/// Runs it.
pub fn run(guest: &Guest, args: &Args) -> Outcome {
    let mut root = Cli::command().disable_help_subcommand(true).term_width(WIDTH);
    root.build();
    let text = match args.what {
        What::Pages => pages(&root),
        What::Man => page(&root, &args.command)?,
        What::Commands => commands(root),
    };
    guest.terminal.raw(&text)?;
    Ok(exit::DONE)
}

fn pages(root: &Command) -> String {
    let mut names = Vec::new();
    walk(root, &mut |command| names.push(command.get_bin_name().unwrap_or("deployer").to_owned()));
    names.iter().map(|words| format!("{}.1 {words}\n", words.replace(' ', "-"))).collect()
}

fn page(root: &Command, words: &[String]) -> Result<String, Report> {
    let mut command = root;
    for word in words.iter().skip(usize::from(words.first().is_some_and(|word| word == "deployer"))) {
        let found = command.find_subcommand(word);
        command = found.ok_or_else(|| Report::new("INVALID_REQUEST", format!("there is no command {word}")))?;
    }
    let name = command.get_bin_name().unwrap_or("deployer").replace(' ', "-");
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).title(name.to_uppercase());
    man.render(&mut page).map_err(|error| Report::internal("could not write the page").caused_by(error.to_string()))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Every command with its help; the flags that all commands have stand only with the first.
fn commands(mut root: Command) -> String {
    let mut text = "# Commands\n\nMade from the program itself by `make docs`: what `--help` says.\n".to_owned();
    text.push_str(&section(&mut root));
    let mut below = Vec::new();
    root.get_subcommands().for_each(|command| walk(command, &mut |command| below.push(command.clone())));
    for command in below {
        let own = command.mut_args(|argument| {
            let is_global = argument.is_global_set();
            argument.hide(is_global)
        });
        text.push_str(&section(&mut own.clone()));
    }
    text
}

fn section(command: &mut Command) -> String {
    let name = command.get_bin_name().unwrap_or("deployer").to_owned();
    let help = command.render_help().to_string();
    let help: String = help.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    format!("\n## {name}\n\n```text\n{}\n```\n", help.trim_end())
}

/// Visits a command and what is below it, but for what is hidden.
fn walk(command: &Command, visit: &mut impl FnMut(&Command)) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    visit(command);
    for below in command.get_subcommands() {
        walk(below, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> Command {
        let mut root = Cli::command().disable_help_subcommand(true).term_width(WIDTH);
        root.build();
        root
    }

    #[test]
    fn every_command_has_a_page() {
        let pages = pages(&built());
        for page in ["deployer.1 deployer\n", "deployer-admin-login.1 deployer admin login\n", "deployer-lock-run.1 "] {
            assert!(pages.contains(page), "{pages}");
        }
        assert!(!pages.contains("reference") && !pages.contains("help"), "{pages}");
        let login = page(&built(), &["admin".to_owned(), "login".to_owned()]).unwrap();
        assert!(login.contains("deployer admin login") && login.contains("password"), "{login}");
        assert!(page(&built(), &["frob".to_owned()]).is_err());
    }

    #[test]
    fn the_reference_says_what_help_says_and_repeats_no_global_flag() {
        let text = commands(built());
        assert!(text.contains("\n## deployer tenant init\n") && text.contains("--monthly-cost-limit"), "{text}");
        assert_eq!(text.matches("--no-daemon").count(), 1);
    }
}
