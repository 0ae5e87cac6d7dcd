//! What can be typed, and what it means.

use super::*;

#[test]
fn the_arguments_make_sense_to_clap() {
    Cli::command().debug_assert();
}

#[test]
fn each_command_s_help_says_what_its_list_says() {
    fn walk(listed: &clap::Command, built: &clap::Command) {
        for command in listed.get_subcommands() {
            let about = |command: &clap::Command| command.get_about().map(ToString::to_string);
            let own = built.find_subcommand(command.get_name()).unwrap();
            assert!(about(command).is_some());
            assert_eq!(about(command), about(own), "{}", command.get_name());
            walk(command, own);
        }
    }
    let mut built = Cli::command();
    built.build();
    walk(&Cli::command(), &built);
}

#[test]
fn moments_in_the_past_are_understood() {
    let now: Timestamp = "2024-01-20T12:00:00Z".parse().unwrap();
    for (text, moment) in [
        ("24h", "2024-01-19T12:00:00Z"),
        ("7d", "2024-01-13T12:00:00Z"),
        ("2024-01-15", "2024-01-15T00:00:00Z"),
        ("2024-01-15T10:00:00Z", "2024-01-15T10:00:00Z"),
    ] {
        assert_eq!(since(text, now).map(|moment| moment.to_string()), Ok(moment.to_owned()), "{text}");
    }
    for wrong in ["", "yesterday", "d", "2024-13-01"] {
        assert!(since(wrong, now).is_err(), "{wrong}");
    }
}

#[test]
fn durations_are_understood() {
    assert_eq!(seconds("90"), Ok(90));
    assert_eq!(seconds("30m"), Ok(1800));
    assert_eq!(seconds("1h30m5s"), Ok(5405));
    for wrong in ["", "m", "5x", "1h5", "99999999h", "-1s"] {
        assert!(seconds(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn no_secret_can_be_an_argument() {
    fn walk(command: &clap::Command) {
        for argument in command.get_arguments() {
            let name = argument.get_long().unwrap_or_default();
            let takes_value = argument.get_action().takes_values();
            assert!(!(takes_value && ["secret", "password"].contains(&name)), "{} --{name}", command.get_name());
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Cli::command());
}

#[test]
fn a_right_call_means_the_same_with_its_own_command_described_alone() {
    for line in [
        "context list",
        "-q context list",
        "context --no-input use a@b -q",
        "apply --stack s -e dev -o json --yes --var A=1 --var B=2",
        "tenant init web-team --max-stacks 3",
        "lock run --stack s -- sh -c true -o json",
    ] {
        let words = words(line);
        let told = format!("{:?}", Cli::told(&words).unwrap());
        let right = Cli::right(&words);
        assert_eq!(right.is_some(), !line.starts_with('-'), "{line}");
        assert!(right.is_none_or(|right| format!("{right:?}") == told), "{line}");
    }
    for line in ["", "contexts list", "context", "context list --nonsense", "apply --help", "help apply", "--version"] {
        assert!(Cli::right(&words(line)).is_none() && Cli::told(&words(line)).is_err(), "{line}");
    }
}

fn words(line: &str) -> Vec<OsString> {
    ["deployer"].into_iter().chain(line.split_whitespace()).map(OsString::from).collect()
}
