//! What the types cannot say about the entries of a registry.

use std::collections::BTreeSet;

use super::read::at;
use crate::credential::SecretHash;
use crate::error::Problem;
use crate::tenant::{Tenant, refuse_reserved};

/// Everything that is wrong with the entries, with the lines of their ids.
pub(super) fn tenants<'a>(tenants: impl Iterator<Item = &'a Tenant>, text: &str, file: &str) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for tenant in tenants {
        let second = !seen.insert(&tenant.id);
        for wrong in second.then(|| "its id is there twice".to_owned()).into_iter().chain(entry(tenant)) {
            let (line, column) = place_of(tenant.id.as_str(), usize::from(second), text);
            problems.push(at(file, line, column, format!("tenant {}: {wrong}", tenant.id)));
        }
    }
    problems
}

fn entry(tenant: &Tenant) -> Vec<String> {
    let mut wrong = Vec::new();
    let (id, storage) = (&tenant.id, &tenant.storage);
    if refuse_reserved(id).is_err() {
        wrong.push("this id is reserved".to_owned());
    }
    let prefix = format!("tenants/{id}");
    if storage.prefix.trim_end_matches('/') != prefix {
        wrong.push(format!("storage.prefix must be {prefix}"));
    }
    let path = tenant.space().path();
    if storage.path.trim_end_matches('/') != path {
        wrong.push(format!("storage.path must be {path}"));
    }
    let locks = format!("tenant:{id}");
    if tenant.locks.as_ref().is_some_and(|given| given.prefix.trim_end_matches(':') != locks) {
        wrong.push(format!("locks.prefix must be {locks}"));
    }
    if tenant.credentials.algorithm != "bcrypt" {
        wrong.push("credentials.algorithm must be bcrypt".to_owned());
    } else if let Err(why) = SecretHash::new(&tenant.credentials.hash) {
        wrong.push(format!("credentials.hash {why}"));
    }
    wrong
}

/// Line and column of the n-th entry with an id; 0 where it is written in a way that this does not see.
fn place_of(id: &str, nth: usize, text: &str) -> (usize, usize) {
    let is_it = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ").trim_start();
        let value = line.strip_prefix("id:").map(|rest| rest.split('#').next().unwrap_or(rest));
        value.is_some_and(|value| value.trim().trim_matches(['"', '\'']) == id)
    };
    let found = text.lines().enumerate().filter(|(_, line)| is_it(line)).nth(nth);
    found.map_or((0, 0), |(at, line)| (at + 1, line.find("id:").map_or(0, |bytes| line[..bytes].chars().count() + 1)))
}
