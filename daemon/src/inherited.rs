//! Lets go of what the process inherited: a caller's pipe that stays open here would never end for its reader.

use std::path::Path;

/// Closes every descriptor above standard error. Call it before anything is opened.
///
/// Sockets that a service manager lends are kept: they are the reason for the daemon's start.
pub fn close_descriptors() {
    if std::env::var_os("LISTEN_FDS").is_some() {
        return;
    }
    let listing = ["/proc/self/fd", "/dev/fd"].into_iter().map(Path::new).find_map(|path| path.read_dir().ok());
    let open: Vec<i32> =
        listing.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // The listing's own descriptor is closed already.
        let _ = nix::unistd::close(descriptor);
    }
}
