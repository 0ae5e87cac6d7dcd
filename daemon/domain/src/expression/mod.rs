//! Expressions in the values of a stack file: `${var.NAME}`, `${service.component.output}`, `${tenant}`, `${stack}`,
//! `${environment}`, `${region}`, and `$${` for a literal `${`.
//!
//! A [`Template`] is a text with its references found; a [`Resolver`] knows what they stand for. Expressions are never
//! expanded in the text of a command, so nothing can be injected into a shell: values travel by the environment.

mod resolve;

pub use resolve::{Outputs, Resolved, Resolver, Scope, Shown, Unresolved};

use std::fmt;

use crate::name::{ComponentId, RESERVED_SERVICE_NAMES};
use crate::nearest::did_you_mean;

/// The most problems that are told of one text.
const MAX_PROBLEMS: usize = 20;

/// A text that may hold references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// The reference, and which `${` of the text it is, counted from 0.
    Reference(Reference, usize),
}

/// What an expression stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// `${var.NAME}`: a variable of the stack file.
    Variable(String),
    /// `${service.component.output}`: what a component told.
    Output(ComponentId, String),
    /// `${tenant}`.
    Tenant,
    /// `${stack}`.
    Stack,
    /// `${environment}`.
    Environment,
    /// `${region}`.
    Region,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${{var.{name}}}"),
            Self::Output(component, output) => write!(f, "${{{component}.{output}}}"),
            Self::Tenant => f.write_str("${tenant}"),
            Self::Stack => f.write_str("${stack}"),
            Self::Environment => f.write_str("${environment}"),
            Self::Region => f.write_str("${region}"),
        }
    }
}

/// Why an expression could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidExpression {
    /// Which `${` of the text it is, counted from 0.
    pub mark: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Template {
    /// Reads a text; answers with everything that is wrong in it.
    pub fn parse(source: &str) -> Result<Self, Vec<InvalidExpression>> {
        let (mut parts, mut problems) = (Vec::new(), Vec::new());
        let (mut literal, mut rest, mut mark) = (String::new(), source, 0);
        while let Some(found) = rest.find("${") {
            if rest[..found].ends_with('$') {
                literal.push_str(&rest[..found - 1]);
                literal.push_str("${");
                rest = &rest[found + 2..];
                mark += 1;
                continue;
            }
            literal.push_str(&rest[..found]);
            let Some(end) = rest[found..].find('}') else {
                problems.push(invalid(mark, "this expression has no closing `}`".to_owned(), Some(LITERAL.to_owned())));
                rest = "";
                break;
            };
            let inner = &rest[found + 2..found + end];
            match read_reference(inner) {
                Ok(reference) => {
                    push_literal(&mut parts, &mut literal);
                    parts.push(Part::Reference(reference, mark));
                }
                Err((message, hint)) => problems.push(invalid(mark, message, hint)),
            }
            if problems.len() >= MAX_PROBLEMS {
                return Err(problems);
            }
            mark += 1 + inner.matches("${").count();
            rest = &rest[found + end + 1..];
        }
        literal.push_str(rest);
        push_literal(&mut parts, &mut literal);
        if problems.is_empty() { Ok(Self { source: source.to_owned(), parts }) } else { Err(problems) }
    }

    /// A template that stands for exactly this text.
    pub fn literal(text: &str) -> Self {
        let mut parts = Vec::new();
        push_literal(&mut parts, &mut text.to_owned());
        Self { source: text.replace("${", "$${"), parts }
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The references in it, each with which `${` of the text it is.
    pub fn references(&self) -> impl Iterator<Item = (&Reference, usize)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference, mark) => Some((reference, *mark)),
            Part::Literal(_) => None,
        })
    }

    /// The components whose outputs it needs.
    pub fn components(&self) -> impl Iterator<Item = &ComponentId> {
        self.references().filter_map(|(reference, _)| match reference {
            Reference::Output(component, _) => Some(component),
            _ => None,
        })
    }

    /// The text, where there is no reference in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

const LITERAL: &str = "write `$${` for a literal `${`";

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
}

fn invalid(mark: usize, message: String, hint: Option<String>) -> InvalidExpression {
    InvalidExpression { mark, message, hint }
}

fn read_reference(inner: &str) -> Result<Reference, (String, Option<String>)> {
    let inner = inner.trim();
    let shown = shown(inner);
    let parts: Vec<&str> = inner.split('.').collect();
    match parts.as_slice() {
        ["tenant"] => Ok(Reference::Tenant),
        ["stack"] => Ok(Reference::Stack),
        ["environment"] => Ok(Reference::Environment),
        ["region"] => Ok(Reference::Region),
        ["var", name] if is_variable_name(name) => Ok(Reference::Variable((*name).to_owned())),
        ["var", ..] => Err((format!("`{shown}` names no variable"), Some("write ${var.NAME}".to_owned()))),
        [service, component, output] if !RESERVED_SERVICE_NAMES.contains(service) => {
            let id = format!("{service}.{component}").parse().map_err(|error| (format!("{error}"), None))?;
            if !is_output_name(output) {
                return Err((format!("`{}` is no name of an output", self::shown(output)), None));
            }
            Ok(Reference::Output(id, (*output).to_owned()))
        }
        [""] => Err(("this expression is empty".to_owned(), Some(LITERAL.to_owned()))),
        [name] => {
            let hint = match did_you_mean(name, ["tenant", "stack", "environment", "region"]) {
                Some(hint) if hint.starts_with("did") => hint,
                _ if is_variable_name(name) => {
                    format!("write ${{var.{name}}} for a variable, $${{{name}}} for the text")
                }
                _ => LITERAL.to_owned(),
            };
            Err((format!("unknown expression `{shown}`"), Some(hint)))
        }
        _ => Err((
            format!("unknown expression `{shown}`"),
            Some("write ${var.NAME} or ${service.component.output}".to_owned()),
        )),
    }
}

fn shown(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", cut.escape_debug())
}

/// Whether a text can name a variable: letters, digits and `_`, not beginning with a digit, at most 64.
pub fn is_variable_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(good)
}

/// Whether a text can name an output: as a variable, and `-` as well.
pub fn is_output_name(text: &str) -> bool {
    is_variable_name(&text.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(text: &str) -> Vec<String> {
        let template = Template::parse(text).unwrap();
        template.references().map(|(reference, mark)| format!("{mark}:{reference}")).collect()
    }

    fn refused(text: &str) -> String {
        let problems = Template::parse(text).unwrap_err();
        let lines = problems.iter().map(|p| format!("{}:{} ({})", p.mark, p.message, p.hint.as_deref().unwrap_or("")));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn references_are_found_with_their_place() {
        let text = "a$${x}${var.V}-${ email.api.url }${tenant}${stack}${environment}${region}$x$";
        let want = ["1:${var.V}", "2:${email.api.url}", "3:${tenant}", "4:${stack}", "5:${environment}", "6:${region}"];
        assert_eq!(references(text), want);
        assert_eq!(Template::parse(text).unwrap().source(), text);
    }

    #[test]
    fn a_doubled_dollar_is_a_literal() {
        assert_eq!(Template::parse("$${HOME} $5 $").unwrap().as_literal(), Some("${HOME} $5 $"));
        assert_eq!(Template::parse("").unwrap().as_literal(), Some(""));
        assert_eq!(Template::parse(Template::literal("a${b}").source()).unwrap().as_literal(), Some("a${b}"));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        assert_eq!(
            refused("${} ${HOME} ${var.} ${Env.x} ${a.B.c} ${enviroment} ${open"),
            "0:this expression is empty (write `$${` for a literal `${`)\n\
             1:unknown expression `HOME` (write ${var.HOME} for a variable, $${HOME} for the text)\n\
             2:`var.` names no variable (write ${var.NAME})\n\
             3:unknown expression `Env.x` (write ${var.NAME} or ${service.component.output})\n\
             4:component name \"B\" is not valid: 'B' is not allowed; use lower-case letters, digits and hyphens ()\n\
             5:unknown expression `enviroment` (did you mean `environment`?)\n\
             6:this expression has no closing `}` (write `$${` for a literal `${`)"
        );
    }
}
