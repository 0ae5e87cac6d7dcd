//! What the operating system calls a user.

/// Never from an environment, which anybody may write; a number where the name is in no file.
pub(crate) fn user_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(&users, uid).unwrap_or_else(|| format!("uid-{uid}"))
}

fn named(users: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    let mut entries = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    entries.find(|entry| entry.get(2) == Some(&uid.as_str())).map(|entry| entry[0].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_its_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\n# comment\n";
        assert_eq!(named(users, 1000).as_deref(), Some("alice"));
        assert_eq!(named(users, 7), None);
    }
}
