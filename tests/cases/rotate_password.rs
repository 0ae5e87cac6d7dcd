//! The admin password is replaced, and one-time passwords are enrolled by whoever has their key in an app.

use harness::aws::{LocalAws, python_environment};
use harness::scenes::{PASSWORD, Platform};
use harness::terminal::Terminal;

const ROTATE: [&str; 3] = ["admin", "rotate-password", "--password-stdin"];
const OWN_KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// What an authenticator app shows for a key, now or so many steps of half a minute later: RFC 6238 in another language.
fn code(platform: &Platform, key: &str, later: u32) -> String {
    let text = "import base64, hashlib, hmac, struct, sys, time\n\
        step = struct.pack('>Q', int(time.time()) // 30 + int(sys.argv[2]))\n\
        mac = hmac.new(base64.b32decode(sys.argv[1]), step, hashlib.sha1).digest()\n\
        at = mac[19] & 15\n\
        print('%06d' % ((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000))\n";
    let python = platform.world.program(python_environment().join("bin/python"));
    python.args(["-c", text, key, &later.to_string()]).run().succeeds().stdout.trim().to_owned()
}

fn sign_in(platform: &Platform, password: &str, otp: &str) -> harness::Output {
    let arguments = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
    platform.world.command(arguments).env("DEPLOYER_OTP", otp).stdin(password).run()
}

#[test]
fn the_admin_password_is_replaced_and_one_time_passwords_are_turned_on() {
    // The admin secret is the account's: other cases have it too, so this one has an AWS of its own.
    let aws = LocalAws::start();
    for platform in [Platform::local(), Platform::aws(&aws)] {
        let team = platform.with_team("web-team");
        team.world.command(ROTATE).stdin(PASSWORD).run().exits(64).complains("the one that there is");
        team.world.command(ROTATE).stdin("quite another one").run().succeeds();
        team.world.run(["tenant", "list"]).succeeds();
        sign_in(&team, PASSWORD, "").exits(4);
        sign_in(&team, "quite another one", "").succeeds();

        let enable = || team.world.command(ROTATE).args(["--enable-otp", "-o", "json"]).stdin("quite a third one");
        enable().run().exits(64).complains("DEPLOYER_NEW_OTP_KEY").complains("--otp");
        let enable = || enable().env("DEPLOYER_NEW_OTP_KEY", OWN_KEY);
        enable().run().exits(64).complains("--otp").complains("DEPLOYER_NEW_OTP");
        // A code of some minutes later is none of now.
        let wrong = enable().env("DEPLOYER_NEW_OTP", code(&team, OWN_KEY, 100)).run();
        wrong.exits(64).complains("not one of the new key, and nothing was changed");
        sign_in(&team, "quite a third one", "").exits(4);
        sign_in(&team, "quite another one", "").succeeds();

        let enabled = enable().args(["--otp", &code(&team, OWN_KEY, 0)]).run().succeeds().json();
        assert!(enabled["otpUri"].as_str().unwrap().starts_with("otpauth://totp/"), "{enabled}");
        assert_eq!((&enabled["asksForOtp"], &enabled["otpKey"]), (&true.into(), &OWN_KEY.into()));
        sign_in(&team, "quite a third one", "").exits(64).complains("--otp");
        sign_in(&team, "quite a third one", &code(&team, OWN_KEY, 100)).exits(4);
        let used = code(&team, OWN_KEY, 0);
        sign_in(&team, "quite a third one", &used).succeeds();
        sign_in(&team, "quite a third one", &used).exits(4).complains("used before");
        team.world.run(["tenant", "list"]).succeeds();
        assert!(!team.world.log().contains(OWN_KEY));
        let synced = team.world.run(["admin", "sync"]).succeeds().stdout;
        assert!(synced.contains("Compared 1 tenant with tenants.yaml: nothing differed"), "{synced}");
    }
}

#[test]
fn without_a_daemon_the_code_comes_with_the_command() {
    let platform = Platform::local();
    let enable = platform.world.command(["admin", "rotate-password", "--enable-otp", "--password-stdin"]);
    let enable = enable.env("DEPLOYER_NEW_OTP_KEY", OWN_KEY).env("DEPLOYER_NEW_OTP", code(&platform, OWN_KEY, 0));
    enable.stdin("quite another one").run().succeeds();
    platform.world.run(["admin", "logout"]).succeeds();
    let list = |otp: &str| {
        let list = platform.world.command(["--no-daemon", "tenant", "list"]).env("DEPLOYER_BACKEND", &platform.address);
        list.env("DEPLOYER_ADMIN_PASSWORD", "quite another one").env("DEPLOYER_OTP", otp).run()
    };
    list("").exits(64).complains("DEPLOYER_OTP");
    list(&code(&platform, OWN_KEY, 100)).exits(4);
    list(&code(&platform, OWN_KEY, 0)).succeeds();
}

#[test]
fn at_a_terminal_the_key_is_shown_and_a_mistyped_code_is_asked_for_again() {
    let platform = Platform::local();
    let command = platform.world.command(["admin", "rotate-password", "--enable-otp"]);
    let mut terminal = Terminal::new(command.env("DEPLOYER_NEW_ADMIN_PASSWORD", "quite another one"), 200, 24);
    terminal.wait_for("Code of the app:");
    let shown = terminal.text();
    let key = shown.split("Key: ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(shown.contains(&format!("secret={key}")), "{shown}");
    sign_in(&platform, "quite another one", "").exits(4);
    terminal.type_in(&format!("{}\r", code(&platform, &key, 100)));
    terminal.wait_for("that is not the code of this key");
    terminal.type_in(&format!("{}\r", code(&platform, &key, 0)));
    let (exit, text) = terminal.wait();
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("Admin password replaced"), "{text}");

    let login = ["admin", "login", "--backend", &platform.address];
    let mut terminal =
        Terminal::new(platform.world.command(login).env("DEPLOYER_ADMIN_PASSWORD", "quite another one"), 200, 24);
    terminal.wait_for("One-time Password:");
    terminal.type_in(&format!("{}\r", code(&platform, &key, 0)));
    let (exit, text) = terminal.wait();
    assert_eq!(exit, Some(0), "{text}");
}

#[test]
fn ctrl_c_at_the_code_changes_nothing() {
    let platform = Platform::local();
    let command = platform.world.command(["admin", "rotate-password", "--enable-otp"]);
    let mut terminal = Terminal::new(command.env("DEPLOYER_NEW_ADMIN_PASSWORD", "quite another one"), 200, 24);
    terminal.wait_for("Code of the app:");
    terminal.type_in(harness::terminal::CTRL_C);
    assert_eq!(terminal.wait().0, Some(130));
    sign_in(&platform, PASSWORD, "").succeeds();
}
