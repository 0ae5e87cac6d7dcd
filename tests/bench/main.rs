//! `make bench`: how fast the product is, beside the floor and beside its peers, in one run on one machine.
//!
//! Rooms: [`measure`] (what takes how long), [`world`] (a home of its own for each product), [`floor`](the `floor`
//! program), [`latency`], [`memory`], [`scale`], [`tenants`], [`calls`], [`locks`] with [`burden`], [`engines`] and [`stacks`] (what is measured), [`peers`] and
//! [`lock_peers`] (programs to compare with),
//! [`report`] (how it is printed). What each figure means: `docs/bench.md`.
//!
//! **Invariant:** what is compared runs in turns in the same minutes, and a missed target is printed as missed.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod burden;
mod calls;
mod engines;
mod latency;
mod lock_peers;
mod locks;
mod measure;
mod memory;
mod peers;
mod report;
mod scale;
mod stacks;
mod tenants;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use report::{Report, Row};

/// Whatever went wrong, as people read it.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What can be asked for by name; everything without a name.
const SECTIONS: [&str; 8] = ["latency", "memory", "scale", "calls", "locks", "engines", "stacks", "tenants"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let Some((programs, wanted)) = words.split_first() else {
        println!("usage: speed DIRECTORY-OF-THE-PROGRAMS [{}]...", SECTIONS.join("|"));
        return ExitCode::from(64);
    };
    let programs = PathBuf::from(programs);
    let mut report = Report::begin();
    for section in SECTIONS.iter().filter(|section| wanted.is_empty() || wanted.iter().any(|word| word == *section)) {
        let done = match *section {
            "latency" => latency::measure(&programs, &mut report),
            "memory" => memory::measure(&programs, &mut report),
            "scale" => scale::measure(&programs, &mut report),
            "calls" => calls::measure(&programs, &mut report),
            "stacks" => stacks::measure(&programs, &mut report),
            "tenants" => tenants::measure(&programs, &mut report),
            "engines" => engines::measure(&programs, &mut report),
            _ => locks::measure(&programs, &mut report),
        };
        if let Err(error) = done {
            report.row(Row::failed(section, &error.to_string()));
        }
    }
    report.end();
    ExitCode::SUCCESS
}
