//! Tables between rules; where the terminal is too narrow, one block a row.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use super::escape;
use super::paint::{self, Look};

/// Rules of the reference's tables.
const RULE: usize = 64;

/// Below this width a table that does not fit becomes blocks.
const NARROW: usize = 60;

/// Renders rows between rules. The first column is never broken: it is what people copy.
pub fn render(headers: &[&str], rows: &[Vec<String>], look: &Look) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| escape::line(cell).into_owned()).collect()).collect();
    let natural = lines(headers, &rows, None);
    let widest = natural.iter().map(|line| width(line)).max().unwrap_or_default();
    match look.width {
        Some(available) if widest > available && available < NARROW => blocks(headers, &rows, look),
        Some(available) if widest > available => ruled(lines(headers, &rows, Some(available)), available, look),
        _ => ruled(natural, widest.max(RULE), look),
    }
}

fn ruled(lines: Vec<String>, length: usize, look: &Look) -> String {
    let rule = look.rule(length);
    let mut text = format!("{rule}\n");
    for (number, line) in lines.iter().enumerate() {
        if number == 0 {
            text.push_str(&format!("{}\n{rule}\n", paint::bold(line)));
        } else {
            text.push_str(&format!("{line}\n"));
        }
    }
    text.push_str(&format!("{rule}\n"));
    text
}

fn lines(headers: &[&str], rows: &[Vec<String>], available: Option<usize>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(headers.to_vec()).add_rows(rows.to_vec());
    let last = headers.len().saturating_sub(1);
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if number == last { 0 } else { 2 }));
    }
    if let Some(available) = available {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(available).unwrap_or(u16::MAX));
        for (column, header) in table.column_iter_mut().zip(headers) {
            let least = u16::try_from(header.len()).unwrap_or(u16::MAX).saturating_add(column.padding_width());
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
        if let Some(first) = table.column_mut(0) {
            first.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn blocks(headers: &[&str], rows: &[Vec<String>], look: &Look) -> String {
    let rule = look.rule(RULE);
    let mut text = format!("{rule}\n");
    for row in rows {
        for (header, cell) in headers.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            text.push_str(&format!("{}: {cell}\n", paint::bold(header)));
        }
        text.push_str(&format!("{rule}\n"));
    }
    text
}

/// Columns that text takes, as far as a table's own arithmetic is concerned.
fn width(line: &str) -> usize {
    line.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        [
            ["notifications-team", "Notifications Team", "active"],
            ["x", "A team with quite a long name indeed", "suspended"],
        ]
        .map(|row| row.map(str::to_owned).to_vec())
        .to_vec()
    }

    fn rendered(width: Option<usize>) -> String {
        let look = Look { width, ..Look::plain() };
        look.finish(&render(&["ID", "NAME", "STATUS"], &rows(), &look))
    }

    #[test]
    fn a_wide_terminal_gets_the_reference_s_table() {
        let rule = "─".repeat(67);
        assert_eq!(
            rendered(None),
            format!(
                "{rule}\n\
                 ID                  NAME                                  STATUS\n\
                 {rule}\n\
                 notifications-team  Notifications Team                    active\n\
                 x                   A team with quite a long name indeed  suspended\n\
                 {rule}\n"
            )
        );
    }

    #[test]
    fn no_line_passes_the_terminal() {
        for columns in 60..=90 {
            let text = rendered(Some(columns));
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{columns}:\n{text}");
        }
    }

    #[test]
    fn a_narrow_terminal_gets_blocks() {
        let text = rendered(Some(20));
        assert!(text.starts_with("────────────────────\nID: notifications-team\nNAME: Notifications Team\n"), "{text}");
    }

    #[test]
    fn any_width_is_survived() {
        for columns in 1..=200 {
            assert!(!rendered(Some(columns)).is_empty());
        }
    }
}
