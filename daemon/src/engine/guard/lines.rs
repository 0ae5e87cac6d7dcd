//! Cuts what a child prints into lines.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

/// The longest line that travels as one; a longer one is cut into pieces.
pub const LONGEST: usize = 64 * 1024;

/// How long the silence may last once the child is gone: only a process that escaped its group still holds the pipe.
const SILENCE: Duration = Duration::from_millis(200);
/// How much such a process may still print; more than a pipe holds.
const LEFTOVER: usize = 1 << 20;

/// Reads a stream to its end and hands on each line without its line end, bytes that are not UTF-8 replaced.
///
/// After `gone` what is in the pipe is still read, but its end is not waited for.
pub async fn copy<R, F, W>(mut from: R, gone: &CancellationToken, mut hand_on: F)
where
    R: AsyncRead + Unpin,
    F: FnMut(String) -> W,
    W: Future<Output = bool>,
{
    let mut buffer = Vec::with_capacity(4096);
    let mut left_over = LEFTOVER;
    while left_over > 0 {
        let read = tokio::select! {
            biased;
            read = from.read_buf(&mut buffer) => read.unwrap_or(0),
            () = silence(gone) => 0,
        };
        if read == 0 {
            break;
        }
        if gone.is_cancelled() {
            left_over = left_over.saturating_sub(read);
        }
        let mut begun = 0;
        while let Some(length) = buffer[begun..].iter().position(|&byte| byte == b'\n') {
            for piece in pieces(&buffer[begun..begun + length]) {
                if !hand_on(piece).await {
                    return;
                }
            }
            begun += length + 1;
        }
        buffer.drain(..begun);
        if buffer.len() >= LONGEST {
            let rest = buffer.split_off(cut(&buffer[..LONGEST]));
            if !hand_on(text(&buffer)).await {
                return;
            }
            buffer = rest;
        }
    }
    for piece in pieces(&buffer) {
        if buffer.is_empty() || !hand_on(piece).await {
            return;
        }
    }
}

async fn silence(gone: &CancellationToken) {
    gone.cancelled().await;
    tokio::time::sleep(SILENCE).await;
}

fn pieces(mut line: &[u8]) -> Vec<String> {
    line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut pieces = Vec::new();
    while line.len() > LONGEST {
        let (piece, rest) = line.split_at(cut(&line[..LONGEST]));
        pieces.push(text(piece));
        line = rest;
    }
    pieces.push(text(line));
    pieces
}

/// Where to cut so that no character is cut in two.
fn cut(bytes: &[u8]) -> usize {
    let back = bytes.iter().rev().take(3).position(|byte| byte & 0xC0 != 0x80).unwrap_or(0);
    match bytes.len().checked_sub(back + 1) {
        Some(start) if start > 0 && bytes[start] >= 0xC0 => start,
        _ => bytes.len(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        copy(input, &CancellationToken::new(), |line| {
            lines.push(line);
            std::future::ready(true)
        })
        .await;
        lines
    }

    #[tokio::test]
    async fn lines_come_without_their_ends_and_the_last_needs_none() {
        assert_eq!(lines(b"one\ntwo\r\n\nlast").await, ["one", "two", "", "last"]);
        assert!(lines(b"").await.is_empty());
        assert_eq!(lines(b"\n").await, [""]);
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(lines(b"a\xffb\n").await, ["a\u{fffd}b"]);
    }

    #[tokio::test]
    async fn a_long_line_is_cut_between_characters() {
        let long = "é".repeat(LONGEST);
        for input in [long.clone(), format!("{long}\n")] {
            let pieces = lines(input.as_bytes()).await;
            assert!(pieces.iter().all(|piece| piece.len() <= LONGEST));
            assert_eq!(pieces.concat(), long);
        }
    }
}
