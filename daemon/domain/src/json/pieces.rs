//! What is written in small pieces.

use std::io;

/// From this length on a copy of memory is worth its call.
const LONG: usize = 16;

/// Bytes that grow by small pieces, each without a call.
#[derive(Default)]
pub struct Pieces(Vec<u8>);

impl Pieces {
    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl io::Write for Pieces {
    #[inline]
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.write_all(piece)?;
        Ok(piece.len())
    }

    #[inline]
    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.len() < LONG {
            self.0.reserve(LONG);
            piece.iter().for_each(|&byte| self.0.push(byte));
        } else {
            self.0.extend_from_slice(piece);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
