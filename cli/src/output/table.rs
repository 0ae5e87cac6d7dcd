//! Tables between rules; where the terminal is too narrow, one block a row.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use super::escape;
use super::paint::{self, Look};

/// Rules of the reference's tables.
const RULE: usize = 64;

/// What separates a column from the next one.
const GAP: usize = 2;

/// Renders rows between rules. The first column is never broken: it is what people copy. Nor is a word of another: where
/// that takes more room than there is, each row becomes a block.
pub fn render(headers: &[&str], rows: &[Vec<String>], look: &Look) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| escape::line(cell).into_owned()).collect()).collect();
    let natural = lines(headers, &rows, None);
    let widest = natural.iter().map(|line| width(line)).max().unwrap_or_default();
    match look.width {
        Some(available) if widest > available => {
            let least = least_widths(headers, &rows);
            match least.iter().sum::<usize>() + GAP * (least.len() - 1) <= available {
                true => ruled(lines(headers, &rows, Some((available, &least))), available, look),
                false => blocks(headers, &rows, look),
            }
        }
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

/// For each column, the width of what is not broken.
fn least_widths(headers: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let longest_word = |cell: &str| cell.split_whitespace().map(width).max().unwrap_or_default();
    let column = |(at, header): (usize, &&str)| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(at))
            .map(|cell| if at == 0 { width(cell) } else { longest_word(cell) });
        cells.chain([width(header)]).max().unwrap_or_default()
    };
    headers.iter().enumerate().map(column).collect()
}

/// The lines of the table; in a width, with what each column takes at least.
fn lines(headers: &[&str], rows: &[Vec<String>], narrow: Option<(usize, &[usize])>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(headers.to_vec()).add_rows(rows.to_vec());
    let last = headers.len().saturating_sub(1);
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if number == last { 0 } else { GAP as u16 }));
    }
    if let Some((available, least)) = narrow {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(available).unwrap_or(u16::MAX));
        for (column, least) in table.column_iter_mut().zip(least) {
            let least = u16::try_from(*least).unwrap_or(u16::MAX).saturating_add(column.padding_width());
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
    fn no_line_passes_the_terminal_and_no_word_is_broken() {
        let run =
            ["01M8DN3QR8G4MXSKCDAEK9MSZK", "shop/production", "apply", "cancelled", "tester@laptop", "3m ago", "40.1s"];
        let run: Vec<String> = run.map(str::to_owned).to_vec();
        let headers = ["RUN", "STACK", "OPERATION", "STATUS", "BY", "STARTED", "TOOK"];
        for columns in 44..=120 {
            let look = Look { width: Some(columns), ..Look::plain() };
            let runs = look.finish(&render(&headers, std::slice::from_ref(&run), &look));
            for text in [rendered(Some(columns)), runs.clone()] {
                assert!(text.lines().all(|line| line.chars().count() <= columns), "{columns}:\n{text}");
            }
            let words = run.iter().flat_map(|cell| cell.split_whitespace());
            assert!(words.clone().all(|word| runs.contains(word)), "{columns}:\n{runs}");
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
