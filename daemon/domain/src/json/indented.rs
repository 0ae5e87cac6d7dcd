//! JSON as `serde_json` indents it, with each line break and what follows it in one piece.

use std::io;

use serde_json::ser::Formatter;

/// A comma, a line break, and the beginnings of lines down to the sixteenth level.
const BREAK: &[u8] = b",\n                                ";
const LEVEL: &[u8] = b"  ";

/// The state of indenting.
#[derive(Default)]
pub struct Indented {
    level: usize,
    has_value: bool,
}

impl Indented {
    fn begin<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level += 1;
        self.has_value = false;
        writer.write_all(bracket)
    }

    fn end<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level -= 1;
        if self.has_value {
            self.next(writer, true)?;
        }
        writer.write_all(bracket)
    }

    /// Goes to the next line, after a comma where something stands before it.
    fn next<W: ?Sized + io::Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        let whole = BREAK.len().min(2 + self.level * LEVEL.len());
        writer.write_all(&BREAK[usize::from(first)..whole])?;
        let deeper = self.level.saturating_sub((BREAK.len() - 2) / LEVEL.len());
        (0..deeper).try_for_each(|_| writer.write_all(LEVEL))
    }
}

impl Formatter for Indented {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}
