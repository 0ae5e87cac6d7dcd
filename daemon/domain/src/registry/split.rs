//! Where a registry has its entries, told by its lines alone.
//!
//! This only proposes where to cut. Whoever uses it parses every part by itself: a text that reaches over a cut makes
//! the part before it incomplete, and then the document is read as a whole.

/// The parts of a document that is written in block style, as this program and most people write it.
pub(super) struct Split<'a> {
    /// All before the line `tenants:`.
    pub before: &'a str,
    /// The entries, each from its dash to the next one's, with the comments that follow it.
    pub entries: Vec<&'a str>,
    /// All from the next key on.
    pub after: &'a str,
    /// How many spaces stand before the dashes.
    pub indent: usize,
}

/// Cuts a document into its parts; `None` where it is written in another way or has no entries.
pub(super) fn split(text: &str) -> Option<Split<'_>> {
    let (before, body) = body(text)?;
    let (mut starts, mut indent, mut end, mut offset) = (Vec::new(), 0, text.len(), body);
    for line in text[body..].split_inclusive('\n') {
        let begin = offset;
        offset += line.len();
        let content = line.trim_start_matches(' ');
        if is_empty(content) {
            continue;
        }
        let spaces = line.len() - content.len();
        match (starts.is_empty(), is_dash(content)) {
            (true, false) => return None,
            // Comments above the first entry are its own.
            (true, true) => {
                indent = spaces;
                starts.push(body);
            }
            (false, true) if spaces == indent => starts.push(begin),
            _ if spaces == 0 => {
                end = begin;
                break;
            }
            _ => {}
        }
    }
    let ends = starts.iter().skip(1).copied().chain([end]);
    let entries: Vec<&str> = starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect();
    (!entries.is_empty()).then_some(Split { before, entries, after: &text[end..], indent })
}

/// What stands before the line `tenants:`, and where the text after it begins.
fn body(text: &str) -> Option<(&str, usize)> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if line.strip_prefix("tenants:").is_some_and(is_empty) {
            return Some((&text[..offset], offset + line.len()));
        }
        offset += line.len();
    }
    None
}

/// Whether a line has nothing but a comment.
fn is_empty(content: &str) -> bool {
    let content = content.trim();
    content.is_empty() || content.starts_with('#')
}

fn is_dash(content: &str) -> bool {
    content.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r']))
}
