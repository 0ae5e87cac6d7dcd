//! A server that gives the same answer to everything, for the answers that no local AWS can be made to give.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// One answer, over and over.
#[derive(Debug)]
pub struct Canned {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    ended: AtomicBool,
    requests: AtomicUsize,
    seen: Mutex<Vec<String>>,
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers beside the length, each a line.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// An error of S3.
    pub fn s3_error(status: u16, code: &str) -> Self {
        let body =
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>said the server</Message></Error>");
        Self { status, headers: vec!["Content-Type: application/xml".to_owned()], body }
    }

    /// An error of DynamoDB or Secrets Manager.
    pub fn json_error(status: u16, code: &str) -> Self {
        let body = format!("{{\"__type\": \"com.amazonaws#{code}\", \"message\": \"said the server\"}}");
        Self { status, headers: vec!["Content-Type: application/x-amz-json-1.1".to_owned()], body }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    fn write(&self, connection: &mut TcpStream) -> std::io::Result<()> {
        let headers: String = self.headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = self.body.len();
        write!(connection, "HTTP/1.1 {} X\r\n{headers}Content-Length: {length}\r\n\r\n{}", self.status, self.body)
    }
}

impl Canned {
    /// Starts it on a free port of loopback.
    pub fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared::default());
        let inside = shared.clone();
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if inside.ended.load(Ordering::SeqCst) {
                    return;
                }
                let (answer, inside) = (answer.clone(), inside.clone());
                std::thread::spawn(move || serve(connection, &answer, &inside));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The text of what came: request lines, headers and bodies.
    pub fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().expect("nobody panics with the lock").clone()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _wake = TcpStream::connect(self.address);
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(connection: TcpStream, answer: &Answer, shared: &Shared) {
    let _idle = connection.set_read_timeout(Some(Duration::from_secs(20)));
    let Ok(mut out) = connection.try_clone() else { return };
    let mut reader = BufReader::new(connection);
    while let Some(head) = head(&mut reader) {
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        shared.requests.fetch_add(1, Ordering::SeqCst);
        let text = head + &String::from_utf8_lossy(&body);
        shared.seen.lock().expect("nobody panics with the lock").push(text);
        if answer.write(&mut out).is_err() {
            return;
        }
    }
}

fn head(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if head[before..].trim().is_empty() {
            return Some(head);
        }
    }
}
