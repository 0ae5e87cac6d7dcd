//! Who was deleted and can be restored.

use deployer_proto::v1::{DeletedTenantRow, ListTenantsResponse};

use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{table, value};

/// Their ids, an archive a line.
pub fn ids(answer: &ListTenantsResponse) -> String {
    answer.deleted.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join("\n")
}

/// The table of them.
pub fn render(answer: &ListTenantsResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Deleted Tenants");
    if answer.deleted.is_empty() {
        page.rule().line("Nobody was deleted who could be restored.");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.deleted.iter().map(row).collect();
    let table = table::render(&["ID", "NAME", "DELETED", "KEPT UNTIL", "ARCHIVE"], &rows, look);
    let mut end = Page::new(look);
    end.line("Bring one back: deployer tenant restore ID [--from ARCHIVE]");
    format!("{}{table}{}", page.text(), end.text())
}

fn row(row: &DeletedTenantRow) -> Vec<String> {
    let archive = if row.restoring { format!("{} (being restored)", row.archive) } else { row.archive.clone() };
    vec![row.id.clone(), row.display_name.clone(), value::date(&row.deleted), value::date(&row.purgeable), archive]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_archive_says_until_when_it_is_kept() {
        let row = |archive: &str, restoring| DeletedTenantRow {
            id: "web-team".to_owned(),
            display_name: "Web Team".to_owned(),
            archive: archive.to_owned(),
            deleted: "2024-01-20T14:30:00Z".to_owned(),
            purgeable: "2024-02-19T14:30:00Z".to_owned(),
            restoring,
            ..DeletedTenantRow::default()
        };
        let answer = ListTenantsResponse {
            deleted: vec![row("20240120T143000Z", false), row("20240121T143000Z", true)],
            ..ListTenantsResponse::default()
        };
        let text = Look::plain().finish(&render(&answer, &Look::plain()));
        assert!(text.contains("web-team  Web Team  2024-01-20  2024-02-19  20240120T143000Z\n"), "{text}");
        assert!(text.contains("20240121T143000Z (being restored)"), "{text}");
        assert_eq!(ids(&answer), "web-team\nweb-team");
        assert!(render(&ListTenantsResponse::default(), &Look::plain()).contains("Nobody was deleted"));
    }
}
