//! A loopback proxy between a program and a local AWS: it counts what is asked, and makes chosen requests fail.
//!
//! A request is known by its [`Operation`], such as `S3.PutObject` or `DynamoDB.UpdateItem`. Rules ([`Rule`]) choose
//! requests by operation and by a word of their path or body, and say what happens to them ([`Fault`]). An answer can be
//! lost after the request was applied, which no server offers by itself.

mod fault;
mod operation;
mod relay;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

pub use fault::{Fault, Refusal, Rule};
pub use operation::Operation;

/// A request that the proxy saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What was asked.
    pub operation: Operation,
    /// The path and query, such as `/bucket/tenants.yaml?x-id=GetObject`.
    pub path: String,
    /// What came with it.
    pub body: Vec<u8>,
    /// When it came.
    pub asked: Instant,
    /// What the proxy did to it; nothing when it was let through.
    pub fault: Option<Fault>,
    /// The status that the server answered; nothing while it did not.
    pub status: Option<u16>,
    /// When the server answered.
    pub answered: Option<Instant>,
    /// What it answered, where that is short.
    pub answer: Vec<u8>,
    /// The status that the server answered to a duplicate of it.
    pub repeated: Option<u16>,
}

impl Seen {
    /// Whether it asks for an operation (`S3.PutObject`) and its path or body contains a word.
    pub fn is(&self, operation: &str, word: &str) -> bool {
        self.operation.name() == operation
            && (fault::contains(self.path.as_bytes(), word.as_bytes()) || fault::contains(&self.body, word.as_bytes()))
    }
}

/// A proxy that runs until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Proxy {
    /// Starts one in front of a server, such as `http://127.0.0.1:4566`.
    pub fn start(server: &str) -> io::Result<Self> {
        let server = server.trim_start_matches("http://").trim_end_matches('/');
        let server = server.parse().map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            server,
            book: Mutex::default(),
            changed: Condvar::new(),
            releases: watch::Sender::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || runtime.block_on(relay::serve(listener, shared, stopped))
        })?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, as a value of `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule; the first that fits a request and is not used up decides.
    pub fn add(&self, rule: Rule) {
        self.shared.book().rules.push(rule);
    }

    /// Forgets all rules.
    pub fn heal(&self) {
        self.shared.book().rules.clear();
    }

    /// Lets go of all requests and answers that are held, and sends the duplicates that wait for this.
    pub fn release(&self) {
        self.shared.releases.send_modify(|turn| *turn += 1);
    }

    /// Forgets what was seen.
    pub fn forget(&self) {
        let mut book = self.shared.book();
        book.forgotten += book.seen.len();
        book.seen.clear();
    }

    /// All that was seen, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.book().seen.clone()
    }

    /// How often each operation was asked, retries included.
    pub fn counts(&self) -> BTreeMap<Operation, usize> {
        let mut counts = BTreeMap::new();
        for seen in &self.shared.book().seen {
            *counts.entry(seen.operation.clone()).or_default() += 1;
        }
        counts
    }

    /// Waits until what was seen fulfils a condition; answers whether it did in time.
    pub fn wait_until(&self, within: Duration, condition: impl Fn(&[Seen]) -> bool) -> bool {
        let deadline = Instant::now() + within;
        let mut book = self.shared.book();
        while !condition(&book.seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            book = match self.shared.changed.wait_timeout(book, left) {
                Ok((book, _)) => book,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Book {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
    forgotten: usize,
}

struct Shared {
    server: SocketAddr,
    book: Mutex<Book>,
    changed: Condvar,
    /// Counts the releases.
    releases: watch::Sender<u64>,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a request down and decides what happens to it.
    fn judge(&self, operation: Operation, path: &str, body: &[u8]) -> (usize, Option<Fault>) {
        let mut book = self.book();
        let fault = book.rules.iter_mut().find_map(|rule| rule.judge(&operation, path, body));
        book.seen.push(Seen {
            operation,
            path: path.to_owned(),
            body: body.to_owned(),
            asked: Instant::now(),
            fault: fault.clone(),
            status: None,
            answered: None,
            answer: Vec::new(),
            repeated: None,
        });
        let number = book.forgotten + book.seen.len() - 1;
        drop(book);
        self.changed.notify_all();
        (number, fault)
    }

    /// Notes something about a request that was seen.
    fn note(&self, number: usize, what: impl FnOnce(&mut Seen)) {
        let mut book = self.book();
        if let Some(index) = number.checked_sub(book.forgotten)
            && let Some(seen) = book.seen.get_mut(index)
        {
            what(seen);
        }
        drop(book);
        self.changed.notify_all();
    }
}
