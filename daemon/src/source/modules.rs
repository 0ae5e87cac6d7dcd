//! The Terraform modules of a stack: which local modules belong to them, and what can be said of them before anything
//! runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component as Part, Path, PathBuf};

use deployer_domain::error::Problem;
use deployer_domain::manifest::{Component, Definition, InputPattern, Manifest, TerraformDefinition};
use deployer_domain::nearest::did_you_mean;
use deployer_domain::terraform::{Module, Snapshot, is_module_file};
use deployer_domain::yaml::MAX_FILE_BYTES;

use super::read::{Opened, StackFiles, open_inside, read_whole};

/// How many directories the modules of one component may have.
const MOST: usize = 500;

/// What belongs to the modules of a stack besides the directories that the file names.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// The directories of local modules that modules call.
    pub called: Vec<InputPattern>,
    /// For each directory that the file names, the globs of those that it calls.
    calls: BTreeMap<String, Vec<String>>,
}

impl Modules {
    /// Reads the modules of a stack; what is wrong with them is told at once.
    pub fn of(files: &StackFiles, manifest: &Manifest) -> Result<Self, Vec<Problem>> {
        let (mut modules, mut problems) = (Self::default(), Vec::new());
        for component in &manifest.components {
            if let Definition::Terraform(definition) = &component.definition {
                problems.extend(modules.take(files, component, definition));
            }
        }
        if problems.is_empty() { Ok(modules) } else { Err(problems) }
    }

    /// Whether there is any.
    pub fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// The globs of what the module of a directory calls.
    pub fn called_by(&self, glob: &str) -> &[String] {
        self.calls.get(glob).map_or(&[], Vec::as_slice)
    }

    fn take(&mut self, files: &StackFiles, component: &Component, definition: &TerraformDefinition) -> Vec<Problem> {
        let written = &definition.source;
        let Some(own) = inside(Path::new(""), &written.glob) else { return Vec::new() };
        let mut problems = Vec::new();
        let (mut waiting, mut seen) = (vec![own.clone()], BTreeSet::new());
        while let Some(directory) = waiting.pop() {
            if !seen.insert(directory.clone()) || seen.len() > MOST {
                continue;
            }
            let read = Directory::read(files, &directory);
            if directory == own {
                problems.extend(read.check(files, component, definition, &directory));
            }
            for call in &read.module.calls {
                match inside(&directory, call) {
                    Some(called) => waiting.push(called),
                    None => {
                        let hint = "move it below the stack's directory, or name it by a registry or git address";
                        let message = format!(
                            "`source`: a module of {} calls {call}, which is outside of the stack's directory",
                            written.glob
                        );
                        problems.push(written.place.problem(message, Some(hint.to_owned())));
                    }
                }
            }
        }
        let called = seen.into_iter().filter(|directory| *directory != own);
        let called: Vec<String> = called.filter_map(|directory| Some(directory.to_str()?.to_owned())).collect();
        let pattern = |glob: &String| InputPattern { glob: glob.clone(), place: written.place.clone() };
        self.called.extend(called.iter().map(pattern));
        self.calls.insert(written.glob.clone(), called);
        problems
    }
}

/// What one directory holds.
#[derive(Default)]
struct Directory {
    there: bool,
    any: bool,
    module: Module,
    /// Whether a state with resources lies in it.
    local_state: bool,
}

impl Directory {
    fn read(files: &StackFiles, directory: &Path) -> Self {
        let Ok(entries) = std::fs::read_dir(files.directory.join(directory)) else { return Self::default() };
        let mut texts = BTreeMap::new();
        let mut local_state = false;
        for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
            if is_module_file(&name) {
                texts.extend(text(files, &directory.join(&name)).map(|text| (name.clone(), text)));
            } else if name == "terraform.tfstate" {
                let content = text(files, &directory.join(&name)).unwrap_or_default();
                local_state = !Snapshot::read(content.as_bytes()).addresses().is_empty();
            }
        }
        let module = Module::read(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        Self { there: true, any: !texts.is_empty(), module, local_state }
    }

    fn check(
        &self,
        files: &StackFiles,
        component: &Component,
        definition: &TerraformDefinition,
        directory: &Path,
    ) -> Vec<Problem> {
        let written = &definition.source;
        let mut problems = Vec::new();
        if self.there && !self.any {
            let message = format!("`source`: there is no Terraform file in {}", written.glob);
            problems.push(written.place.problem(message, None));
        }
        if let Some(own) = &self.module.backend {
            let above = files.main.name.strip_suffix(&files.name).unwrap_or_default();
            let file = format!("{above}{}", directory.join(&own.file).display());
            let message =
                format!("the module has `{}`, but deployer keeps its state itself, with the stack's", own.what);
            let hint = format!(
                "take the block out; to go on with an existing state, put it where `{}` keeps its own before the first \
                 apply (see the documentation on Terraform)",
                component.id
            );
            problems.push(Problem { file, line: own.line, column: own.column, message, hint: Some(hint) });
        }
        if self.local_state {
            let message = format!(
                "`source`: {} has a terraform.tfstate with resources, which would be made a second time",
                written.glob
            );
            let hint = "bring it into the stack's storage or destroy what it holds, then move the file away";
            problems.push(written.place.problem(message, Some(hint.to_owned())));
        }
        // A module that cannot be read whole may declare more.
        let declared = &self.module.variables;
        for name in definition.variables.keys().filter(|name| self.module.complete && !declared.contains_key(*name)) {
            if self.any {
                let hint = did_you_mean(name, declared.keys().map(String::as_str));
                let message = format!("`variables`: the module of `{}` declares no variable `{name}`", component.id);
                problems.push(component.place.problem(message, hint));
            }
        }
        problems
    }
}

fn text(files: &StackFiles, path: &Path) -> Option<String> {
    let Ok(Opened::File(file)) = open_inside(&files.directory, path) else { return None };
    let (bytes, _) = read_whole(file, MAX_FILE_BYTES).ok()?;
    String::from_utf8(bytes).ok()
}

/// A path below the stack's directory without `.` and `..`; nothing where it leads out.
fn inside(from: &Path, path: &str) -> Option<PathBuf> {
    let mut plain = from.to_owned();
    for part in Path::new(path).components() {
        match part {
            Part::Normal(name) => plain.push(name),
            Part::CurDir => {}
            Part::ParentDir if plain.pop() => {}
            _ => return None,
        }
    }
    Some(plain)
}
