//! A page of documentation whose commands are followed as a reader follows them: on a terminal, one after the other, in
//! the directory and the environment that the earlier ones left behind, with its questions answered.

use std::path::PathBuf;

use crate::scenes::PASSWORD;
use crate::terminal::Terminal;
use crate::{World, programs};

/// The commands of a page of the repository: the lines of its `sh` blocks, without their comments.
pub fn commands(page: &str) -> Vec<String> {
    lines(&text(page))
}

/// The commands of one section of a page.
pub fn commands_of(page: &str, section: &str) -> Vec<String> {
    let text = text(page);
    let (_, after) = text.split_once(&format!("\n## {section}\n")).expect("the section is there");
    lines(after.split("\n## ").next().unwrap_or_default())
}

fn text(page: &str) -> String {
    std::fs::read_to_string(programs::root().join(page)).expect("the page is there")
}

fn lines(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).map(|after| after.split("```").next().unwrap_or_default());
    let plain = blocks.flat_map(str::lines).map(|line| line.split("  #").next().unwrap_or_default().trim().to_owned());
    plain.filter(|line| !line.is_empty() && !line.starts_with("make ")).collect()
}

/// A reader in a world of their own.
#[derive(Debug)]
pub struct Reader<'a> {
    world: &'a World,
    cwd: PathBuf,
    /// The tenant's secret that was shown last, or that the platform team gave.
    pub secret: String,
    /// Where programs are looked for before anywhere else.
    pub first_on_path: Option<PathBuf>,
}

impl<'a> Reader<'a> {
    /// Somebody who has read nothing yet.
    pub fn new(world: &'a World) -> Self {
        Self { world, cwd: world.work(), secret: String::new(), first_on_path: None }
    }

    /// Follows commands; each must succeed.
    #[track_caller]
    pub fn follow(&mut self, commands: &[String]) {
        for line in commands {
            match line.split_once(" && cd ") {
                Some((first, then)) => {
                    self.run(first);
                    self.cwd = self.cwd.join(then);
                }
                None => self.run(line),
            }
        }
    }

    #[track_caller]
    fn run(&mut self, line: &str) {
        let first = self.first_on_path.iter().map(|path| format!("{}:", path.display())).collect::<String>();
        let path = format!("{first}{}:/usr/bin:/bin", programs::directory().display());
        let command = self.world.program("bash").args(["-c", line]).env("PATH", path).current_dir(&self.cwd);
        let mut terminal = Terminal::new(command, 100, 40);
        for (prompt, answer) in self.answers(line) {
            terminal.wait_for(prompt);
            terminal.type_in(&format!("{answer}\r"));
        }
        let (code, text) = terminal.wait();
        assert_eq!(code, Some(0), "`{line}` ended with {code:?}:\n{text}");
        if let Some((_, after)) = text.split_once("Tenant Secret: ") {
            after.lines().next().unwrap_or_default().trim().clone_into(&mut self.secret);
        }
    }

    /// What a command asks for, each thing once. What is said by a flag is not asked for.
    fn answers(&self, line: &str) -> Vec<(&'static str, String)> {
        let password = |prompts: &[&'static str]| prompts.iter().map(|prompt| (*prompt, PASSWORD.to_owned())).collect();
        let verb = line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ");
        match verb.as_str() {
            "admin bootstrap" => password(&["Admin Password:", "Once more:"]),
            "admin login" => password(&["Admin Password:"]),
            "admin rotate-password" => {
                ["New Admin Password:", "Once more:"].map(|prompt| (prompt, format!("another {PASSWORD}"))).into()
            }
            "tenant init" if !line.contains("--no-input") && !line.contains("--from") => asked_of_a_tenant(line),
            _ if verb.starts_with("login") => vec![("Tenant Secret:", self.secret.clone())],
            _ if verb.ends_with(".plan") || line.contains("--yes") => Vec::new(),
            _ if verb.starts_with("apply") || verb.starts_with("rollback") => vec![("Continue?", "yes".to_owned())],
            _ => Vec::new(),
        }
    }
}

fn asked_of_a_tenant(line: &str) -> Vec<(&'static str, String)> {
    let questions = [
        ("Display Name:", "--display-name", ""),
        ("Contact Email:", "--email", "team@example.com"),
        ("AWS Account ID", "--account-id", ""),
        ("Enable cost tracking:", "--cost-tracking", ""),
        ("Monthly cost limit", "--monthly-cost-limit", ""),
        ("State version:", "--state-version", ""),
    ];
    let asked = questions.into_iter().filter(|(_, flag, _)| !line.contains(flag));
    asked.map(|(prompt, _, answer)| (prompt, answer.to_owned())).collect()
}
