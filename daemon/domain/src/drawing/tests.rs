use super::*;
use crate::effort::Effort;
use crate::manifest::SourceFile;

fn manifest() -> Manifest {
    let text = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: {dev: {}}\nservices:\n  web:\n    components:\n\
        \x20     queue: {type: command, apply: x}\n\
        \x20     db: {type: command, apply: x}\n\
        \x20     migrate: {type: command, apply: x, dependsOn: [web.db]}\n\
        \x20     api: {type: command, apply: x, dependsOn: [web.migrate, web.queue, web.db]}\n  edge:\n    components:\n\
        \x20     dns: {type: command, apply: x, dependsOn: [web.api]}\n";
    Manifest::read(&SourceFile { name: "stack.yaml".to_owned(), text: text.to_owned() }, &[]).unwrap()
}

fn drawn(format: Format) -> String {
    draw(&manifest(), &Selection::default(), format).unwrap()
}

#[test]
fn a_terminal_gets_a_tree_of_what_each_component_needs() {
    assert_eq!(
        drawn(Format::Text),
        "shop\n\
         └── edge.dns (command)\n\
         \x20   └── web.api (command)\n\
         \x20       ├── web.queue (command)\n\
         \x20       ├── web.db (command)\n\
         \x20       └── web.migrate (command)\n\
         \x20           └── web.db (command)\n"
    );
}

#[test]
fn a_part_is_drawn_with_what_it_needs() {
    let selection = Selection { components: ["web.migrate".parse().unwrap()].into(), ..Selection::default() };
    let text = draw(&manifest(), &selection, Format::Text).unwrap();
    assert_eq!(text, "shop\n└── web.migrate (command)\n    └── web.db (command)\n");
    let selection = Selection { components: ["web.nothing".parse().unwrap()].into(), ..Selection::default() };
    assert_eq!(draw(&manifest(), &selection, Format::Text).unwrap_err().reason, Reason::NotFound);
}

#[test]
fn markdown_and_graphviz_get_services_as_boxes_and_dependencies_as_arrows() {
    let mermaid = drawn(Format::Mermaid);
    assert!(mermaid.starts_with("flowchart LR\n  subgraph web_[\"web\"]\n    n0[\"queue<br/><i>command</i>\"]\n"));
    assert_eq!(mermaid.matches(" --> ").count(), 5);
    let dot = drawn(Format::Dot);
    assert!(dot.contains("  subgraph \"cluster_edge\" {\n") && dot.contains("  \"web.db\" -> \"web.migrate\";\n"));
}

#[test]
fn a_picture_has_every_component_and_every_dependency() {
    let svg = drawn(Format::Svg);
    assert!(svg.starts_with("<?xml") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for name in ["web.queue", "web.db", "web.migrate", "web.api", "edge.dns"] {
        assert!(svg.contains(name), "{name}");
    }
    assert_eq!(svg.matches("marker-end").count(), 5, "{svg}");
}

#[test]
fn five_hundred_components_are_drawn_while_somebody_waits() {
    let components: String = (0..500)
        .map(|n| {
            let needs = if n % 3 == 0 { String::new() } else { format!(", dependsOn: [a.c{}]", n / 2) };
            format!("      c{n}: {{type: command, apply: x{needs}}}\n")
        })
        .collect();
    let head =
        "apiVersion: deployer/v1\nkind: Stack\nname: big\nenvironments: {dev: {}}\nservices:\n  a:\n    components:\n";
    let text = format!("{head}{components}");
    let manifest = Manifest::read(&SourceFile { name: "stack.yaml".to_owned(), text }, &[]).unwrap();
    let began = Effort::begin();
    let svg = draw(&manifest, &Selection::default(), Format::Svg).unwrap();
    assert!(svg.contains("a.c499"));
    assert!(began.so_far() < std::time::Duration::from_secs(20), "{:?}", began.so_far());
}

#[test]
fn an_unknown_format_is_refused_with_those_that_there_are() {
    assert_eq!("png".parse::<Format>().unwrap_err().hints, ["there are text, mermaid, dot and svg"]);
    assert_eq!("".parse::<Format>().unwrap(), Format::Text);
}
