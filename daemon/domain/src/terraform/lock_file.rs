//! What became of a module's `.terraform.lock.hcl` when its providers were installed.

use std::collections::BTreeMap;

use hcl_edit::structure::Body;

/// The providers whose lines differ, such as `registry.terraform.io/hashicorp/null 3.2.4`. Another set of checksums
/// counts as a difference, an order of lines does not.
pub fn provider_changes(before: &str, after: &str) -> Vec<String> {
    if before == after {
        return Vec::new();
    }
    let (before, after) = (providers(before), providers(after));
    let changed = after.into_iter().filter(|(name, provider)| before.get(name) != Some(provider));
    changed.map(|(name, provider)| format!("{name} {}", provider.version)).collect()
}

#[derive(PartialEq, Eq)]
struct Provider {
    version: String,
    hashes: Vec<String>,
}

fn providers(text: &str) -> BTreeMap<String, Provider> {
    let Ok(body) = text.parse::<Body>() else { return BTreeMap::new() };
    let provider = |block: &hcl_edit::structure::Block| {
        let version = block.body.get_attribute("version").and_then(|version| version.value.as_str());
        let hashes = block.body.get_attribute("hashes").and_then(|hashes| hashes.value.as_array());
        let hashes = hashes.into_iter().flat_map(|hashes| hashes.iter()).filter_map(|hash| hash.as_str());
        let mut hashes: Vec<String> = hashes.map(str::to_owned).collect();
        hashes.sort();
        let name = block.labels.first()?.as_str().to_owned();
        Some((name, Provider { version: version.unwrap_or_default().to_owned(), hashes }))
    };
    body.get_blocks("provider").filter_map(provider).collect()
}
