//! From parser events to the tree.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{Entry, MAX_DEPTH, MAX_NODES, MAX_TEXT, Node, Position, Scalar, SourceFile, Value};
use crate::error::Problem;

/// Reads a file as one YAML document; an empty file is [`Value::Null`].
///
/// A file that is not YAML has one problem; duplicate keys are reported all at once.
pub fn parse(file: &SourceFile) -> Result<Node, Vec<Problem>> {
    let mut reader = Reader::new(&file.text);
    let root = reader.document().map_err(|refusal| vec![refusal.in_file(&file.name)])?;
    if reader.duplicates.is_empty() {
        return Ok(root);
    }
    Err(reader.duplicates.into_iter().map(|refusal| refusal.in_file(&file.name)).collect())
}

struct Refusal {
    at: Position,
    message: String,
    hint: Option<&'static str>,
}

impl Refusal {
    fn new(at: Position, message: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self { at, message: message.into(), hint }
    }

    fn in_file(self, file: &str) -> Problem {
        Problem {
            file: file.to_owned(),
            line: self.at.line,
            column: self.at.column,
            message: self.message,
            hint: self.hint.map(str::to_owned),
        }
    }
}

/// A node with what it weighs once its aliases are written out.
#[derive(Clone)]
struct Weighed {
    node: Node,
    nodes: usize,
    text: usize,
    height: usize,
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    locator: Locator<'a>,
    anchors: HashMap<usize, Weighed>,
    nodes: usize,
    text: usize,
    duplicates: Vec<Refusal>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            parser: Parser::new_from_str(text),
            locator: Locator { rest: text, at: 0 },
            anchors: HashMap::new(),
            nodes: 0,
            text: 0,
            duplicates: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Refusal> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(explain(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Node, Refusal> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let message = "a second document begins here; only one is allowed in a file";
                    return Err(Refusal::new(position(span.start), message, Some("remove the line `---`")));
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                event => root = Some(self.node(event, span, 1)?.node),
            }
        }
        Ok(root.unwrap_or(Node { value: Value::Null, at: Position { line: 1, column: 1 } }))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Weighed, Refusal> {
        let at = position(span.start);
        if depth > MAX_DEPTH {
            return Err(Refusal::new(at, format!("this is nested deeper than {MAX_DEPTH} levels"), None));
        }
        self.nodes += 1;
        let (read, anchor) = match event {
            Event::Alias(id) => return self.alias(id, at, depth),
            Event::Scalar(text, style, anchor, tag) => {
                check_tag(tag, at)?;
                (self.scalar(text, style, span), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag, at)?;
                (self.sequence(at, depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag, at)?;
                (self.mapping(at, depth)?, anchor)
            }
            _ => return Err(Refusal::new(at, "this is not valid YAML", None)),
        };
        if anchor > 0 {
            self.nodes += read.nodes;
            self.text += read.text;
        }
        self.check_size(at)?;
        if anchor > 0 {
            self.anchors.insert(anchor, read.clone());
        }
        Ok(read)
    }

    fn check_size(&self, at: Position) -> Result<(), Refusal> {
        if self.nodes > MAX_NODES || self.text > MAX_TEXT {
            let message = "the file is too large up to here, counting what its aliases stand for";
            return Err(Refusal::new(at, message, Some("use fewer or smaller aliases")));
        }
        Ok(())
    }

    /// The copy of what was anchored; it is made only when it fits.
    fn alias(&mut self, id: usize, at: Position, depth: usize) -> Result<Weighed, Refusal> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(Refusal::new(at, "this alias stands within what it stands for", None));
        };
        if depth + anchored.height > MAX_DEPTH {
            return Err(Refusal::new(at, format!("this is nested deeper than {MAX_DEPTH} levels"), None));
        }
        self.nodes += anchored.nodes;
        self.text += anchored.text;
        self.check_size(at)?;
        let mut copy = self.anchors.get(&id).cloned().unwrap_or_else(|| weigh(Value::Null, at));
        copy.node.at = at;
        Ok(copy)
    }

    fn scalar(&mut self, text: Cow<'a, str>, style: ScalarStyle, span: Span) -> Weighed {
        let at = position(span.start);
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL") {
            return weigh(Value::Null, at);
        }
        self.text += text.len();
        let marks = if text.contains("${") { self.locator.marks(&text, span) } else { Vec::new() };
        weigh(Value::Scalar(Scalar { text: text.into_owned(), plain, marks }), at)
    }

    fn sequence(&mut self, at: Position, depth: usize) -> Result<Weighed, Refusal> {
        let mut whole = weigh(Value::Null, at);
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                break;
            }
            let item = self.node(event, span, depth + 1)?;
            whole.take_in(&item);
            items.push(item.node);
        }
        whole.node.value = Value::Sequence(items);
        Ok(whole)
    }

    fn mapping(&mut self, at: Position, depth: usize) -> Result<Weighed, Refusal> {
        let mut whole = weigh(Value::Null, at);
        let mut entries = Entries::default();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            whole.take_in(&key);
            whole.take_in(&value);
            match key.node.value {
                Value::Scalar(Scalar { text, plain: true, .. }) if text == "<<" => {
                    merged.extend(mappings_of(value.node)?);
                }
                Value::Scalar(Scalar { text, .. }) => {
                    if let Some(refusal) = entries.add(Entry { key: text, at: key.node.at, value: value.node }) {
                        self.duplicates.push(refusal);
                    }
                }
                _ => return Err(Refusal::new(key.node.at, "a key must be a text", None)),
            }
        }
        for entry in merged {
            entries.add(entry);
        }
        whole.node.value = Value::Mapping(entries.list);
        Ok(whole)
    }
}

impl Weighed {
    fn take_in(&mut self, part: &Self) {
        self.nodes += part.nodes;
        self.text += part.text;
        self.height = self.height.max(part.height + 1);
    }
}

fn weigh(value: Value, at: Position) -> Weighed {
    let text = match &value {
        Value::Scalar(scalar) => scalar.text.len(),
        _ => 0,
    };
    Weighed { node: Node { value, at }, nodes: 1, text, height: 0 }
}

#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    seen: HashMap<String, Position>,
}

impl Entries {
    /// Adds an entry; one whose key is there already is dropped and reported.
    fn add(&mut self, entry: Entry) -> Option<Refusal> {
        if let Some(first) = self.seen.get(&entry.key) {
            let message = format!("the key `{}` is already given in line {}", short(&entry.key), first.line);
            return Some(Refusal::new(entry.at, message, Some("remove one of the two")));
        }
        self.seen.insert(entry.key.clone(), entry.at);
        self.list.push(entry);
        None
    }
}

/// The entries that the merge key `<<` brings in.
fn mappings_of(node: Node) -> Result<Vec<Entry>, Refusal> {
    match node.value {
        Value::Mapping(entries) => Ok(entries),
        Value::Sequence(items) => Ok(items.into_iter().map(mappings_of).collect::<Result<Vec<_>, _>>()?.concat()),
        _ => Err(Refusal::new(node.at, "`<<` merges mappings; this is none", Some("write `<<: *name`"))),
    }
}

fn check_tag(tag: Option<Cow<'_, Tag>>, at: Position) -> Result<(), Refusal> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => {
            let message = format!("the tag `{}` has no meaning here", short(&tag.to_string()));
            Err(Refusal::new(at, message, Some("remove it")))
        }
        _ => Ok(()),
    }
}

/// Finds where in the file the characters of a scalar stand.
struct Locator<'a> {
    rest: &'a str,
    at: usize,
}

impl Locator<'_> {
    /// Where each `${` of the text stands: the n-th of the text is the n-th of the raw text between the markers.
    fn marks(&mut self, text: &str, span: Span) -> Vec<Position> {
        self.skip_to(span.start.index());
        let mut at = position(span.start);
        let mut marks = Vec::new();
        let mut chars = self.rest.chars().peekable();
        for _ in span.start.index()..span.end.index() {
            let Some(c) = chars.next() else { break };
            if c == '$' && chars.peek() == Some(&'{') {
                marks.push(at);
            }
            match c {
                '\n' => at = Position { line: at.line + 1, column: 1 },
                _ => at.column += 1,
            }
        }
        if marks.len() == text.matches("${").count() { marks } else { Vec::new() }
    }

    /// Moves forward to a character; scalars come in the order of the file.
    fn skip_to(&mut self, index: usize) {
        let skipped = index.saturating_sub(self.at);
        let offset = self.rest.char_indices().nth(skipped).map_or(self.rest.len(), |(offset, _)| offset);
        self.rest = &self.rest[offset..];
        self.at += skipped;
    }
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line() as u32, column: marker.col() as u32 + 1 }
}

fn short(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// The parser's error in words for a person who knows YAML only by sight.
fn explain(error: &ScanError) -> Refusal {
    let info = error.info();
    let at = position(*error.marker());
    if info.contains("tab") {
        return Refusal::new(at, "a tab cannot be used for indentation in YAML", Some("use spaces"));
    }
    if info.contains("recursion limit") {
        return Refusal::new(at, format!("this is nested deeper than {MAX_DEPTH} levels"), None);
    }
    let hint = match info {
        info if info.contains("mapping values are not allowed") || info.contains("simple key expect") => {
            Some("check the indentation and the `:` here and in the line above; quote a text that holds `: `")
        }
        info if info.contains("indentation") => Some("indent with spaces, the same number on each level"),
        _ => None,
    };
    Refusal::new(at, format!("this is not valid YAML: {info}"), hint)
}
