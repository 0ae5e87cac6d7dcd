//! How long programs take, from their start to their end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The times of many runs of one program.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds a run.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The median; zero where nothing ran.
    pub fn median(&self) -> Duration {
        self.at(0.5)
    }

    /// The time that a part of all runs stayed below, such as 0.9.
    pub fn at(&self, part: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let index = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
        sorted.get(index).copied().unwrap_or_default()
    }

    /// How many times as long as `other` this takes, by the medians.
    pub fn ratio(&self, other: &Self) -> f64 {
        self.median().as_secs_f64() / other.median().as_secs_f64()
    }
}

/// A program that is measured.
pub struct Contender {
    command: Command,
    any_exit: bool,
    /// Its runs.
    pub times: Times,
}

impl Contender {
    /// A program that must succeed.
    pub fn new(command: Command) -> Self {
        Self { command, any_exit: false, times: Times::default() }
    }

    /// A program whose exit code says something else than success.
    pub fn with_any_exit(command: Command) -> Self {
        Self { any_exit: true, ..Self::new(command) }
    }

    /// Runs it once.
    pub fn run(&mut self) -> Outcome<()> {
        let time = time(&mut self.command, self.any_exit)?;
        self.times.add(time);
        Ok(())
    }
}

/// Runs all in turns, so that a busy moment of the machine meets all of them. The first turn does not count.
pub fn in_turns(contenders: &mut [&mut Contender], turns: usize) -> Outcome<()> {
    for turn in 0..=turns {
        for contender in contenders.iter_mut() {
            contender.run()?;
            if turn == 0 {
                contender.times = Times::default();
            }
        }
    }
    Ok(())
}

/// The time from a program's start to its end. Its output goes nowhere.
pub fn time(command: &mut Command, any_exit: bool) -> Outcome<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.spawn()?.wait()?;
    let time = begun.elapsed();
    if !status.success() && !any_exit {
        let said = command.stderr(Stdio::piped()).output()?;
        let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
        return Err(format!("{} ended with {status}: {said}", command.get_program().to_string_lossy()).into());
    }
    Ok(time)
}
