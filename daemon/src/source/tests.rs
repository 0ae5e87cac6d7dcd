use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use deployer_domain::error::{Error, Reason};
use deployer_domain::manifest::Manifest;
use deployer_domain::source::{MAX_SOURCE_BYTES, SourceHash};
use tempfile::TempDir;

use super::*;

/// A stack's directory.
struct Stack {
    outside: TempDir,
    root: PathBuf,
}

impl Stack {
    /// One command component with these `inputs:`, and these files with their own path as content.
    fn new(inputs: &str, files: &[&str]) -> Self {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("stack");
        let stack = Self { outside, root };
        let text = format!(
            "apiVersion: deployer/v1\nkind: Stack\nname: s\nenvironments: {{dev: {{}}}}\n\
             services: {{a: {{components: {{c: {{type: command, apply: x, inputs: {inputs}}}}}}}}}\n"
        );
        stack.write("stack.yaml", text.as_bytes());
        files.iter().for_each(|file| stack.write(file, file.as_bytes()));
        stack
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn files(&self) -> StackFiles {
        read_stack(&self.root.join("stack.yaml"), &self.root).unwrap()
    }

    fn try_gather(&self) -> Result<Source, Error> {
        let files = self.files();
        let manifest = Manifest::read(&files.main, &files.services)?;
        gather(&files, &manifest, Keep::Archive)
    }

    fn gather(&self) -> Source {
        self.try_gather().unwrap_or_else(|error| panic!("{error} {:?}", error.problems))
    }

    fn refused(&self) -> String {
        let error = self.try_gather().unwrap_err();
        error.problems.first().map_or(error.message.clone(), ToString::to_string)
    }
}

/// The files that an archive holds.
fn listing(archive: &[u8]) -> Vec<String> {
    let mut tar = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    let path = |entry: std::io::Result<tar::Entry<'_, _>>| entry.unwrap().path().unwrap().display().to_string();
    tar.entries().unwrap().map(path).collect()
}

fn names(source: &Source) -> String {
    let names = listing(source.archive.as_ref().unwrap());
    assert_eq!(names[0], ".deployer/source.json");
    names[1..].join(" ")
}

#[test]
fn what_inputs_name_is_gathered_and_nothing_else() {
    let files = ["m/1.sql", "m/deep/2.sql", "m/note.txt", "run.sh", "other.sh", "lib/a/x.py", ".env", "data/d"];
    let stack = Stack::new("['m/**/*.sql', ./run.sh, 'lib/*/*.py', .env, data/]", &files);
    stack.write("services/b.yaml", b"components: {}\n");
    let want = ".env data/d lib/a/x.py m/1.sql m/deep/2.sql run.sh services/b.yaml stack.yaml";
    assert_eq!(names(&stack.gather()), want);
    assert_eq!(names(&Stack::new("['**']", &["a", "b/c"]).gather()), "a b/c stack.yaml");
    assert_eq!(names(&Stack::new("[]", &["a"]).gather()), "stack.yaml");
}

#[test]
fn ignored_files_are_left_out_and_one_that_is_named_is_a_mistake() {
    let stack = Stack::new("['**']", &["a", "b.log", "keep.log", "node_modules/x", "secret"]);
    stack.write(".gitignore", b"*.log\nnode_modules/\n");
    stack.write(".deployerignore", b"secret\n!keep.log\n.gitignore\n.deployerignore\n");
    stack.write(".git/config", b"x");
    assert_eq!(names(&stack.gather()), "a keep.log stack.yaml");
    let stack = Stack::new("[b.log]", &["b.log"]);
    stack.write(".gitignore", b"*.log\n");
    assert!(stack.refused().contains("b.log is ignored by .gitignore or .deployerignore"), "{}", stack.refused());
}

#[test]
fn rules_above_the_stack_count_within_one_repository_only() {
    let stack = Stack::new("['**']", &["a", "b.log"]);
    fs::write(stack.outside.path().join(".gitignore"), "*.log\n").unwrap();
    assert_eq!(names(&stack.gather()), "a b.log stack.yaml");
    fs::create_dir(stack.outside.path().join(".git")).unwrap();
    assert_eq!(names(&stack.gather()), "a stack.yaml");
}

#[test]
fn a_path_that_is_not_there_is_a_mistake_and_an_empty_glob_is_told() {
    let stack = Stack::new("[migrate.sh]", &[]);
    assert_eq!(stack.refused(), "stack.yaml:5:67: `inputs`: there is no migrate.sh");
    let stack = Stack::new("['m/**']", &[]);
    assert_eq!(stack.gather().warnings, ["`inputs: m/**` names no file"]);
}

#[test]
fn links_that_leave_the_directory_are_refused_and_others_followed() {
    let stack = Stack::new("['in/**']", &["in/a", "real"]);
    symlink("../real", stack.root.join("in/link")).unwrap();
    symlink("..", stack.root.join("in/loop")).unwrap();
    let source = stack.gather();
    assert_eq!(names(&source), "in/a in/link stack.yaml");
    assert!(source.warnings[0].starts_with("in/loop is a symbolic link to a directory"), "{:?}", source.warnings);
    fs::write(stack.outside.path().join("secret"), "s").unwrap();
    symlink("../../secret", stack.root.join("in/out")).unwrap();
    assert!(stack.refused().contains("in/out: the symbolic link leads out of the stack's directory"));
    fs::remove_file(stack.root.join("in/out")).unwrap();
    symlink("nowhere", stack.root.join("in/broken")).unwrap();
    assert!(stack.refused().contains("in/broken: the symbolic link leads nowhere"));
    fs::remove_file(stack.root.join("in/broken")).unwrap();
    symlink("/etc", stack.root.join("in/etc")).unwrap();
    assert!(stack.refused().contains("in/etc: the symbolic link leads out"));
}

#[test]
fn a_stack_file_that_is_a_link_out_or_no_file_is_refused() {
    let stack = Stack::new("[]", &[]);
    let elsewhere = stack.outside.path().join("elsewhere.yaml");
    fs::rename(stack.root.join("stack.yaml"), &elsewhere).unwrap();
    symlink(&elsewhere, stack.root.join("stack.yaml")).unwrap();
    let read = || read_stack(&stack.root.join("stack.yaml"), &stack.root).unwrap_err().to_string();
    assert!(read().contains("a symbolic link out of the stack's directory"), "{}", read());
    fs::remove_file(stack.root.join("stack.yaml")).unwrap();
    fifo(&stack.root.join("stack.yaml"));
    assert!(read().contains("no regular file"), "{}", read());
    assert!(read_file(&stack.root.join("stack.yaml"), "f").is_err());
    assert!(read_file(Path::new("/dev/zero"), "f").is_err());
    assert!(read_file(&stack.root, "f").is_err());
}

fn fifo(path: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn fifos_are_passed_over() {
    let stack = Stack::new("['d/**']", &["d/a"]);
    fifo(&stack.root.join("d/pipe"));
    assert_eq!(names(&stack.gather()), "d/a stack.yaml");
}

#[test]
fn a_file_of_100_mb_is_refused_before_it_is_read() {
    let stack = Stack::new("[]", &[]);
    let file = fs::File::create(stack.root.join("stack.yaml")).unwrap();
    file.set_len(100 << 20).unwrap();
    let error = read_stack(&stack.root.join("stack.yaml"), &stack.root).unwrap_err();
    assert_eq!(error.reason, Reason::ManifestInvalid);
    assert!(error.problems[0].to_string().contains("has 104857600 bytes; at most 1048576 are read"));
}

#[test]
fn more_than_fits_is_refused_with_the_way_out() {
    let stack = Stack::new("['**']", &["small"]);
    fs::File::create(stack.root.join("big")).unwrap().set_len(MAX_SOURCE_BYTES + 1).unwrap();
    let error = stack.try_gather().unwrap_err();
    assert_eq!(error.message, "the stack's files and `inputs:` have more than 50 MB");
    assert_eq!(error.facts[0].1, "big");
    assert!(error.hints[0].contains(".deployerignore"));
}

#[test]
fn the_same_files_make_the_same_bytes_and_any_difference_another_hash() {
    let make = || {
        let stack = Stack::new("['m/**']", &["m/1", "m/2"]);
        fs::set_permissions(stack.root.join("m/1"), fs::Permissions::from_mode(0o700)).unwrap();
        stack
    };
    let (one, two) = (make(), make());
    let (first, second) = (one.gather(), two.gather());
    assert_eq!((first.hash, &first.archive, &first.inputs), (second.hash, &second.archive, &second.inputs));
    let files = one.files();
    let manifest = Manifest::read(&files.main, &[]).unwrap();
    let hashed = gather(&files, &manifest, Keep::Hash).unwrap();
    assert_eq!((hashed.hash, hashed.archive), (first.hash, None));
    two.write("m/2", b"other");
    assert_ne!(two.gather().hash, first.hash);
    assert_ne!(two.gather().inputs, first.inputs);
    fs::set_permissions(one.root.join("m/1"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_ne!(one.gather().hash, first.hash);
}

#[test]
fn a_source_is_unpacked_as_it_was_and_gathers_to_the_same_hash() {
    let deep = format!("m/{}/file.sql", "long".repeat(40));
    let stack = Stack::new("['m/**', run.sh]", &["m/1", &deep, "run.sh"]);
    fs::set_permissions(stack.root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    stack.write("m/.gitignore", b"none\n");
    stack.write("services/b.yaml", b"components: {}\n");
    let source = stack.gather();
    let into = tempfile::tempdir().unwrap();
    let files = unpack(source.archive.as_ref().unwrap(), &source.hash, into.path()).unwrap();
    assert_eq!(fs::read(into.path().join(&deep)).unwrap(), deep.as_bytes());
    assert_eq!(fs::metadata(into.path().join("run.sh")).unwrap().permissions().mode() & 0o111, 0o111);
    assert_eq!((files.main.text.clone(), files.services.len()), (stack.files().main.text, 1));
    let manifest = Manifest::read(&files.main, &files.services).unwrap();
    let again = gather(&files, &manifest, Keep::Hash).unwrap();
    assert_eq!((again.hash, again.inputs), (source.hash, source.inputs));
}

/// An archive with one entry after the proper first one.
fn forged(path: &[u8], kind: tar::EntryType, link: Option<&str>) -> (Vec<u8>, SourceHash) {
    use sha2::Digest;
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |path: &[u8], kind: tar::EntryType, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if let Some(link) = link {
            header.set_link_name(link).unwrap();
        }
        header.set_cksum();
        tar.append(&header, content).unwrap();
    };
    add(b".deployer/source.json", tar::EntryType::Regular, br#"{"formatVersion":1,"main":"stack.yaml"}"#);
    add(path, kind, if kind == tar::EntryType::Regular { b"x" } else { b"" });
    let bytes = tar.into_inner().unwrap();
    (zstd::encode_all(&bytes[..], 3).unwrap(), SourceHash(sha2::Sha256::digest(&bytes).into()))
}

#[test]
fn nothing_is_ever_unpacked_outside_the_directory() {
    for (path, kind, link) in [
        (&b"../evil"[..], tar::EntryType::Regular, None),
        (b"a/../../evil", tar::EntryType::Regular, None),
        (b"/tmp/deployer-evil", tar::EntryType::Regular, None),
        (b"link", tar::EntryType::Symlink, Some("/etc")),
        (b"hard", tar::EntryType::Link, Some("/etc/passwd")),
        (b"pipe", tar::EntryType::Fifo, None),
        (b"dev", tar::EntryType::Char, None),
    ] {
        let into = tempfile::tempdir().unwrap();
        let root = into.path().join("root");
        fs::create_dir(&root).unwrap();
        let (archive, hash) = forged(path, kind, link);
        let error = unpack(&archive, &hash, &root).unwrap_err();
        assert!(error.causes[0].contains("something else than files"), "{:?}", error.causes);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 1);
    }
    assert!(!Path::new("/tmp/deployer-evil").exists());
}

#[test]
fn a_damaged_or_exploding_archive_is_refused() {
    let stack = Stack::new("[]", &[]);
    let source = stack.gather();
    let archive = source.archive.unwrap();
    let refuse = |archive: &[u8], hash: &SourceHash| {
        let into = tempfile::tempdir().unwrap();
        unpack(archive, hash, into.path()).unwrap_err().causes.join(" ")
    };
    assert_eq!(refuse(&archive, &SourceHash([0; 32])), "its content is not what its name says");
    assert!(!refuse(&archive[..archive.len() / 2], &source.hash).is_empty());
    assert!(!refuse(b"hello", &source.hash).is_empty());
    assert!(!refuse(b"", &source.hash).is_empty());
    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(0), 200 << 20), 1).unwrap();
    assert!(!refuse(&bomb, &source.hash).is_empty());
}

#[test]
fn the_stack_file_is_the_named_one_else_the_nearest_upwards_else_below() {
    let stack = Stack::new("[]", &["deep/er/x", "stacks/other/stack.yaml", "third/stack.yaml"]);
    let name = |text: &str| text.parse().unwrap();
    let find = |cwd: &str, file: Option<&str>, stack_name: Option<&str>| {
        let stack_name = stack_name.map(name);
        let cwd = stack.root.join(cwd);
        let wanted = Wanted { cwd: &cwd, file: file.map(Path::new), stack: stack_name.as_ref() };
        locate(&wanted).map(|path| path.strip_prefix(stack.outside.path()).unwrap().display().to_string())
    };
    assert_eq!(find("deep/er", None, None).unwrap(), "stack/stack.yaml");
    assert_eq!(find("stacks/other", None, None).unwrap(), "stack/stacks/other/stack.yaml");
    assert_eq!(find("deep", Some("../third"), None).unwrap(), "stack/deep/../third/stack.yaml");
    fs::remove_file(stack.root.join("stack.yaml")).unwrap();
    assert_eq!(find("", None, Some("other")).unwrap(), "stack/stacks/other/stack.yaml");
    assert_eq!(find("", None, Some("third")).unwrap(), "stack/third/stack.yaml");
    let error = find("", None, Some("fourth")).unwrap_err();
    assert_eq!(error.reason, Reason::NotFound);
    assert!(error.hints[1].contains("deployer stack init fourth"));
    assert_eq!(find("", Some("nowhere.yaml"), None).unwrap_err().reason, Reason::NotFound);
}

#[test]
fn a_file_of_another_stack_is_refused() {
    let stack = Stack::new("[]", &[]);
    let manifest = Manifest::read(&stack.files().main, &[]).unwrap();
    let (same, other) = ("s".parse().unwrap(), "other".parse().unwrap());
    assert!(check_name(&manifest, Path::new("stack.yaml"), None).is_ok());
    assert!(check_name(&manifest, Path::new("stack.yaml"), Some(&same)).is_ok());
    let error = check_name(&manifest, Path::new("stack.yaml"), Some(&other)).unwrap_err();
    assert_eq!(error.message, "stack.yaml describes the stack `s`, not `other`");
}

#[test]
fn files_are_called_as_seen_from_where_the_person_is() {
    let stack = Stack::new("[]", &[]);
    stack.write("services/b.yaml", b"components: {}\n");
    let seen = |cwd: &Path| {
        let files = read_stack(&stack.root.join("stack.yaml"), cwd).unwrap();
        (files.main.name, files.services[0].name.clone())
    };
    assert_eq!(seen(&stack.root), ("stack.yaml".to_owned(), "services/b.yaml".to_owned()));
    let above = seen(stack.outside.path());
    assert_eq!(above, ("stack/stack.yaml".to_owned(), "stack/services/b.yaml".to_owned()));
    assert!(seen(Path::new("/usr")).0.starts_with('/'));
}
