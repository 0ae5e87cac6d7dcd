//! The mode of the terminal's keyboard, put back whatever happens.

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// The terminal's mode as it was; put back when dropped.
#[derive(Debug)]
pub struct TerminalMode(Option<Termios>);

impl TerminalMode {
    /// Remembers the mode.
    pub fn saved() -> Self {
        let stdin = rustix::stdio::stdin();
        // A program in the background must not touch the terminal: it would be stopped.
        let in_front = tcgetpgrp(stdin).is_ok_and(|group| group == getpgrp());
        Self(if in_front { tcgetattr(stdin).ok() } else { None })
    }

    /// Remembers the mode and shows no keys from now on: an echoed `^C` would tear a live picture.
    pub fn without_echo() -> Self {
        let saved = Self::saved();
        if let Some(mode) = &saved.0 {
            let mut silent = mode.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            let _closed = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &silent);
        }
        saved
    }
}

impl Drop for TerminalMode {
    fn drop(&mut self) {
        if let Some(mode) = &self.0 {
            let _closed = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, mode);
        }
    }
}
