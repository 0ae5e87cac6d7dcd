//! Every command of the documentation is one that the program has, and a test runs it, or it is said why not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use harness::guide::{commands, commands_of};
use harness::programs;

/// The pages whose blocks of commands are followed as they stand there, by `guides.rs` and, of README.md, by `readme.rs`.
const FOLLOWED: [&str; 4] =
    ["docs/GETTING_STARTED_GUIDE.md", "docs/OPERATIONS.md", "docs/PLATFORM_ADMIN_GUIDE.md", "docs/SECURITY.md"];
const README: [&str; 2] = ["The main job, on your machine", "The main job, on AWS"];

const PROVIDER: &str =
    "takes the AWS provider, which cannot be had here; infrastructure.rs evaluates and compares the module";
const AWS_CLI: &str =
    "takes the AWS CLI, which the tests do not have; that a secret without a key asks for no code has a test";
const BENCH: &str = "`make bench` runs it";
const ENGINE: &str = "the engine runs it; terraform.rs";
const INSTALLED: &str = "tests/setup installs it, pinned; interop.rs uses it";

/// What no test runs as it stands there: why not, or where it is run.
const OTHERWISE: [(&str, &str); 26] = [
    ("cd infrastructure/terraform", PROVIDER),
    ("terraform init", PROVIDER),
    (
        "terraform apply -var=\"bucket_name=company-deployer-state\" -var=\"table_name=company-deployer-locks\"",
        PROVIDER,
    ),
    ("deployer admin bootstrap --backend s3://company-deployer-state", "infrastructure.rs, after the template"),
    ("deployer lock unlock --stack hello --environment development --reason \"laptop stolen\"", "lock.rs"),
    (
        "grpcurl -plaintext -unix -authority localhost \"$HOME/.local/state/deployer/deployerd.sock\" list",
        "a program that the tests do not have; interop.rs asks the same in Python and Node",
    ),
    ("curl -sSL https://deployer.io/install.sh | sh", "install.rs, from a server of files"),
    (
        "systemctl --user enable --now deployerd.socket",
        "needs systemd's manager; packaging.rs verifies the units and starts the daemon by its socket",
    ),
    ("loginctl enable-linger", "needs a login manager; the finding that names it has a test"),
    ("man deployer-apply", "packaging.rs reads the pages that are installed"),
    ("aws ecs execute-command", "needs a running task with an agent, which the local AWS has not"),
    (
        "deployer tenant upgrade payments-team --abort",
        "takes an upgrade that was cut off; the daemon's own tests give one up after every write",
    ),
    (
        "aws secretsmanager get-secret-value --secret-id /deployer/admin-credentials --query SecretString --output text > secret.json",
        AWS_CLI,
    ),
    (
        "aws secretsmanager put-secret-value --secret-id /deployer/admin-credentials --secret-string file://without.json",
        AWS_CLI,
    ),
    ("terraform state pull > x", "terraform_taken_over.rs"),
    ("aws s3 cp x s3://BUCKET/tenants/…/terraform/SERVICE.COMPONENT.tfstate", "terraform_taken_over.rs"),
    ("terraform plan", ENGINE),
    ("terraform plan -refresh-only", ENGINE),
    ("terraform apply", ENGINE),
    ("terraform apply -destroy", ENGINE),
    ("terraform init && terraform apply -auto-approve", BENCH),
    ("aws cloudformation deploy", BENCH),
    ("cargo install --locked pueue rbw", BENCH),
    ("code --install-extension", "tests/editors installs the extension"),
    ("pip install grpcio grpcio-tools grpcio-status", INSTALLED),
    ("npm install @grpc/grpc-js @grpc/proto-loader protobufjs", INSTALLED),
];

/// Programs that pages may name besides our own.
const PROGRAMS: [&str; 22] = [
    "apt",
    "apt-get",
    "aws",
    "brew",
    "cargo",
    "code",
    "curl",
    "dpkg",
    "gh",
    "git",
    "grpcurl",
    "launchctl",
    "loginctl",
    "man",
    "npm",
    "pip",
    "rpm",
    "sh",
    "systemctl",
    "terraform",
    "timedatectl",
    "tofu",
];

fn read(page: &Path) -> String {
    std::fs::read_to_string(page).unwrap()
}

/// Everything that people read, less what is made from the programs' own help.
fn pages() -> Vec<PathBuf> {
    let root = programs::root();
    let docs = root.join("docs").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|kind| kind == "md") && !path.ends_with("COMMANDS.md"));
    let others = ["README.md", "infrastructure/README.md", "packaging/README.md", "proto/README.md"];
    let editors = ["editors/nvim/README.md", "editors/vscode/README.md"];
    docs.chain(others.into_iter().chain(editors).map(|page| root.join(page))).collect()
}

/// What a page names as a command of the program, in a sentence or on a line of its own.
fn named(text: &str) -> Vec<String> {
    let lines =
        text.lines().map(|line| line.trim().trim_start_matches("- ")).filter(|line| line.starts_with("deployer "));
    let inline = text.split("`deployer ").skip(1).map(|after| after.split('`').next().unwrap());
    let inline = inline.map(|words| format!("deployer {}", words.replace('\n', " ")));
    lines.map(str::to_owned).chain(inline).collect()
}

/// What keeps a command from being one that the program has, if anything does; by what its help says.
fn fault(command: &str, help: &BTreeMap<String, String>) -> Option<String> {
    let own = command.split(['#', '|', '>', '&']).next().unwrap().split(" -- ").next().unwrap();
    let words: Vec<&str> = own.split_whitespace().collect();
    let name =
        (1..=words.len().min(3)).rev().map(|count| words[..count].join(" ")).find(|name| help.contains_key(name))?;
    let about = &help[&name];
    if about.lines().any(|line| line.starts_with("Usage: ") && line.ends_with(" <COMMAND>")) {
        return Some(format!("`{command}`: there is no such command"));
    }
    let flags = words.iter().filter(|word| word.starts_with("--")).map(|flag| flag.split('=').next().unwrap());
    let known = |flag: &&str| {
        [about, &help["deployer"]].iter().any(|text| text.split([' ', ',', '\n']).any(|word| word == *flag))
    };
    let unknown: Vec<&str> = flags.filter(|flag| !known(flag)).collect();
    (!unknown.is_empty()).then(|| format!("`{command}`: there is no {}", unknown.join(", ")))
}

#[test]
fn every_command_that_a_page_names_is_one_that_the_program_has() {
    // Another test keeps this page what `--help` says.
    let help = read(&programs::root().join("docs/COMMANDS.md"));
    let sections = help.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap());
    let help = sections.map(|(name, about)| (name.to_owned(), about.to_owned())).collect();
    let commands: Vec<String> = pages().iter().flat_map(|page| named(&read(page))).collect();
    assert!(commands.len() > 100, "{commands:#?}");
    let faults: Vec<String> = commands.iter().filter_map(|command| fault(command, &help)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let invented = ["deployer lock take --stack a", "deployer plan --colour", "deployer unheard-of"];
    assert!(invented.iter().all(|command| fault(command, &help).is_some()), "the check sees nothing");
}

/// What stands in a sentence as a thing to type or to read.
fn spans(text: &str) -> Vec<String> {
    let plain = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    plain.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect()
}

/// The commands of other programs in the sentences of a page.
fn of_others(text: &str) -> impl Iterator<Item = String> {
    let is_command = |span: &String| span.split_once(' ').is_some_and(|(program, _)| PROGRAMS.contains(&program));
    spans(text).into_iter().filter(is_command)
}

/// What stands in blocks of text, beside the blocks of commands.
fn in_blocks_of_text(text: &str) -> impl Iterator<Item = String> {
    let blocks =
        text.split("```").skip(1).step_by(2).filter(|block| block.starts_with("text\n") || block.starts_with('\n'));
    let lines: Vec<String> = blocks.flat_map(str::lines).map(|line| line.trim().to_owned()).collect();
    lines.into_iter().filter(|line| {
        let program = line.split(' ').next().unwrap_or_default();
        program == "deployer" || PROGRAMS.contains(&program)
    })
}

/// The commands of a page that no test follows.
fn not_followed(page: &Path) -> Vec<String> {
    let name = page.strip_prefix(programs::root()).unwrap().to_str().unwrap().to_owned();
    let text = read(page);
    let followed = match &*name {
        "README.md" => README.iter().flat_map(|section| commands_of(&name, section)).collect(),
        name if FOLLOWED.contains(&name) => commands(name),
        _ => Vec::new(),
    };
    let in_blocks = commands(&name).into_iter().chain(in_blocks_of_text(&text));
    let others = of_others(&text).filter(|command| !followed.contains(command));
    in_blocks.filter(|command| !followed.contains(command)).chain(others).collect()
}

#[test]
fn every_command_of_a_page_is_run_by_a_test_or_it_is_said_why_not() {
    let known: BTreeSet<String> = OTHERWISE.iter().map(|(command, _)| (*command).to_owned()).collect();
    let found: BTreeSet<String> = pages().iter().flat_map(|page| not_followed(page)).collect();
    let unsaid: Vec<_> = found.difference(&known).collect();
    assert!(unsaid.is_empty(), "let a test run them, or say in OTHERWISE why not: {unsaid:#?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "no page names these any more: {gone:#?}");
}

#[test]
fn every_target_of_make_that_a_page_names_is_one() {
    let makefile = read(&programs::root().join("Makefile"));
    let targets: BTreeSet<String> =
        makefile.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name.to_owned()).collect();
    let pages: Vec<String> = pages().iter().map(|page| read(page)).collect();
    let typed = pages.iter().flat_map(|text| {
        let blocks = text.split("```sh\n").skip(1).map(|after| after.split("```").next().unwrap_or_default());
        blocks.flat_map(str::lines).map(str::to_owned).chain(spans(text)).collect::<Vec<_>>()
    });
    let named = typed.filter_map(|line| line.strip_prefix("make ")?.split(' ').next().map(str::to_owned));
    let named: BTreeSet<String> = named.collect();
    assert!(named.len() > 8, "{named:?}");
    let unknown: Vec<_> = named.difference(&targets).collect();
    assert!(unknown.is_empty(), "{unknown:?} of {targets:?}");
}
