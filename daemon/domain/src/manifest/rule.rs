//! What texts must look like, for the reader and for the schema.

use crate::expression::is_variable_name;
use crate::name::{ComponentId, ComponentName, EnvironmentName, InvalidName, ServiceName, StackName};

/// What a text must look like.
#[derive(Debug)]
pub struct Rule {
    /// Tells what is wrong with a text.
    pub check: fn(&str) -> Result<(), String>,
    /// The same as a regular expression, for the schema.
    pub pattern: &'static str,
}

fn named<T>(result: Result<T, InvalidName>) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| error.to_string())
}

/// The name of a stack.
pub static STACK_NAME: Rule = Rule { check: |text| named(StackName::new(text)), pattern: "^[a-z][a-z0-9-]{0,39}$" };
/// The name of an environment.
pub static ENVIRONMENT_NAME: Rule =
    Rule { check: |text| named(EnvironmentName::new(text)), pattern: "^[a-z][a-z0-9-]{0,19}$" };
/// The name of a service.
pub static SERVICE_NAME: Rule = Rule {
    check: |text| named(ServiceName::new(text)),
    pattern: "^(?!(var|tenant|stack|environment|region)$)[a-z][a-z0-9-]{0,39}$",
};
/// The name of a component.
pub static COMPONENT_NAME: Rule =
    Rule { check: |text| named(ComponentName::new(text)), pattern: "^[a-z][a-z0-9-]{0,39}$" };
/// A component within its stack.
pub static COMPONENT_ID: Rule =
    Rule { check: |text| named(text.parse::<ComponentId>()), pattern: "^[a-z][a-z0-9-]{0,39}\\.[a-z][a-z0-9-]{0,39}$" };
/// The name of a variable of the stack.
pub static VARIABLE_NAME: Rule = Rule {
    check: |text| match is_variable_name(text) {
        true => Ok(()),
        false => Err("a variable's name has letters, digits and `_`, and begins with no digit".to_owned()),
    },
    pattern: "^[A-Za-z_][A-Za-z0-9_]{0,63}$",
};
/// The name of a variable in the environment of a command.
pub static ENVIRONMENT_VARIABLE: Rule = Rule {
    check: |text| match text {
        text if text.starts_with("DEPLOYER_") => Err("names that begin with DEPLOYER_ are deployer's own".to_owned()),
        text => (VARIABLE_NAME.check)(text),
    },
    pattern: "^(?!DEPLOYER_)[A-Za-z_][A-Za-z0-9_]{0,63}$",
};
/// An AWS account.
pub static ACCOUNT_ID: Rule = Rule {
    check: |text| match text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(()),
        false => Err("an account id has 12 digits; quote it when it begins with 0".to_owned()),
    },
    pattern: "^[0-9]{12}$",
};
/// An AWS role.
pub static ROLE_ARN: Rule = Rule {
    check: |text| match text.starts_with("arn:") && text.contains(":role/") && !text.contains(char::is_whitespace) {
        true => Ok(()),
        false => Err("write arn:aws:iam::123456789012:role/NAME".to_owned()),
    },
    pattern: "^arn:[^ ]+:role/[^ ]+$",
};
/// A region.
pub static REGION: Rule = Rule {
    check: |text| match is_region(text) {
        true => Ok(()),
        false => Err("write a region such as eu-central-1".to_owned()),
    },
    pattern: "^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$",
};

/// Whether a text has the form of AWS's regions: which there are changes too often for a list.
fn is_region(text: &str) -> bool {
    let words =
        |text: &str| text.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
    let Some((place, number)) = text.rsplit_once('-') else { return false };
    let number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    number && text.len() <= 40 && words(place) && place.find('-').is_some_and(|at| at >= 2)
}

/// A glob of `inputs:`.
pub static GLOB: Rule = Rule {
    check: |text| match text {
        "" => Err("a pattern cannot be empty".to_owned()),
        text if text.starts_with('/') => Err("a path is relative to the stack's directory".to_owned()),
        text if text.contains('\\') => Err("write paths with `/`".to_owned()),
        text if text.split('/').any(|part| part == "..") => {
            Err("a path cannot leave the stack's directory (`..`)".to_owned())
        }
        text => {
            globset::Glob::new(text).map(|_| ()).map_err(|error| format!("{text:?} is no pattern: {}", error.kind()))
        }
    },
    pattern: "^(?!/)(?!.*(^|/)\\.\\.(/|$))[^\\\\]+$",
};
/// A file or directory below the stack's directory.
pub static FILE: Rule = Rule {
    check: |text| match text {
        text if text.contains(['*', '?', '[', ']', '{', '}']) => Err("name one path, not a pattern".to_owned()),
        text => (GLOB.check)(text),
    },
    pattern: "^(?!/)(?!.*(^|/)\\.\\.(/|$))[^\\\\*?{}\\[\\]]+$",
};
/// The name of a parameter of a CloudFormation template.
pub static TEMPLATE_PARAMETER: Rule = Rule {
    check: |text| match !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        true => Ok(()),
        false => Err("a parameter's name has letters and digits only".to_owned()),
    },
    pattern: "^[A-Za-z0-9]{1,255}$",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_told_by_its_form() {
        for good in ["us-east-1", "eu-central-2", "us-gov-west-1", "eusc-de-east-1", "ap-southeast-10"] {
            assert_eq!((REGION.check)(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "moon",
            "mars",
            "us-east",
            "us-east-1a",
            "u-east-1",
            "us--1",
            "us-1",
            "US-EAST-1",
            "us-east-123",
            "us east-1",
        ] {
            assert!((REGION.check)(bad).is_err(), "{bad}");
        }
    }
}
