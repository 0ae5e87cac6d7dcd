//! A home of its own for the product, with its daemon; both are gone at the end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The tenant that the figures are about.
pub const TENANT: &str = "web-team";
const PASSWORD: &str = "correct horse battery staple";
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the programs run.
pub struct World {
    root: tempfile::TempDir,
    programs: PathBuf,
    environment: Vec<(String, String)>,
    backend: String,
}

impl World {
    /// A new home; `keyring` is a value of `DEPLOYER_KEYRING`.
    pub fn new(programs: &Path, keyring: &str) -> Outcome<Self> {
        let root = tempfile::tempdir()?;
        let path = |name: &str| root.path().join(name).to_string_lossy().into_owned();
        let environment = [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", path("")),
            ("LANG", "C.UTF-8".to_owned()),
            ("DEPLOYER_STATE_DIR", path("state")),
            ("DEPLOYER_KEYRING", keyring.to_owned()),
            ("DEPLOYER_ACTOR", "bench".to_owned()),
        ];
        let backend = format!("local:{}", path("deployer.db"));
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(Self { programs: programs.canonicalize()?, root, environment, backend })
    }

    /// The same on another backend, reached with these variables.
    pub fn with_backend(mut self, backend: &str, environment: Vec<(&'static str, String)>) -> Self {
        self.backend = backend.to_owned();
        self.environment.extend(environment.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// The same with another variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The home directory.
    pub fn home(&self) -> &Path {
        self.root.path()
    }

    /// A command line of the product.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join("deployer"));
        command.args(arguments).env_clear().envs(self.environment.iter().cloned()).current_dir(self.root.path());
        command
    }

    /// Runs a command line and answers what it printed.
    pub fn run(&self, arguments: &[&str]) -> Outcome<String> {
        self.run_with(arguments, "")
    }

    /// Runs a command line with something on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Outcome<String> {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that asks nothing may have ended already.
            let _ = stdin.write_all(input.as_bytes());
        }
        let Output { status, stdout, stderr } = child.wait_with_output()?;
        if !status.success() {
            let said = String::from_utf8_lossy(&stderr);
            return Err(format!("`deployer {}` ended with {status}: {}", arguments.join(" "), said.trim()).into());
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }

    /// Creates the backend and signs in as admin.
    pub fn bootstrap(&self) -> Outcome<()> {
        self.run_with(&["admin", "bootstrap", "--backend", &self.backend, "--password-stdin"], PASSWORD)?;
        self.admin_login()
    }

    /// Signs in as admin.
    pub fn admin_login(&self) -> Outcome<()> {
        self.run_with(&["admin", "login", "--backend", &self.backend, "--password-stdin"], PASSWORD)?;
        Ok(())
    }

    /// Creates a tenant and answers its secret.
    pub fn create_tenant(&self, name: &str) -> Outcome<String> {
        let email = format!("{name}@example.com");
        let secret =
            self.run(&["tenant", "init", name, "--display-name", name, "--email", &email, "--no-input", "-q"])?;
        Ok(secret.trim().to_owned())
    }

    /// Signs in as a tenant.
    pub fn login(&self, name: &str, secret: &str) -> Outcome<()> {
        self.run_with(&["login", "--tenant", name, "--backend", &self.backend, "--secret-stdin"], secret)?;
        Ok(())
    }

    /// Everything up to a signed-in tenant; answers its secret.
    pub fn sign_in(&self) -> Outcome<String> {
        self.bootstrap()?;
        let secret = self.create_tenant(TENANT)?;
        self.login(TENANT, &secret)?;
        Ok(secret)
    }

    /// Writes a stack file and answers its path.
    pub fn write_stack(&self, name: &str, text: &str) -> Outcome<String> {
        let directory = self.root.path().join(name);
        std::fs::create_dir_all(&directory)?;
        let file = directory.join("stack.yaml");
        std::fs::write(&file, text)?;
        Ok(file.to_string_lossy().into_owned())
    }

    fn status(&self) -> Outcome<serde_json::Value> {
        Ok(serde_json::from_str(&self.run(&["daemon", "status", "-o", "json"])?)?)
    }

    /// The daemon's process id.
    pub fn daemon(&self) -> Outcome<u32> {
        let pid = self.status()?.get("pid").and_then(serde_json::Value::as_u64);
        Ok(pid.ok_or("no pid in the daemon's status")?.try_into()?)
    }

    /// Waits until the daemon has stored everything of the runs that are over.
    pub fn settle(&self) -> Outcome<()> {
        let begun = Instant::now();
        let active = |status: serde_json::Value| status["activeRuns"].as_array().is_none_or(|runs| !runs.is_empty());
        while active(self.status()?) {
            if begun.elapsed() > PATIENCE {
                return Err("the daemon did not come to rest".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Stops the daemon and waits until its process is gone.
    pub fn stop_daemon(&self) -> Outcome<()> {
        let process = PathBuf::from(format!("/proc/{}", self.daemon()?));
        self.run(&["daemon", "stop"])?;
        let begun = Instant::now();
        while process.exists() {
            if begun.elapsed() > PATIENCE {
                return Err("the daemon did not end".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.command(&["daemon", "stop", "--force"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
