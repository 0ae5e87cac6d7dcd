//! A server of files on loopback, which can break off in the middle of one.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A server that ends with this value.
#[derive(Debug)]
pub struct Files {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Files {
    /// Serves a directory.
    pub fn serve(directory: &Path) -> Self {
        Self::start(directory.to_owned(), None)
    }

    /// Serves a directory, but sends only the first half of the files whose name ends so.
    pub fn serve_half(directory: &Path, ending: &str) -> Self {
        Self::start(directory.to_owned(), Some(ending.to_owned()))
    }

    /// Its URL, without a final slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn start(directory: PathBuf, half: Option<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let ended = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let ended = Arc::clone(&ended);
            move || {
                for connection in listener.incoming().flatten() {
                    if ended.load(Ordering::SeqCst) {
                        return;
                    }
                    // A caller that goes away in the middle is its own affair.
                    let _gone = answer(connection, &directory, half.as_deref());
                }
            }
        });
        Self { address, ended, thread: Some(thread) }
    }
}

fn answer(mut connection: TcpStream, directory: &Path, half: Option<&str>) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split_whitespace().nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let Ok(bytes) = std::fs::read(directory.join(&path)) else {
        return write!(connection, "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let sent = if half.is_some_and(|ending| path.ends_with(ending)) { bytes.len() / 2 } else { bytes.len() };
    write!(connection, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
    connection.write_all(&bytes[..sent])
}

impl Drop for Files {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
