//! What can be typed: the global flags, and the flags that several commands share.

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use deployer_proto::v1::{Backend, Mode, StackTarget};
use jiff::Timestamp;

use crate::commands::Command;
use crate::context::{self, Given, Surroundings};
use crate::report::Report;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// One deployment system for many isolated teams: one CLI, two modes, one bucket, no server to run.
#[derive(Debug, Parser)]
#[command(name = "deployer", version, styles = STYLES, max_term_width = 100, after_help = FIRST_STEPS)]
pub struct Cli {
    /// The flags that every command has.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Whether the first word is a command, rather than a flag (which may ask for help only), as far as can be seen at once.
pub fn names_a_command(words: &[OsString]) -> bool {
    words.get(1).is_some_and(|word| !word.as_encoded_bytes().starts_with(b"-"))
        && !words.iter().any(|word| word == "--no-daemon" || word == "--help" || word == "-h")
}

impl Cli {
    /// Parses the program's arguments.
    pub fn parsed(words: &[OsString]) -> Result<Self, clap::Error> {
        let cli = match Self::right(words) {
            Some(cli) => cli,
            None => Self::told(words)?,
        };
        if cli.globals.format() == Format::Markdown && !matches!(cli.command, Command::Plan(_)) {
            let text = "only plans are printed as markdown";
            return Err(Self::command().error(clap::error::ErrorKind::InvalidValue, text));
        }
        Ok(cli)
    }

    /// Parses a right call whose first word is a command: nothing but that command has to be described for it. (The
    /// description of all commands takes longer than the shortest of them runs.)
    fn right(words: &[OsString]) -> Option<Self> {
        let name = words.get(1)?.to_str()?;
        let mut all = ManuallyDrop::new(Command::augment_subcommands(clap::Command::new("all")));
        let named = all.get_subcommands_mut().find(|command| command.get_name() == name)?;
        let named = std::mem::take(named);
        let only = Globals::augment_args(clap::Command::new("deployer").version(env!("CARGO_PKG_VERSION")));
        let mut only = ManuallyDrop::new(only.subcommand_required(true).subcommand(named));
        let mut matches = only.try_get_matches_from_mut(words).ok()?;
        Self::from_arg_matches_mut(&mut matches).ok()
    }

    /// Parses with the description of all commands: what is wrong, or asked for as help, is said with its names.
    fn told(words: &[OsString]) -> Result<Self, clap::Error> {
        let mut all = Self::command();
        let mut matches = all.try_get_matches_from_mut(words)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut all))
    }
}

const FIRST_STEPS: &str = "\
First steps of a platform team: admin bootstrap, admin login, tenant init
First steps of a team: login, stack init, plan, apply
Exit codes: 0 done, 1 failed, 2 changes (plan --detailed-exitcode), 3 daemon,
  4 sign-in, 5 locked, 6 conflict, 7 refused, 8 not found, 64 usage, 130 Ctrl-C";

/// The flags that every command has. None of them has a default of the parser's: it would be copied to each level.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Act in this signed-in context instead of the current one [env: DEPLOYER_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// How answers are printed: text, json (one document; streams print JSON lines), or for plans markdown [default: text]
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Option<Format>,
    /// Print only the essential value
    #[arg(short, long, global = true, num_args = 0, default_missing_value = "true")]
    pub quiet: Option<bool>,
    /// Never ask; a missing value is an error
    #[arg(long, global = true, num_args = 0, default_missing_value = "true")]
    pub no_input: Option<bool>,
    /// Run without the background daemon; nothing is stored (default where CI=true)
    #[arg(long, global = true, num_args = 0, default_missing_value = "true")]
    pub no_daemon: Option<bool>,
    /// No colours [env: NO_COLOR]
    #[arg(long, global = true, num_args = 0, default_missing_value = "true")]
    pub no_color: Option<bool>,
    /// Who acts, as shown in locks, history and audit [env: DEPLOYER_ACTOR]
    #[arg(long, global = true, value_name = "WHO")]
    pub actor: Option<String>,
}

impl Globals {
    /// How answers are printed.
    pub fn format(&self) -> Format {
        self.output.unwrap_or_default()
    }

    /// Whether only the essential value is printed.
    pub fn is_quiet(&self) -> bool {
        self.quiet.unwrap_or_default()
    }

    /// Whether the command runs without the background daemon.
    pub fn is_private(&self) -> bool {
        self.no_daemon.unwrap_or_default()
    }
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document; streams print JSON lines.
    Json,
    /// A comment for a pull request; only plans have one.
    Markdown,
}

// Which backend to sign in to. (No doc comment: clap would show it as the help of each command that has these flags.)
#[derive(Debug, Clone, Default, Args)]
pub struct BackendArgs {
    /// Where tenants are kept: s3://BUCKET or local:PATH [env: DEPLOYER_BACKEND]
    #[arg(long, value_name = "ADDRESS")]
    pub backend: Option<String>,
    /// The S3 bucket; the same as --backend s3://BUCKET [env: DEPLOYER_BUCKET]
    #[arg(long, value_name = "BUCKET")]
    pub bucket: Option<String>,
    /// AWS region [env: DEPLOYER_REGION]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Profile in your AWS configuration [env: AWS_PROFILE]
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
}

impl BackendArgs {
    /// The backend's address from flags, else from variables.
    pub fn address(&self, surroundings: &Surroundings) -> Result<Option<String>, Report> {
        let flags = context::address(
            Given { value: self.backend.as_deref(), name: "--backend" },
            Given { value: self.bucket.as_deref(), name: "--bucket" },
        )?;
        match flags {
            Some(address) => Ok(Some(address)),
            None => Ok(surroundings.backend()?.map(|backend| backend.address)),
        }
    }

    /// The region from flags, else from the product's own variable.
    pub fn region(&self, surroundings: &Surroundings) -> Option<String> {
        self.region.clone().or_else(|| surroundings.value("DEPLOYER_REGION").map(str::to_owned))
    }

    /// The backend message for an address.
    pub fn message(&self, address: String, region: String) -> Backend {
        Backend { address, region, profile: self.profile.clone().unwrap_or_default(), role_arn: String::new() }
    }
}

// Which stack and environment.
#[derive(Debug, Clone, Default, Args)]
pub struct PlaceArgs {
    /// The stack's name; may be left out where a stack file says it
    #[arg(short, long, value_name = "STACK")]
    pub stack: Option<String>,
    /// The environment; may be left out where the stack has only one [env: DEPLOYER_ENVIRONMENT]
    #[arg(short, long, value_name = "ENVIRONMENT", visible_alias = "env")]
    pub environment: Option<String>,
    /// The stack file; otherwise the nearest stack.yaml upwards, S/stack.yaml or stacks/S/stack.yaml
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<String>,
}

impl PlaceArgs {
    /// The target message, before variables and selections.
    pub fn target(&self, surroundings: &Surroundings) -> StackTarget {
        let environment =
            self.environment.clone().or_else(|| surroundings.value("DEPLOYER_ENVIRONMENT").map(str::to_owned));
        StackTarget {
            stack: self.stack.clone().unwrap_or_default(),
            environment: environment.unwrap_or_default(),
            file: self.file.clone().unwrap_or_default(),
            ..StackTarget::default()
        }
    }
}

// Which run.
#[derive(Debug, Clone, Args)]
pub struct WhichRun {
    /// The run's id
    pub id: String,
    /// As an admin: the tenant whose run it is
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
}

impl WhichRun {
    /// Whose run it is and the mode that it takes to reach it.
    pub fn owner(&self) -> Owner {
        Owner(self.tenant.clone())
    }
}

/// Whose run is meant: the tenant's that is signed in, or for an admin the one that was named.
#[derive(Debug, Clone, Default)]
pub struct Owner(Option<String>);

impl Owner {
    /// The mode of calls about it.
    pub fn mode(&self) -> Mode {
        if self.0.is_some() { Mode::Admin } else { Mode::Tenant }
    }

    /// The tenant as it travels.
    pub fn tenant(&self) -> String {
        self.0.clone().unwrap_or_default()
    }
}

// Which part of a stack, with which variables.
#[derive(Debug, Clone, Default, Args)]
pub struct TargetArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only this service and what it depends on (can be repeated)
    #[arg(long, value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Only this component and what it depends on (can be repeated)
    #[arg(long, value_name = "SERVICE.COMPONENT")]
    pub component: Vec<String>,
    /// Set a variable (can be repeated)
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub var: Vec<(String, String)>,
    /// Read variables from a file (can be repeated; later ones win, --var wins over all)
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<String>,
}

impl TargetArgs {
    /// The target message.
    pub fn target(&self, surroundings: &Surroundings) -> StackTarget {
        StackTarget {
            services: self.service.clone(),
            components: self.component.clone(),
            variables: self.var.iter().cloned().collect(),
            variable_files: self.var_file.clone(),
            ..self.place.target(surroundings)
        }
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// Parses `90`, `45s`, `30m`, `1h30m` into seconds.
pub fn seconds(text: &str) -> Result<u32, String> {
    let wrong = || "write a duration such as 45s, 30m or 1h30m".to_owned();
    if let Ok(plain) = text.parse() {
        return Ok(plain);
    }
    let (mut total, mut digits) = (0_u32, String::new());
    for character in text.chars() {
        let unit = match character {
            '0'..='9' => {
                digits.push(character);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let number: u32 = std::mem::take(&mut digits).parse().map_err(|_| wrong())?;
        total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
    }
    if digits.is_empty() && !text.is_empty() { Ok(total) } else { Err(wrong()) }
}

/// Parses a moment in the past: `24h` and `7d` ago, a date, or a time.
pub fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let wrong = || "write 24h, 7d, 2024-01-15 or 2024-01-15T10:00:00Z".to_owned();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        return jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_err(|_| wrong());
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let ago = match days {
        Some(days) => u64::from(days) * 24 * 3600,
        None => u64::from(seconds(text).map_err(|_| wrong())?),
    };
    now.checked_sub(std::time::Duration::from_secs(ago)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
