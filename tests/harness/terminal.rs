//! A real terminal of a chosen size, with a program on it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::{Command, wait};

/// What the key Ctrl-C sends.
pub const CTRL_C: &str = "\u{3}";

/// A program on a terminal; killed when it is dropped.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    child: Child,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Runs a program on a new terminal of so many columns and rows, as a shell would.
    pub fn new(command: Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("a terminal");
        unlockpt(&master).expect("a terminal");
        let path = ptsname(&master, Vec::new()).expect("a terminal's name").into_string().expect("a plain name");
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(master.as_fd(), size).expect("a terminal's size");
        let end = || Stdio::from(OpenOptions::new().read(true).write(true).open(&path).expect("the terminal's end"));
        let mut command = command.on_a_terminal_of_its_own();
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("setsid can be run");
        drop(command);
        let keyboard = File::from(master);
        let seen = Arc::default();
        collect(keyboard.try_clone().expect("a file"), Arc::clone(&seen));
        Self { keyboard, child, seen }
    }

    /// Types something.
    pub fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal takes input");
    }

    /// Everything that was printed so far, without the codes of the terminal.
    pub fn text(&self) -> String {
        without_codes(&self.raw())
    }

    /// Everything that was printed so far, as it was printed.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("no panic")).into_owned()
    }

    /// Waits until something is printed.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let began = Instant::now();
        while !self.text().contains(text) {
            assert!(began.elapsed() < wait::DEADLINE, "waited in vain for {text:?}; printed was:\n{}", self.text());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the program's end; answers its exit code and everything that was printed.
    #[track_caller]
    pub fn wait(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return (status.code(), self.all_text());
            }
            assert!(began.elapsed() < wait::DEADLINE, "it did not end; printed was:\n{}", self.text());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// The reader ends when the last program has closed the terminal, and drops its share of what was seen. A daemon
    /// that was started meanwhile has closed it as well.
    #[track_caller]
    fn all_text(&self) -> String {
        wait::until("the terminal is closed", || Arc::strong_count(&self.seen) == 1);
        self.text()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn collect(mut screen: File, seen: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // A terminal without programs answers with an error: that is its end.
        while let Ok(number @ 1..) = screen.read(&mut bytes) {
            seen.lock().expect("no panic").extend_from_slice(&bytes[..number]);
        }
    });
}

/// Drops what moves the cursor or paints, and carriage returns.
fn without_codes(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                if characters.next() == Some('[') {
                    let _end = characters.find(|code| ('\u{40}'..='\u{7e}').contains(code));
                }
            }
            '\r' => {}
            other => plain.push(other),
        }
    }
    plain
}
