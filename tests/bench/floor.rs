//! The least that a client can do: connect to a Unix socket, read one byte, end.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(socket) = std::env::args_os().nth(1) else { return ExitCode::from(64) };
    let mut byte = [0];
    match UnixStream::connect(socket).and_then(|mut stream| stream.read_exact(&mut byte)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
