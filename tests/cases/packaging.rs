//! What is shipped is made, installed, used and removed as its users do it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::packages::{ARCHIVE, made, out, package, packaging, pages, shell, tool, works};
use harness::{Command, World, programs};

#[test]
fn the_deb_is_installed_used_and_removed() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("var/lib/dpkg/info")).unwrap();
    std::fs::create_dir_all(root.path().join("var/lib/dpkg/updates")).unwrap();
    std::fs::write(root.path().join("var/lib/dpkg/status"), "").unwrap();
    let deb = file(&out(), ".deb");
    let dpkg = |arguments: &[&Path]| {
        let root = format!("--root={}", root.path().display());
        let fixed = ["fakeroot", "dpkg", "--force-not-root", "--force-script-chrootless", "--force-architecture"];
        let log = format!("--log={}", root.replace("--root=", "") + "/dpkg.log");
        let fixed = fixed.map(str::to_owned).into_iter().chain([root, log]);
        let arguments = arguments.iter().map(|argument| argument.display().to_string());
        shell().args(fixed.chain(arguments)).run()
    };
    dpkg(&[Path::new("--install"), &deb]).succeeds();
    let usr = root.path().join("usr");
    works(&usr.join("bin"));
    assert!(pages(&usr) > 60, "{}", pages(&usr));
    for part in [
        "lib/systemd/user/deployerd.socket",
        "share/bash-completion/completions/deployer",
        "share/zsh/site-functions/_deployer",
        "share/fish/vendor_completions.d/deployer.fish",
        "share/doc/deployer/LICENSE",
    ] {
        assert!(usr.join(part).exists(), "no {part}");
    }
    dpkg(&[Path::new("--remove"), Path::new("deployer")]).succeeds();
    assert!(!usr.join("bin/deployer").exists() && !usr.join("lib/systemd/user/deployerd.socket").exists());
}

/// What a program tells.
#[track_caller]
fn told(words: &[&str], file: &Path) -> String {
    shell().args(words.iter().map(Path::new).chain([file])).run().succeeds().stdout
}

/// The files of the deb with their modes.
fn in_the_deb() -> BTreeMap<String, String> {
    let listed = told(&["dpkg-deb", "--contents"], &file(&out(), ".deb"));
    let files = listed.lines().filter(|line| line.starts_with('-')).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(matches!(words[1], "0/0" | "root/root"), "{line}");
        (words[5].trim_start_matches('.').to_owned(), words[0].to_owned())
    });
    files.collect()
}

#[test]
fn the_rpm_holds_the_same() {
    let rpm = file(&out(), ".rpm");
    let format = "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}\\n]";
    let listed = told(&["rpm", "-qp", "--queryformat", format], &rpm);
    let found = listed.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[2], "root", "{line}");
        (words[0].to_owned(), words[1].to_owned())
    });
    let mut deb = in_the_deb();
    // Debian's rules ask for it.
    assert!(deb.remove("/usr/share/doc/deployer/copyright").is_some(), "{deb:#?}");
    assert_eq!(found.collect::<BTreeMap<_, _>>(), deb);
    for (program, mode) in [("/usr/bin/deployer", "-rwxr-xr-x"), ("/usr/bin/deployerd", "-rwxr-xr-x")] {
        assert_eq!(deb[program], mode);
    }
    assert_eq!(deb["/usr/share/man/man1/deployer-admin-login.1.gz"], "-rw-r--r--");
}

#[test]
fn packages_tell_what_they_are_and_need_nothing() {
    let (deb, rpm) = (file(&out(), ".deb"), file(&out(), ".rpm"));
    let version = env!("CARGO_PKG_VERSION");
    let fields = "${Package} ${Version} ${Architecture} ${Depends}|${Maintainer}|${Description}";
    let deb = told(&["dpkg-deb", "--show", "--showformat", fields], &deb);
    let about = "One deployment system for many isolated teams, without a server to run";
    assert!(
        deb.starts_with(&format!("deployer {version} amd64 |The deployer authors <authors@deployer.io>|")),
        "{deb}"
    );
    assert!(deb.contains(about) && deb.contains("per-user daemon"), "{deb}");
    // The name of the machine that made it would be another one elsewhere.
    let fields = "%{NAME} %{VERSION} %{LICENSE} %{ARCH} %{BUILDHOST} %{SUMMARY}";
    let about = format!("deployer {version} Apache-2.0 x86_64 (none) {about}");
    assert_eq!(told(&["rpm", "-qp", "--queryformat", fields], &rpm), about);
    let needs = told(&["rpm", "-qp", "--requires"], &rpm);
    assert!(needs.lines().all(|line| line.starts_with("rpmlib(")), "{needs}");
    assert_eq!(told(&["rpm", "-qp", "--scripts"], &rpm), "");
}

#[test]
fn the_same_programs_give_the_same_bytes() {
    let again = tempfile::tempdir().unwrap();
    package(&made().join("programs"), again.path());
    let sums = |directory: &Path| std::fs::read_to_string(directory.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(again.path()), sums(&out()));
    let check = shell().args(["sha256sum", "--check", "--strict", "SHA256SUMS"]).current_dir(out()).run().succeeds();
    assert_eq!(check.stdout.lines().count(), 5, "{check}");
}

#[test]
fn the_formula_names_what_was_made() {
    let formula = std::fs::read_to_string(out().join("deployer.rb")).unwrap();
    let sums = std::fs::read_to_string(out().join("SHA256SUMS")).unwrap();
    let sum = sums.lines().find(|line| line.ends_with(ARCHIVE)).unwrap().split_whitespace().next().unwrap();
    assert!(formula.contains(&format!("sha256 \"{sum}\"")), "{formula}");
    // A platform that was not made is not named, and nothing of the template is left.
    assert_eq!((formula.matches("url \"").count(), formula.matches('@').count()), (1, 0), "{formula}");
    let begun = formula
        .lines()
        .filter(|line| line.ends_with(" do") || line.starts_with("class ") || line.starts_with("  def "));
    assert_eq!(begun.count(), formula.lines().filter(|line| line.trim() == "end").count(), "{formula}");
}

#[test]
fn completions_and_pages_have_no_faults() {
    let root = tempfile::tempdir().unwrap();
    let unpack = [Path::new("tar"), Path::new("-xzf"), &out().join(ARCHIVE), Path::new("-C"), root.path()];
    shell().args(unpack).run().succeeds();
    let share = root.path().join("share");
    for (program, script) in [
        ("bash", "bash-completion/completions/deployer"),
        ("zsh", "zsh/site-functions/_deployer"),
        ("fish", "fish/vendor_completions.d/deployer.fish"),
    ] {
        let script = share.join(script);
        shell().args([Path::new(program), Path::new("-n"), &script]).run().succeeds();
    }
    let powershell = std::fs::read_to_string(share.join("powershell/Modules/deployer/deployer.ps1")).unwrap();
    assert!(
        powershell.starts_with("\nusing namespace System.Management.Automation")
            && powershell.contains("'deployer;admin;login'")
    );
    let page = share.join("man/man1/deployer-tenant-init.1.gz");
    let page = shell().args([Path::new("gzip"), Path::new("-dc"), &page]).run().succeeds().stdout;
    assert!(page.contains(".TH DEPLOYER-TENANT-INIT") && page.contains("monthly"), "{page}");
}

#[test]
fn shell_scripts_have_no_faults() {
    let root = programs::root();
    let scripts = [
        "packaging/install.sh",
        "packaging/package",
        "packaging/github/run",
        "docs/reference/run",
        "tests/setup",
        ".ci/run",
        "docs/bench/run",
        "docs/demo/run",
    ];
    let lint = Command::new(tool("shellcheck")).args(scripts.map(|script| root.join(script)));
    lint.env("PATH", "/usr/bin:/bin").run().succeeds();
}

#[test]
fn units_and_agents_have_no_faults() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["deployerd.socket", "deployerd.service"] {
        let text = std::fs::read_to_string(packaging().join("systemd").join(name)).unwrap();
        // The program is looked for.
        let text = text.replace("/usr/bin/deployerd", &programs::deployerd().display().to_string());
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let units = ["deployerd.socket", "deployerd.service"].map(|name| directory.path().join(name));
    let analyse = ["systemd-analyze", "verify", "--user", "--man=no"].map(PathBuf::from);
    let told = shell().args(analyse.into_iter().chain(units)).env("XDG_RUNTIME_DIR", directory.path()).run().succeeds();
    assert_eq!(told.stderr, "", "{told}");
}

#[test]
fn the_agent_of_macos_starts_the_daemon_that_the_installer_installed() {
    let agent = packaging().join("launchd/io.deployer.deployerd.plist");
    let read =
        "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))['ProgramArguments']))";
    let python = [tool("python").as_path(), Path::new("-c"), Path::new(read), &agent].map(Path::to_owned);
    let arguments: Vec<String> = serde_json::from_value(shell().args(python).run().succeeds().json()).unwrap();
    let world = World::new();
    let bin = world.home().join(".local/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(programs::deployerd(), bin.join("deployerd")).unwrap();
    let mut daemon = world.program(&arguments[0]).args(&arguments[1..]).env("PATH", "/usr/bin:/bin").spawn();
    harness::wait::until("the daemon is there", || world.daemon() == Some(daemon.pid()));
    daemon.kill();
}

#[test]
fn a_daemon_that_systemd_starts_serves_on_its_socket() {
    let (world, socket) = (World::new(), "deployerd.sock");
    let socket = world.directory().join(socket);
    let world = world.with("DEPLOYER_SOCKET", socket.display().to_string());
    let activate = ["--listen".to_owned(), socket.display().to_string()];
    let variables = world.variables().map(|(name, value)| format!("--setenv={name}={value}")).collect::<Vec<_>>();
    let program = [programs::deployerd().display().to_string(), "--foreground".to_owned()];
    let arguments = activate.into_iter().chain(variables).chain(program);
    let mut service = world.program("systemd-socket-activate").args(arguments).spawn();
    harness::wait::until("the socket is there", || socket.exists());
    // What a service manager's SocketMode= does.
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).unwrap();
    world.run(["daemon", "status"]).succeeds().says(&service.pid().to_string());
    service.kill();
}

#[track_caller]
fn file(directory: &Path, ending: &str) -> PathBuf {
    let mut found = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    found.find(|path| path.to_str().unwrap().ends_with(ending)).unwrap_or_else(|| panic!("no {ending}"))
}
