//! How the figures are printed.

use std::time::{Duration, Instant};

use crate::measure::Times;

/// Whether a target was reached.
enum Verdict {
    Met,
    Missed,
    Skipped,
    Failed,
    /// There is no target.
    Known,
}

/// One figure.
pub struct Row {
    what: String,
    value: String,
    against: String,
    verdict: Verdict,
}

impl Row {
    /// A figure without a target.
    pub fn known(what: &str, value: impl Into<String>, against: &str) -> Self {
        Self { what: what.to_owned(), value: value.into(), against: against.to_owned(), verdict: Verdict::Known }
    }

    /// A figure with a target.
    pub fn judged(what: &str, value: impl Into<String>, against: &str, met: bool) -> Self {
        let verdict = if met { Verdict::Met } else { Verdict::Missed };
        Self { verdict, ..Self::known(what, value, against) }
    }

    /// A figure that may be at most so many times another one.
    pub fn ratio(what: &str, times: &Times, other: (&str, &Times), at_most: f64) -> Self {
        let ratio = times.ratio(other.1);
        let against = format!("{ratio:.2} x {}, target at most {at_most:.1} x", other.0);
        Self::judged(what, spread(times), &against, ratio <= at_most)
    }

    /// A figure that must be below another one.
    pub fn faster(what: &str, times: &Times, other: (&str, &Times)) -> Self {
        let against = format!("{:.2} x {}, target: faster", times.ratio(other.1), other.0);
        Self::judged(what, spread(times), &against, times.median() < other.1.median())
    }

    /// A figure that may be at most so long.
    pub fn within(what: &str, times: &Times, at_most: Duration) -> Self {
        let against = format!("target at most {}", short(at_most));
        Self::judged(what, spread(times), &against, times.median() <= at_most)
    }

    /// A figure that could not be had here.
    pub fn skipped(what: &str, why: &str) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::known(what, "", why) }
    }

    /// A figure that something went wrong with.
    pub fn failed(what: &str, why: &str) -> Self {
        Self { verdict: Verdict::Failed, ..Self::known(what, "", why) }
    }
}

/// The median, and between what nine of ten runs with the shortest and the longest left out lie.
pub fn spread(times: &Times) -> String {
    format!("{} ({} to {})", short(times.median()), short(times.at(0.1)), short(times.at(0.9)))
}

/// A time with three digits that matter.
pub fn short(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match milliseconds {
        value if value < 10.0 => format!("{value:.2} ms"),
        value if value < 1000.0 => format!("{value:.0} ms"),
        value => format!("{:.2} s", value / 1000.0),
    }
}

/// All that is printed.
pub struct Report {
    begun: Instant,
    missed: Vec<String>,
    incomplete: Vec<String>,
}

impl Report {
    /// Prints on what machine this is.
    pub fn begin() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        println!("{cpus} CPUs, load {load}; medians of runs in turns, with the 10th to 90th percentile\n");
        Self { begun: Instant::now(), missed: Vec::new(), incomplete: Vec::new() }
    }

    /// Prints a heading.
    pub fn heading(&mut self, text: &str) {
        println!("\n{text}");
    }

    /// Prints a line as it is.
    pub fn line(&mut self, text: &str) {
        println!("  {text}");
    }

    /// Prints a figure.
    pub fn row(&mut self, row: Row) {
        let (mark, list) = match row.verdict {
            Verdict::Met => ("ok     ", None),
            Verdict::Known => ("       ", None),
            Verdict::Missed => ("MISSED ", Some(&mut self.missed)),
            Verdict::Failed => ("FAILED ", Some(&mut self.missed)),
            Verdict::Skipped => ("skipped", Some(&mut self.incomplete)),
        };
        println!("  {mark} {:<58} {:<32} {}", row.what, row.value, row.against);
        if let Some(list) = list {
            list.push(row.what);
        }
    }

    /// Prints what was missed.
    pub fn end(self) {
        println!("\nDone in {}.", short(self.begun.elapsed()));
        if !self.incomplete.is_empty() {
            println!("Not measured: {}.", self.incomplete.join("; "));
        }
        match self.missed.is_empty() {
            true => println!("All targets that were measured are reached."),
            false => println!("Targets missed: {}.", self.missed.join("; ")),
        }
    }
}
