use std::time::Duration;

use super::*;
use crate::effort::Effort;

fn file(text: &str) -> SourceFile {
    SourceFile::decode("f.yaml", text.as_bytes().to_vec()).unwrap()
}

fn tree(text: &str) -> Node {
    parse(&file(text)).unwrap()
}

/// What is wrong with a text, found within a second.
fn refused(text: &str) -> String {
    let start = Effort::begin();
    let problems = parse(&file(text)).expect_err("it was accepted");
    assert!(start.so_far() < Duration::from_secs(1), "it took {:?}", start.so_far());
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn shape(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".to_owned(),
        Value::Scalar(scalar) if scalar.plain => scalar.text.clone(),
        Value::Scalar(scalar) => format!("{:?}", scalar.text),
        Value::Sequence(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(" ")),
        Value::Mapping(entries) => {
            let entries =
                entries.iter().map(|e| format!("{}@{}:{}={}", e.key, e.at.line, e.at.column, shape(&e.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn a_tree_keeps_texts_as_written_and_knows_every_place() {
    let text = "a: 1.10\nb:\n  - x\n  - \"y\"\n  - ~\n'c': {d: true, \"e\": 012}\nf:\n";
    assert_eq!(shape(&tree(text)), "{a@1:1=1.10 b@2:1=[x \"y\" ~] c@6:1={d@6:7=true e@6:16=012} f@7:1=~}");
    assert_eq!(shape(&tree("")), "~");
    assert_eq!(shape(&tree("---\n# only a comment\n")), "~");
    assert_eq!(shape(&tree("\u{feff}a: b\r\nc: d\r\n")), "{a@1:1=b c@2:1=d}");
}

#[test]
fn expressions_are_found_at_their_place_in_every_style_of_scalar() {
    let text =
        "é: ü${a}-${b}\nq: \"é \\u00e9 ${c}\"\nl: |\n  one\n  two ${d}\n  $${e}\nf: >-\n  x\n  ${g}\ns: 'it''s ${h}'\n";
    let Value::Mapping(entries) = tree(text).value else { panic!("no mapping") };
    let marks: Vec<String> = entries
        .iter()
        .flat_map(|entry| &entry.value.scalar().unwrap().marks)
        .map(|at| format!("{}:{}", at.line, at.column))
        .collect();
    assert_eq!(marks, ["1:5", "1:10", "2:14", "5:7", "6:4", "9:3", "10:11"]);
}

#[test]
fn a_place_that_cannot_be_known_is_the_place_of_the_scalar() {
    let Value::Mapping(entries) = tree("a: \"\\x24{b}\"").value else { panic!("no mapping") };
    let scalar = entries[0].value.scalar().unwrap();
    assert_eq!((scalar.text.as_str(), scalar.marks.len()), ("${b}", 0));
}

#[test]
fn aliases_and_merge_keys_are_written_out_and_own_keys_win() {
    let text = "x-base: &base {a: 1, b: 2}\none: {<<: *base, b: 3}\ntwo: *base\nthree: {<<: [*base, {c: 4}]}\n";
    assert_eq!(
        shape(&tree(text)),
        "{x-base@1:1={a@1:16=1 b@1:22=2} one@2:1={b@2:18=3 a@1:16=1} two@3:1={a@1:16=1 b@1:22=2} \
         three@4:1={a@1:16=1 b@1:22=2 c@4:22=4}}"
    );
}

#[test]
fn every_duplicate_key_is_refused_with_both_places() {
    assert_eq!(
        refused("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n"),
        "f.yaml:4:3: the key `c` is already given in line 3; remove one of the two\n\
         f.yaml:5:1: the key `a` is already given in line 1; remove one of the two"
    );
}

#[test]
fn mistakes_are_explained_with_their_place() {
    for (text, want) in [
        ("a:\n\tb: 1\n", "f.yaml:2:2: a tab cannot be used for indentation in YAML; use spaces"),
        (
            "a: 1\n---\nb: 2\n",
            "f.yaml:2:1: a second document begins here; only one is allowed in a file; remove the line `---`",
        ),
        ("a: !Ref x\n", "f.yaml:1:4: the tag `!Ref` has no meaning here; remove it"),
        ("a: *nowhere\n", "f.yaml:1:4: this is not valid YAML: while parsing node, found unknown anchor"),
        ("a: &x [*x]\n", "f.yaml:1:8: this alias stands within what it stands for"),
        ("[a]: 1\n", "f.yaml:1:1: a key must be a text"),
        ("<<: 1\n", "f.yaml:1:5: `<<` merges mappings; this is none; write `<<: *name`"),
    ] {
        assert_eq!(refused(text), want, "{text:?}");
    }
    for text in
        ["a: b: c\n", "a: [1, 2\n", "a: \"b\n", "a: {b: 1\nc: 2\n", "- a\nb: c\n", "a: b\n c: d\n", "%YAML 9\na: 1"]
    {
        let message = refused(text);
        assert!(message.starts_with("f.yaml:") && message.contains("not valid YAML"), "{text:?}: {message}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let refuse = |bytes: &[u8]| SourceFile::decode("f.yaml", bytes.to_vec()).unwrap_err().to_string();
    assert_eq!(
        refuse(b"a: \xc3\xa9\nb: x\xff"),
        "f.yaml:2:5: the file is not valid UTF-8 from here on; save it as UTF-8"
    );
    assert_eq!(refuse(b"a: 1\nb: \x00"), "f.yaml:2:4: the control character U+0000 is not allowed in YAML; remove it");
    assert!(refuse("a: \u{1b}[2J".as_bytes()).contains("U+001B"));
    let large = refuse(&vec![b'a'; MAX_FILE_BYTES as usize + 1]);
    assert!(large.starts_with("f.yaml: the file has 1048577 bytes; at most 1048576 are read"), "{large}");
}

#[test]
fn deep_nesting_is_refused_quickly() {
    let too_deep = "this is nested deeper than 32 levels";
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("[{a: [", "]}]")] {
        let text = format!("{}x{}", open.repeat(100_000 / open.len()), close.repeat(100_000 / open.len()));
        assert!(refused(&text).contains(too_deep), "{open:?}");
        assert!(refused(&open.repeat(100_000)).contains(too_deep), "{open:?} left open");
    }
    let mut indented = String::new();
    (0..1_000).for_each(|level| indented.push_str(&format!("{}a:\n", " ".repeat(level))));
    assert!(refused(&indented).contains(too_deep));
}

#[test]
fn the_deepest_nesting_that_is_allowed_is_read() {
    let text = |levels: usize| format!("{}x{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(&file(&text(MAX_DEPTH - 1))).is_ok());
    assert!(parse(&file(&text(MAX_DEPTH))).is_err());
}

#[test]
fn anchors_that_multiply_are_refused_quickly() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for n in 1..30 {
        let before = format!("*a{},", n - 1).repeat(9);
        laughs.push_str(&format!("a{n}: &a{n} [{before}]\n"));
    }
    let too_large = "too large up to here, counting what its aliases stand for";
    assert!(refused(&laughs).contains(too_large));
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(500_000), "*a, ".repeat(100_000));
    assert!(refused(&long).contains(too_large));
    let nested = format!("{}x{}", "&a [".repeat(30), "]".repeat(30));
    assert!(parse(&file(&nested)).is_ok());
    let deep = format!("a: &a {}x{}\nb: {}*a{}\n", "[".repeat(20), "]".repeat(20), "[".repeat(20), "]".repeat(20));
    assert!(refused(&deep).contains("nested deeper"));
}

#[test]
fn large_but_honest_files_are_read_quickly() {
    let start = Effort::begin();
    let mut text = String::new();
    for n in 0..20_000 {
        text.push_str(&format!("key{n}: \"some value ${{var.X}} {n}\"\n"));
    }
    assert!((text.len() as u64) < MAX_FILE_BYTES);
    assert!(matches!(tree(&text).value, Value::Mapping(entries) if entries.len() == 20_000));
    assert!(start.so_far() < Duration::from_secs(2), "it took {:?}", start.so_far());
}

#[test]
fn hostile_texts_of_the_largest_size_are_answered_quickly() {
    let size = MAX_FILE_BYTES as usize;
    for unit in [
        "a", " ", "\n", "#", "'", "\"", "|\n", "? a\n", "- a\n", "&a ", "*a ", "!a ", "%", ",", ":", "a: ", "- - ",
        "${", "---\n", "é", "[],", "a:\n- ",
    ] {
        let text = unit.repeat(size / unit.len());
        let start = Effort::begin();
        let _ = parse(&file(&text));
        assert!(start.so_far() < Duration::from_secs(3), "{unit:?} took {:?}", start.so_far());
    }
}

#[test]
fn random_texts_are_answered_and_never_end_in_a_panic() {
    let alphabet: Vec<char> = "ab:-[]{},&*!|>'\"%@`#?~ \n\t${}.\\xé0".chars().collect();
    let mut seed = 0x1234_5678_9abc_def0_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for _ in 0..20_000 {
        let length = next() % 60;
        let text: String = (0..length).map(|_| alphabet[next() % alphabet.len()]).collect();
        let _ = parse(&file(&text));
    }
}
