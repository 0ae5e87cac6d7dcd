//! Bills: a Cost Explorer that answers what it was told to, in a process of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::{free_address, python_environment};
use crate::wait;

/// What has cost how much in a month; without a name the whole month.
pub type Lines<'a> = &'a [(&'a str, f64)];

/// Months, such as `2024-01`, with what has cost how much in each.
pub type Months<'a> = &'a [(&'a str, Lines<'a>)];

/// A running Cost Explorer; it ends with this value, or with the process that started it, however that ends.
#[derive(Debug)]
pub struct Bills {
    keeper: Child,
    address: SocketAddr,
}

impl Bills {
    /// Starts one and waits until it answers.
    #[track_caller]
    pub fn start() -> Self {
        let address = free_address();
        let program = python_environment().join("bin/moto_server");
        assert!(program.exists(), "{} is missing: run `make test-setup` first", program.display());
        let mut server = Command::new("/bin/sh");
        server.args([
            "-c",
            "\"$0\" -H 127.0.0.1 -p \"$1\" >/dev/null 2>&1 & server=$!; read -r _; kill $server; wait $server",
        ]);
        server.arg(program).arg(address.port().to_string());
        server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let bills = Self { keeper: server.spawn().expect("a shell can be started"), address };
        wait::until("Cost Explorer answers", || bills.post("/moto-api/reset", &Value::Null).is_some());
        bills
    }

    /// The URL for `AWS_ENDPOINT_URL_COST_EXPLORER`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Prepares the answers to the next questions, in their order: each a list of months with their groups, or with a
    /// total where there is no name.
    #[track_caller]
    pub fn answer(&self, answers: &[Months<'_>]) {
        let cost = |usd: f64| json!({"UnblendedCost": {"Amount": usd.to_string(), "Unit": "USD"}});
        let month = |(month, lines): &(&str, Lines<'_>)| {
            let groups = lines.iter().filter(|(name, _)| !name.is_empty());
            let groups: Vec<Value> = groups.map(|(name, usd)| json!({"Keys": [name], "Metrics": cost(*usd)})).collect();
            let total = lines.iter().find(|(name, _)| name.is_empty()).map(|(_, usd)| cost(*usd));
            json!({
                "TimePeriod": {"Start": format!("{month}-01"), "End": format!("{month}-28")},
                "Estimated": true, "Groups": groups, "Total": total.unwrap_or(json!({})),
            })
        };
        let results =
            answers.iter().map(|months| json!({"ResultsByTime": months.iter().map(month).collect::<Vec<_>>()}));
        let told = json!({"results": results.collect::<Vec<_>>()});
        self.post("/moto-api/static/ce/cost-and-usage-results", &told).expect("the answers are taken");
    }

    fn post(&self, path: &str, body: &Value) -> Option<String> {
        let body = body.to_string();
        let mut connection = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).ok()?;
        connection.set_read_timeout(Some(wait::DEADLINE)).ok()?;
        let length = body.len();
        let head = format!("POST {path} HTTP/1.0\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n", self.address);
        connection.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        (answer.get(9..10) == Some("2")).then_some(answer)
    }
}

impl Drop for Bills {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}
