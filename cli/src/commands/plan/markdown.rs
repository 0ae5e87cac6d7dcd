//! A plan as a comment for a pull request.

use deployer_proto::v1::{Action, Plan, PlannedStep};

use crate::output::escape;

/// Everything that comes from elsewhere stands in code: nothing in a stack can call people or draw pictures there.
pub fn render(plan: &Plan) -> String {
    let place = format!("{}/{}", plan.stack, plan.environment);
    let mut text = format!("### Plan: {} ({})\n\n", code(&place), super::what(plan));
    if plan.changes {
        text.push_str(&format!("**{}** Digest {}\n\n", super::counts(plan), code(&plan.digest)));
        text.push_str("| | component | action | type | why |\n|---|---|---|---|---|\n");
        plan.steps.iter().filter(|step| changes(step)).for_each(|step| text.push_str(&row(step)));
        plan.steps.iter().filter(|step| changes(step)).for_each(|step| text.push_str(&details(step)));
    } else {
        text.push_str(&format!("No changes. {} is as its file says.\n", code(&place)));
    }
    if !plan.locked_by.is_empty() {
        text.push_str(&format!("\n> ⚠ {}\n", code(&super::locked(plan))));
    }
    plan.warnings.iter().for_each(|warning| text.push_str(&format!("\n> ⚠ {}\n", code(warning))));
    plan.refusals.iter().for_each(|refusal| text.push_str(&format!("\n> ✗ Refused: {}\n", code(refusal))));
    text
}

fn changes(step: &PlannedStep) -> bool {
    !matches!(step.action(), Action::None | Action::Unspecified)
}

fn row(step: &PlannedStep) -> String {
    let (symbol, word) = super::symbol(step.action());
    let cells = [code(symbol), code(&step.component), word.to_owned(), code(&step.r#type), code(&step.reason)];
    format!("| {} |\n", cells.join(" | "))
}

/// What changes within a component, folded, coloured as a difference.
fn details(step: &PlannedStep) -> String {
    let values = step.changes.iter().map(|change| format!("! {}", super::value_change(change)));
    let lines: Vec<String> = values.chain(step.resources.iter().map(super::resource_line)).collect();
    if lines.is_empty() {
        return String::new();
    }
    let head =
        format!("\n<details><summary>{} {}</summary>\n\n", super::symbol(step.action()).1, html(&step.component));
    format!("{head}```diff\n{}\n```\n\n</details>\n", lines.join("\n").replace("```", "'''"))
}

/// A text as inline code, also within a table.
fn code(text: &str) -> String {
    let text = escape::line(text).replace('`', "'").replace('|', "\\|");
    if text.trim().is_empty() { String::new() } else { format!("`{text}`") }
}

fn html(text: &str) -> String {
    let safe = escape::line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<code>{safe}</code>")
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::ResourceChange;

    use super::*;
    use crate::commands::plan::tests::mixed;

    #[test]
    fn a_plan_is_a_table_with_its_details_folded() {
        let mut plan = mixed();
        plan.steps[0].resources = vec![ResourceChange {
            action: "add".to_owned(),
            name: "Database".to_owned(),
            r#type: "AWS::RDS::DBInstance".to_owned(),
            ..ResourceChange::default()
        }];
        plan.steps.truncate(2);
        assert_eq!(
            render(&plan),
            "### Plan: `demo/development` (apply)\n\
             \n\
             **Plan: 1 to create, 1 to update, 1 to replace, 1 to delete, 1 unchanged.** Digest `4f2a`\n\
             \n\
             | | component | action | type | why |\n\
             |---|---|---|---|---|\n\
             | `+` | `email.database` | create | `command` | `not deployed yet` |\n\
             | `~` | `email.api` | update | `command` | `environment VERSION changed` |\n\
             \n\
             <details><summary>create <code>email.database</code></summary>\n\
             \n\
             ```diff\n\
             + Database (AWS::RDS::DBInstance)\n\
             ```\n\
             \n\
             </details>\n\
             \n\
             <details><summary>update <code>email.api</code></summary>\n\
             \n\
             ```diff\n\
             ! VERSION: \"1.0\" → \"1.1\"\n\
             ! URL: \"http://a\" → (known after apply)\n\
             ```\n\
             \n\
             </details>\n"
        );
    }

    #[test]
    fn nothing_in_a_stack_gets_out_of_its_code() {
        let mut plan = mixed();
        plan.steps.truncate(2);
        plan.steps[0].reason = "` @everyone | ![](http://x)\n# head".to_owned();
        plan.steps[1].changes[0].after = "```\n<img src=x>".to_owned();
        let text = render(&plan);
        assert!(text.contains("| `' @everyone \\| ![](http://x)"), "{text}");
        assert_eq!(text.matches("```").count(), 2, "{text}");
        assert!(!text.contains("\n# head"), "{text}");
    }
}
