//! Moments, durations, counts and money as people write them.

use jiff::Timestamp;

/// The date of an RFC 3339 time, such as `2024-01-15`; what cannot be read stays as it is.
pub fn date(time: &str) -> String {
    time.parse::<Timestamp>().map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// A time without fractions of a second, such as `2024-01-15T10:00:00Z`; what cannot be read stays as it is.
pub fn second(time: &str) -> String {
    time.parse::<Timestamp>().map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// How long ago a time was, such as `3m ago`; empty stays empty.
pub fn age(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) if time > now => format!("in {}", span(now, time)),
        Ok(time) => format!("{} ago", span(time, now)),
        Err(_) => time.to_owned(),
    }
}

/// A time with how far it is away, such as `2024-01-22T12:00:00Z (in 7d)`.
pub fn moment(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(_) => format!("{} ({})", second(time), age(time, now)),
        Err(_) => time.to_owned(),
    }
}

/// How long it is from one time to another, or to now.
pub fn between(start: &str, end: &str, now: Timestamp) -> String {
    match (start.parse::<Timestamp>(), end.parse::<Timestamp>()) {
        (Ok(start), Ok(end)) => {
            let took = end.as_millisecond().saturating_sub(start.as_millisecond());
            milliseconds(u32::try_from(took.max(0)).unwrap_or(u32::MAX))
        }
        (Ok(start), Err(_)) => span(start, now),
        _ => String::new(),
    }
}

fn span(from: Timestamp, to: Timestamp) -> String {
    seconds(u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or_default())
}

/// Seconds in the two largest units, such as `12m 4s`.
pub fn seconds(total: u64) -> String {
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large}{large_unit}"),
        small => format!("{large}{large_unit} {small}{small_unit}"),
    };
    match total {
        0..=59 => format!("{total}s"),
        60..=3599 => two(total / 60, "m", total % 60, "s"),
        3600..=86_399 => two(total / 3600, "h", total % 3600 / 60, "m"),
        _ => two(total / 86_400, "d", total % 86_400 / 3600, "h"),
    }
}

/// Milliseconds, with tenths below a minute, such as `1.2s`.
pub fn milliseconds(total: u32) -> String {
    match total {
        0..=59_949 => format!("{}.{}s", (total + 50) / 1000, (total + 50) % 1000 / 100),
        _ => seconds(u64::from((total + 500) / 1000)),
    }
}

/// A month such as `2024-01` in words; what cannot be read stays as it is.
pub fn month(month: &str) -> String {
    let first = format!("{month}-01").parse::<jiff::civil::Date>();
    first.map_or_else(|_| month.to_owned(), |first| first.strftime("%B %Y").to_string())
}

/// Bytes in the unit that people use, such as `1.2 TB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut size = bytes as f64;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

/// US dollars without cents, such as `$5,000`.
pub fn dollars(amount: f64) -> String {
    let rounded = amount.abs().round();
    let sign = if amount < 0.0 && rounded > 0.0 { "-" } else { "" };
    format!("{sign}${}", thousands(&format!("{rounded:.0}")))
}

fn thousands(digits: &str) -> String {
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with its noun, such as `1 tenant` and `3 tenants`.
pub fn count(number: impl Into<u64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{} {noun}s", thousands(&number.to_string())),
    }
}

/// A word with a large first letter, such as `Active`.
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What stands for a value that nobody knows.
pub fn or_dash(value: &str) -> String {
    if value.is_empty() { "-".to_owned() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2024-01-15T12:00:00Z";

    fn noon() -> Timestamp {
        NOON.parse().unwrap()
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        let table =
            [(0, "0s"), (59, "59s"), (60, "1m"), (724, "12m 4s"), (3600, "1h"), (3660, "1h 1m"), (90_000, "1d 1h")];
        for (total, expected) in table {
            assert_eq!(seconds(total), expected);
        }
        let table = [
            (0, "0.0s"),
            (49, "0.0s"),
            (1234, "1.2s"),
            (9999, "10.0s"),
            (59_949, "59.9s"),
            (60_000, "1m"),
            (61_400, "1m 1s"),
        ];
        for (total, expected) in table {
            assert_eq!(milliseconds(total), expected, "{total}");
        }
    }

    #[test]
    fn times_are_seen_from_now() {
        assert_eq!(age("2024-01-15T11:57:00Z", noon()), "3m ago");
        assert_eq!(age("2024-01-22T12:00:00Z", noon()), "in 7d");
        assert_eq!(age("", noon()), "");
        assert_eq!(moment("2024-01-22T12:00:00Z", noon()), "2024-01-22T12:00:00Z (in 7d)");
        assert_eq!(date("2024-01-15T10:30:00.123Z"), "2024-01-15");
        assert_eq!(between("2024-01-15T11:47:56Z", "", noon()), "12m 4s");
        assert_eq!(between("2024-01-15T11:00:00Z", NOON, noon()), "1h");
        assert_eq!(between("2024-01-15T11:59:58.9Z", NOON, noon()), "1.1s");
    }

    #[test]
    fn money_is_grouped() {
        let table = [(0.0, "$0"), (342.4, "$342"), (1245.0, "$1,245"), (1_234_567.5, "$1,234,568"), (-45.0, "-$45")];
        for (amount, expected) in table {
            assert_eq!(dollars(amount), expected);
        }
    }

    #[test]
    fn counts_know_their_plural() {
        assert_eq!(count(1_u32, "tenant"), "1 tenant");
        assert_eq!(count(0_u32, "tenant"), "0 tenants");
        assert_eq!(count(1200_u32, "stack"), "1,200 stacks");
        assert_eq!(capital("active"), "Active");
    }
}
