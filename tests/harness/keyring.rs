//! A real Secret Service: gnome-keyring on a message bus of its own, unlocked, with nothing in it.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::{Process, World, wait};

/// A running keyring and its bus; both end with this value.
#[derive(Debug)]
pub struct Keyring {
    keyring: Process,
    bus: Process,
}

impl Keyring {
    /// Whether this machine has the programs.
    pub fn is_installed() -> bool {
        ["dbus-daemon", "dbus-send", "gnome-keyring-daemon"]
            .iter()
            .all(|name| ["/usr/bin", "/usr/local/bin"].iter().any(|directory| Path::new(directory).join(name).exists()))
    }

    /// Starts one for a world, whose sessions are then kept in it.
    pub fn start(world: World) -> (World, Self) {
        let runtime = world.directory().join("run");
        std::fs::create_dir(&runtime).expect("a directory");
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).expect("a private directory");
        let socket = runtime.join("bus");
        let address = format!("unix:path={}", socket.display());
        let world = world
            .with("XDG_RUNTIME_DIR", runtime.display().to_string())
            .with("DBUS_SESSION_BUS_ADDRESS", &address)
            .with("DEPLOYER_KEYRING", "os");
        let bus = ["--session", "--nofork", "--nopidfile", &format!("--address={address}")];
        let bus = world.program("dbus-daemon").args(bus).spawn();
        wait::until("the bus listens", || UnixStream::connect(&socket).is_ok());
        let arguments = ["--foreground", "--unlock", "--components=secrets"];
        let mut keyring = world.program("gnome-keyring-daemon").args(arguments).spawn();
        let mut stdin = keyring.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut stdin, b"the keyring's password").expect("the keyring reads its password");
        drop(stdin);
        wait::until("the keyring answers", || is_served(&world));
        (world, Self { keyring, bus })
    }

    /// Ends the keyring and its bus. With the bus alive it would be started anew at once, and locked.
    pub fn end(&mut self) {
        self.bus.kill();
        self.keyring.kill();
    }
}

fn is_served(world: &World) -> bool {
    let question = ["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"];
    let bus = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"];
    world.program("dbus-send").args(bus).args(question).run().stdout.contains("boolean true")
}
