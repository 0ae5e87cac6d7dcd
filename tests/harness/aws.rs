//! A local AWS: S3, DynamoDB, Secrets Manager, STS and more in one process of its own, on a free port of loopback.

use std::env;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a slow machine may take to start it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The account that everything belongs to.
pub const ACCOUNT: &str = "000000000000";
/// The region that callers are in.
pub const REGION: &str = "eu-west-1";

/// A running local AWS; it ends with this value, or with the process that started it, however that ends.
#[derive(Debug)]
pub struct LocalAws {
    keeper: Child,
    address: SocketAddr,
    health: &'static str,
}

impl LocalAws {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        Self::ministack("false")
    }

    /// Starts one that refuses what no policy allows. The keys `test` are the account's own and may do everything.
    pub fn strict() -> Self {
        Self::ministack("true")
    }

    /// Starts another one, whose judge knows nearly every condition of IAM; its keys `test` are the account's own too.
    /// `make test-iam` installs it: it takes long to build.
    pub fn judging() -> Self {
        let address = free_address();
        let mut server = keeper(&fakecloud());
        server.args(["--addr", &address.to_string(), "--account-id", ACCOUNT, "--region", REGION, "--iam", "strict"]);
        server.args(["--log-level", "error"]);
        Self::kept(server, address, "/_fakecloud/health")
    }

    fn ministack(strict: &str) -> Self {
        let address = free_address();
        let mut server = keeper(&ministack());
        server.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", address.port().to_string()).env("AUTH", strict);
        Self::kept(server, address, "/_ministack/health")
    }

    fn kept(mut server: Command, address: SocketAddr, health: &'static str) -> Self {
        let aws = Self { keeper: server.spawn().expect("a shell can be started"), address, health };
        let begun = Instant::now();
        while !aws.answers() {
            assert!(begun.elapsed() < PATIENCE, "the local AWS at {address} did not answer within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        aws
    }

    /// The URL that stands in for every AWS endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment of a caller who uses it, with no trace of a real account.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut connection = TcpStream::connect_timeout(&self.address, Duration::from_secs(1))?;
            connection.set_read_timeout(Some(Duration::from_secs(5)))?;
            write!(connection, "GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", self.health, self.address)?;
            let mut start = [0; 12];
            connection.read_exact(&mut start)?;
            Ok(String::from_utf8_lossy(&start).into_owned())
        };
        ask().is_ok_and(|answer| answer.ends_with(" 200"))
    }
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}

/// An address of loopback that nobody listens on.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address")
}

/// The Python environment that `make test-setup` installs.
pub fn python_environment() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a room of the repository");
    env::var_os("DEPLOYER_TEST_VENV").map_or_else(|| root.join(".venv"), |given| root.join(given))
}

/// A shell that lives for as long as its standard input is open, and the server for as long as the shell.
fn keeper(program: &Path) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "\"$0\" \"$@\" >/dev/null 2>&1 & server=$!; read -r _; kill $server; wait $server"]);
    shell.arg(program).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell
}

fn fakecloud() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a room of the repository");
    let installed = root.join("target/fakecloud/bin/fakecloud");
    let program = env::var_os("DEPLOYER_TEST_FAKECLOUD").map_or(installed, PathBuf::from);
    assert!(program.exists(), "{} is missing: run `make test-iam`", program.display());
    program
}

fn ministack() -> PathBuf {
    let program = python_environment().join("bin/ministack");
    assert!(program.exists(), "{} is missing: run `make test-setup` first", program.display());
    program
}
