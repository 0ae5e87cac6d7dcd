//! A module's own copy for one operation, with a backend that is ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use deployer_domain::terraform::{Module, is_module_file};

/// The file that puts our backend in the place of the local one.
const OVERRIDE: &str = "deployer_override.tf.json";

/// Copies a module's directory and those of the local modules that it calls; answers what the module says of itself.
/// Blocks.
pub(super) fn copy(from: &Path, module: &Path, to: &Path) -> io::Result<Module> {
    let (mut waiting, mut done, mut own) = (vec![plain(module)], BTreeSet::new(), None);
    while let Some(directory) = waiting.pop() {
        if !done.insert(directory.clone()) {
            continue;
        }
        copy_all(&from.join(&directory), &to.join(&directory))?;
        let read = read(&from.join(&directory));
        waiting.extend(read.calls.iter().map(|call| plain(&directory.join(call))));
        own.get_or_insert(read);
    }
    fs::write(to.join(plain(module)).join(OVERRIDE), "{\"terraform\": {\"backend\": {\"http\": {}}}}\n")?;
    Ok(own.unwrap_or_default())
}

/// A path without `.` and `..`; one that would lead out ends at the top.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::Normal(name) => plain.push(name),
            _ => {}
        }
    }
    plain
}

/// What the files of a directory say; one that is not there says nothing.
fn read(directory: &Path) -> Module {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let text = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| is_module_file(name))?;
        Some((name, fs::read_to_string(entry.path()).ok()?))
    };
    let files: BTreeMap<String, String> = files.filter_map(text).collect();
    Module::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

/// Copies a directory with all that is below it. An unpacked source has only files and directories.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_all(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_module_and_what_it_calls_and_nothing_else() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |path: &str, text: &str| {
            let path = from.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("terraform/dns/main.tf", "module \"a\" {\n  source = \"../shared/a\"\n}\n");
        write("terraform/dns/files/zone.txt", "zone");
        write("terraform/shared/a/main.tf", "module \"b\" {\n  source = \"./b\"\n}\n");
        write("terraform/shared/a/b/main.tf", "");
        write("terraform/other/main.tf", "");
        let module = copy(from.path(), Path::new("./terraform/dns/"), to.path()).unwrap();
        assert_eq!(module.calls.len(), 1);
        for path in ["dns/main.tf", "dns/files/zone.txt", "shared/a/main.tf", "shared/a/b/main.tf"] {
            assert!(to.path().join("terraform").join(path).is_file(), "{path}");
        }
        assert!(to.path().join("terraform/dns").join(OVERRIDE).is_file());
        assert!(!to.path().join("terraform/other").exists());
    }
}
