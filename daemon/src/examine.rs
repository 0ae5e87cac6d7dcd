//! Looks at this machine for `doctor`: whose the socket is, and whether the daemon outlives a logout.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use deployer_domain::finding::{Finding, Lingering};

use crate::os_user::user_name;

/// Where systemd notes whose services go on without a login.
const LINGERERS: &str = "/var/lib/systemd/linger";
const RESTART: &str = "run `deployer daemon restart`";

/// Judges whether only this user can reach the daemon.
pub fn socket(socket: &Path) -> Finding {
    let subject = "Socket";
    let directory = socket.parent().unwrap_or(Path::new("/"));
    for (path, wanted) in [(directory, 0o700), (socket, 0o600)] {
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(error) => return Finding::problem(subject, format!("{}: {error}", path.display())).mend(RESTART),
        };
        if found.uid() != rustix::process::getuid().as_raw() {
            return Finding::problem(subject, format!("{} belongs to another user", path.display()))
                .mend("check DEPLOYER_SOCKET and DEPLOYER_STATE_DIR");
        }
        let mode = found.permissions().mode() & 0o777;
        if mode & !wanted != 0 {
            return Finding::problem(subject, format!("others may use {} (mode {mode:o})", path.display()))
                .mend(format!("chmod {wanted:o} {}", path.display()));
        }
    }
    Finding::ok(subject, format!("only you can use {}", socket.display()))
}

/// Judges whether the daemon outlives a logout.
pub async fn lingering() -> Finding {
    let control_group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let user = user_name(rustix::process::getuid().as_raw());
    Lingering::of(&control_group, Path::new(LINGERERS).join(user).exists()).finding()
}

#[cfg(test)]
mod tests {
    use deployer_domain::finding::Verdict;

    use super::*;

    #[test]
    fn a_socket_that_others_may_use_is_a_problem_and_says_what_mends_it() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = directory.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(socket(&path).verdict, Verdict::Ok);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let found = socket(&path);
        assert_eq!(found.verdict, Verdict::Problem);
        assert!(found.mends[0].starts_with("chmod 600 "), "{found:?}");
    }
}
