//! What docs/COST.md says that commands ask for is what they ask for.

use std::collections::BTreeMap;

use harness::aws::LocalAws;
use harness::programs;
use harness::proxy::Proxy;
use harness::scenes::Platform;

/// The columns of the page, as requests are billed.
const COLUMNS: [&str; 5] = ["S3 writes", "S3 reads", "DynamoDB writes", "DynamoDB reads", "Secrets Manager"];

/// The column that a request is billed in; nothing for what costs nothing.
fn column(operation: &str) -> Option<usize> {
    match operation.split_once('.')? {
        ("S3", name) if name.starts_with("Get") || name.starts_with("Head") => Some(1),
        ("S3", name) if name.starts_with("Delete") => None,
        ("S3", _) => Some(0),
        ("DynamoDB", "GetItem" | "BatchGetItem" | "Query") => Some(3),
        ("DynamoDB", _) => Some(2),
        ("SecretsManager", _) => Some(4),
        _ => None,
    }
}

/// What the page says, by command.
fn told() -> BTreeMap<String, Vec<usize>> {
    let page = std::fs::read_to_string(programs::root().join("docs/COST.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let read = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let counts = cells[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        (cells[0].trim_matches('`').to_owned(), counts)
    };
    rows.map(read).collect()
}

#[test]
fn commands_ask_for_no_more_than_the_page_on_cost_says() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let mut team = Platform::aws(&aws);
    let secret = team.create_tenant("web-team");
    team.world = team.world.with("AWS_ENDPOINT_URL", proxy.endpoint()).with("DEPLOYER_ENVIRONMENT", "development");
    team.write_stack("shop", &["a: { type: command, apply: 'true', check: 'true' }"]);
    let told = told();
    let mut measured = BTreeMap::new();
    for (command, run) in [
        ("login", &["login", "--tenant", "web-team", "--backend", &team.address, "--secret-stdin"][..]),
        ("plan", &["plan", "--stack", "shop"]),
        ("apply", &["apply", "--stack", "shop", "--yes"]),
        ("apply, nothing to do", &["apply", "--stack", "shop", "--yes"]),
        ("status", &["status", "--stack", "shop"]),
        ("history", &["history", "--stack", "shop"]),
        ("destroy", &["destroy", "--stack", "shop", "--yes"]),
    ] {
        proxy.forget();
        team.world.command(run.iter().copied()).stdin(&*secret).run().succeeds();
        let mut counts = vec![0; COLUMNS.len()];
        for (operation, times) in proxy.counts() {
            if let Some(column) = column(operation.name()) {
                counts[column] += times;
            }
        }
        measured.insert(command.to_owned(), counts);
    }
    let right = |(command, counts): (&String, &Vec<usize>)| {
        // A slow machine beats once more, and a page that says twice as much would be of no use.
        told.get(command).is_some_and(|told| {
            counts.iter().zip(told).all(|(found, told)| found <= &(told + 1) && *told <= 2 * found + 2)
        })
    };
    assert!(measured.iter().all(right), "measured {COLUMNS:?}:\n{measured:#?}\ntold:\n{told:#?}");
}
