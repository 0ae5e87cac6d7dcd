//! The installer installs what it verified, or nothing at all.

use std::os::unix::fs::PermissionsExt;

use harness::files::Files;
use harness::packages::{ARCHIVE, LONG, packaging, pages, release, works};
use harness::{Output, World};

fn install(world: &World, url: &str) -> Output {
    let path = format!("{}:/usr/bin:/bin", world.directory().join("shims").display());
    world
        .program("sh")
        .args([packaging().join("install.sh")])
        .env("PATH", path)
        .env("DEPLOYER_BASE_URL", url)
        .env("TMPDIR", world.work())
        .deadline(LONG)
        .run()
}

/// Nothing is in the home, and nothing is left of the attempt.
#[track_caller]
fn nothing_was_installed(world: &World) {
    assert_eq!(world.home().read_dir().unwrap().count(), 0);
    assert_eq!(world.work().read_dir().unwrap().count(), 0, "nothing is left of the attempt");
}

#[test]
fn the_installer_installs_what_it_verified_without_root() {
    let (release, world) = (release(), World::new());
    let server = Files::serve(release.path());
    let output = install(&world, &server.url()).succeeds();
    output.says("is installed in").says("Add it to your PATH");
    let local = world.home().join(".local");
    works(&local.join("bin"));
    assert!(pages(&local) > 60);
    assert_eq!(world.work().read_dir().unwrap().count(), 0);
    install(&world, &server.url()).succeeds();
    assert_eq!(local.join("bin").read_dir().unwrap().count(), 2, "twice is as good as once");
}

#[test]
fn a_wrong_checksum_installs_nothing() {
    let (release, world) = (release(), World::new());
    let archive = release.path().join("latest").join(ARCHIVE);
    let mut bytes = std::fs::read(&archive).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    let server = Files::serve(release.path());
    install(&world, &server.url())
        .exits(1)
        .complains("the checksum of deployer-x86_64-unknown-linux-musl.tar.gz is wrong");
    nothing_was_installed(&world);
    std::fs::write(release.path().join("latest/SHA256SUMS"), "").unwrap();
    install(&world, &server.url()).exits(1).complains("there is no checksum");
    nothing_was_installed(&world);
}

#[test]
fn a_download_that_breaks_off_installs_nothing() {
    let (release, world) = (release(), World::new());
    let server = Files::serve_half(release.path(), ".tar.gz");
    install(&world, &server.url()).exits(1).complains("could not be downloaded");
    nothing_was_installed(&world);
    drop(server);
    install(&world, "http://127.0.0.1:9").exits(1).complains("could not be downloaded");
    nothing_was_installed(&world);
}

#[test]
fn an_unknown_platform_and_an_open_line_are_refused_before_anything_is_asked() {
    let world = World::new();
    for open in ["http://releases.example.com", "http://localhost:x@releases.example.com"] {
        install(&world, open).exits(1).complains("is not https");
    }
    let shims = world.directory().join("shims");
    std::fs::create_dir(&shims).unwrap();
    std::fs::write(shims.join("uname"), "#!/bin/sh\n[ \"$1\" = -s ] && echo Plan9 || echo mips\n").unwrap();
    std::fs::set_permissions(shims.join("uname"), std::fs::Permissions::from_mode(0o755)).unwrap();
    install(&world, "http://127.0.0.1:9").exits(1).complains("there are no programs for Plan9 on mips");
    nothing_was_installed(&world);
}

#[test]
fn a_place_that_cannot_be_written_to_is_named_with_what_to_do() {
    let (release, world) = (release(), World::new());
    // Where a directory has to be is a file: that stops root as well.
    std::fs::write(world.home().join(".local"), "mine").unwrap();
    let server = Files::serve(release.path());
    let refused = install(&world, &server.url()).exits(1);
    refused.complains(".local/bin cannot be written to").complains("set DEPLOYER_PREFIX");
    assert_eq!(std::fs::read_to_string(world.home().join(".local")).unwrap(), "mine");
    assert_eq!(world.work().read_dir().unwrap().count(), 0);
}

#[test]
fn half_a_script_does_nothing() {
    let world = World::new();
    let text = std::fs::read_to_string(packaging().join("install.sh")).unwrap();
    let half = &text[..text.len() - "main \"$@\"\n".len()];
    let path = world.write("half.sh", half);
    world.program("sh").args([path]).env("DEPLOYER_BASE_URL", "http://127.0.0.1:9").run().succeeds();
    assert_eq!(world.home().read_dir().unwrap().count(), 0);
}
