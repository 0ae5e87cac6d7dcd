//! What texts in the fields of these types must look like.

use crate::manifest::Rule;

/// The key of a tag of the team's own.
pub static TAG_KEY: Rule = Rule {
    check: |text| match text {
        text if text.starts_with("deployer:") => Err("tags that begin with deployer: are deployer's own".to_owned()),
        text if text.to_ascii_lowercase().starts_with("aws:") => {
            Err("tags that begin with aws: are reserved".to_owned())
        }
        text if tag_text(text) && (1..=128).contains(&text.chars().count()) => Ok(()),
        _ => Err("a tag's key has up to 128 letters, digits, spaces and _.:/=+-@".to_owned()),
    },
    pattern: "^(?!deployer:)(?![aA][wW][sS]:)[\\p{L}\\p{N} _.:/=+@-]{1,128}$",
};
/// The value of a tag of the team's own.
pub static TAG_VALUE: Rule = Rule {
    check: |text| match tag_text(text) && text.chars().count() <= 256 {
        true => Ok(()),
        false => Err("a tag's value has up to 256 letters, digits, spaces and _.:/=+-@".to_owned()),
    },
    pattern: "^[\\p{L}\\p{N} _.:/=+@-]{0,256}$",
};
/// A block of IPv4 addresses.
pub static CIDR: Rule = Rule {
    check: |text| match cidr(text) {
        Some(_) => Ok(()),
        None => Err("write a block of addresses such as 10.0.0.0/16".to_owned()),
    },
    pattern: "^[0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}$",
};
/// The block of a VPC.
pub static VPC_CIDR: Rule = Rule {
    check: |text| match cidr(text) {
        Some((address, 16..=22)) if private(address) => Ok(()),
        _ => Err("write a private block from /16 to /22, such as 10.0.0.0/16".to_owned()),
    },
    pattern: "^[0-9]{1,3}(\\.[0-9]{1,3}){3}/(1[6-9]|2[0-2])$",
};
/// When something runs.
pub static SCHEDULE: Rule = Rule {
    check: |text| match schedule(text) {
        true => Ok(()),
        false => Err("write rate(5 minutes), cron(0 3 * * ? *) or at(2030-01-31T08:00:00)".to_owned()),
    },
    pattern: "^(rate\\([0-9]+ (minutes?|hours?|days?)\\)|cron\\([^ ()]+( [^ ()]+){5}\\)|at\\([0-9T:-]+\\))$",
};
/// A time zone.
pub static TIME_ZONE: Rule = Rule {
    check: |text| match plain(text, "_/+-") && text.len() <= 50 {
        true => Ok(()),
        false => Err("write a time zone such as Europe/Berlin".to_owned()),
    },
    pattern: "^[A-Za-z0-9_/+-]{1,50}$",
};
/// The path of a request.
pub static URL_PATH: Rule = Rule {
    check: |text| match text.starts_with('/') && text.len() <= 1024 && text.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(()),
        false => Err("write a path such as /health".to_owned()),
    },
    pattern: "^/[!-~]{0,1023}$",
};
/// The origin of a page in a browser.
pub static ORIGIN: Rule = Rule {
    check: |text| match text == "*" || text.starts_with("https://") || text.starts_with("http://") {
        true if !text.ends_with('/') => Ok(()),
        _ => Err("write an origin such as https://www.example.com".to_owned()),
    },
    pattern: "^(\\*|https?://.*[^/])$",
};
/// An action of a service of AWS.
pub static ACTION: Rule = Rule {
    check: |text| match text.split_once(':') {
        Some((service, action)) if plain(service, "-") && plain(action, "*") && !action.starts_with('*') => Ok(()),
        _ => Err("write an action such as ses:SendEmail; one action or a prefix, never all of a service".to_owned()),
    },
    pattern: "^[a-z0-9-]+:[A-Za-z0-9][A-Za-z0-9*]*$",
};
/// The name of an attribute of a table.
pub static ATTRIBUTE: Rule = Rule {
    check: |text| match (1..=255).contains(&text.len()) {
        true => Ok(()),
        false => Err("an attribute's name has up to 255 bytes".to_owned()),
    },
    pattern: "^.{1,255}$",
};
/// The name of an index of a table.
pub static INDEX: Rule = Rule {
    check: |text| match plain(text, "_.-") && (3..=255).contains(&text.len()) {
        true => Ok(()),
        false => Err("an index's name has 3 to 255 letters, digits and _.-".to_owned()),
    },
    pattern: "^[A-Za-z0-9_.-]{3,255}$",
};
/// The runtime of a function.
pub static RUNTIME: Rule = Rule {
    check: |text| match plain(text, ".") {
        true => Ok(()),
        false => Err("write a runtime such as python3.13 or nodejs22.x".to_owned()),
    },
    pattern: "^[a-z0-9.]+$",
};
/// The version of a database.
pub static VERSION: Rule = Rule {
    check: |text| match text.starts_with(|c: char| c.is_ascii_digit()) && plain(text, ".-_") {
        true => Ok(()),
        false => Err("write a version such as \"16\" or \"16.4\"".to_owned()),
    },
    pattern: "^[0-9][A-Za-z0-9._-]*$",
};
/// The class of a database.
pub static INSTANCE_CLASS: Rule = Rule {
    check: |text| match text.starts_with("db.") && text.split('.').count() >= 3 && plain(text, ".-") {
        true => Ok(()),
        false => Err("write a class such as db.t4g.small".to_owned()),
    },
    pattern: "^db\\.[a-z0-9-]+\\.[a-z0-9.-]+$",
};
/// The type of a cache's nodes.
pub static NODE_TYPE: Rule = Rule {
    check: |text| match text.starts_with("cache.") && text.split('.').count() == 3 && plain(text, ".-") {
        true => Ok(()),
        false => Err("write a type such as cache.t4g.small".to_owned()),
    },
    pattern: "^cache\\.[a-z0-9-]+\\.[a-z0-9-]+$",
};
/// The name of a database, or of a user in it.
pub static DATABASE_NAME: Rule = Rule {
    check: |text| match text.starts_with(|c: char| c.is_ascii_alphabetic()) && plain(text, "_") && text.len() <= 16 {
        true => Ok(()),
        false => Err("a name in a database begins with a letter and has up to 16 letters, digits and _".to_owned()),
    },
    pattern: "^[A-Za-z][A-Za-z0-9_]{0,15}$",
};
/// The name of a parameter of a database.
pub static DATABASE_PARAMETER: Rule = Rule {
    check: |text| match plain(text, "_.-") {
        true => Ok(()),
        false => Err("a parameter's name has letters, digits and _.-".to_owned()),
    },
    pattern: "^[A-Za-z0-9_.-]+$",
};

/// A block's address and the length of its prefix; none where bits beyond the prefix are set.
pub(crate) fn cidr(text: &str) -> Option<(u32, u32)> {
    let (address, prefix) = text.split_once('/')?;
    let address = u32::from(address.parse::<std::net::Ipv4Addr>().ok()?);
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
    let beyond = u32::MAX.checked_shr(prefix).unwrap_or(0);
    (address & beyond == 0).then_some((address, prefix))
}

fn private(address: u32) -> bool {
    let address = std::net::Ipv4Addr::from(address);
    // 100.64.0.0/10 is shared address space, which VPCs may use as well.
    address.is_private() || (address.octets()[0] == 100 && (64..128).contains(&address.octets()[1]))
}

fn schedule(text: &str) -> bool {
    let inner = |kind: &str| text.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = inner("rate") {
        let Some((number, unit)) = rate.split_once(' ') else { return false };
        let units = ["minute", "minutes", "hour", "hours", "day", "days"];
        return number.parse::<u32>().is_ok_and(|number| number > 0) && units.contains(&unit);
    }
    let known = |c: char| c.is_ascii_alphanumeric() || "*?,-/#".contains(c);
    match (inner("cron"), inner("at")) {
        (Some(cron), _) => {
            let fields: Vec<&str> = cron.split(' ').collect();
            fields.len() == 6 && fields.iter().all(|field| !field.is_empty() && field.chars().all(known))
        }
        (_, Some(at)) => at.parse::<jiff::civil::DateTime>().is_ok() && at.len() == 19,
        _ => false,
    }
}

fn tag_text(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c))
}

/// Whether a text has ASCII letters, digits and these, and is not empty.
fn plain(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(rule: &Rule, texts: &[&str]) {
        texts.iter().for_each(|text| assert_eq!((rule.check)(text), Ok(()), "{text}"));
    }

    fn bad(rule: &Rule, texts: &[&str]) {
        texts.iter().for_each(|text| assert!((rule.check)(text).is_err(), "{text}"));
    }

    #[test]
    fn blocks_of_addresses_have_no_bits_beyond_their_prefix() {
        good(&CIDR, &["0.0.0.0/0", "10.0.0.0/8", "203.0.113.7/32"]);
        bad(&CIDR, &["10.0.0.1/8", "10.0.0.0/33", "10.0.0/8", "::/0", "10.0.0.0"]);
        good(&VPC_CIDR, &["10.0.0.0/16", "172.16.0.0/20", "192.168.0.0/22", "100.64.0.0/16"]);
        bad(&VPC_CIDR, &["10.0.0.0/8", "10.0.0.0/24", "8.8.0.0/16"]);
    }

    #[test]
    fn schedules_are_rates_crons_and_moments() {
        good(&SCHEDULE, &["rate(5 minutes)", "rate(1 day)", "cron(0 3 ? * MON-FRI *)", "at(2030-01-31T08:00:00)"]);
        bad(&SCHEDULE, &["5 minutes", "rate(0 minutes)", "rate(5 weeks)", "cron(0 3 * * *)", "at(tomorrow)", "rate(5"]);
    }

    #[test]
    fn tags_of_our_own_and_of_the_provider_are_refused() {
        good(&TAG_KEY, &["team", "cost center", "Größe"]);
        bad(&TAG_KEY, &["deployer:tenant", "AWS:x", "", "a,b"]);
    }

    #[test]
    fn an_action_is_never_all_of_a_service() {
        good(&ACTION, &["ses:SendEmail", "s3:Get*", "execute-api:Invoke"]);
        bad(&ACTION, &["*", "s3:*", "SendEmail", "s3:"]);
    }
}
