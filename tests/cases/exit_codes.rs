//! The exit codes that need no backend; the whole table is tested where it is written.

use harness::World;

#[test]
fn usage_is_64() {
    let world = World::new();
    let cases: [&[&str]; 8] = [
        &[],
        &["frob"],
        &["tenant", "show"],
        &["apply", "--wait", "soon"],
        &["apply", "--var", "novalue"],
        &["lock", "run", "--stack", "x"],
        &["completion", "tcsh"],
        &["-o", "yaml", "version"],
    ];
    for arguments in cases {
        let output = world.run(arguments.iter().copied());
        assert_eq!(output.code, Some(64), "{output}");
        assert_eq!(output.stdout, "", "{output}");
        assert!(!output.stderr.is_empty(), "{output}");
    }
    assert_eq!(world.daemon(), None);
}

#[test]
fn asking_for_help_is_no_failure() {
    let world = World::new();
    for arguments in [&["--help"][..], &["help", "apply"], &["apply", "-h"], &["--version"], &["version"]] {
        let output = world.run(arguments.iter().copied());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output}");
    }
}

#[test]
fn an_unreachable_daemon_is_3() {
    let world = World::new();
    let output = world.run(["daemon", "status"]);
    assert_eq!(output.code, Some(3), "{output}");
    assert!(output.stderr.contains("deployer daemon start"), "{output}");
    let long = format!("/tmp/{}", "x".repeat(120));
    for socket in ["relative.sock", long.as_str()] {
        let output = World::new().with("DEPLOYER_SOCKET", socket).run(["context", "list"]);
        assert_eq!(output.code, Some(3), "{output}");
        assert!(output.stderr.contains("absolute") || output.stderr.contains("DEPLOYER_SOCKET"), "{output}");
    }
}

#[test]
fn what_is_not_there_is_8() {
    let world = World::new();
    let output = world.run(["daemon", "logs"]);
    assert_eq!(output.code, Some(8), "{output}");
}

#[test]
fn nobody_signed_in_is_4() {
    let world = World::new();
    for arguments in [&["tenant", "details"][..], &["tenant", "list"], &["stack", "list"], &["lock", "list"]] {
        let output = world.run(arguments.iter().copied());
        assert_eq!(output.code, Some(4), "{output}");
        assert!(output.stderr.contains("Hint: sign in with `deployer"), "{output}");
    }
}

#[test]
fn an_invalid_stack_file_is_64() {
    let world = World::new();
    world.write("stack.yaml", "apiVersion: deployer/v1\nkind: Stack\nname: web\nservices: 7\n");
    let output = world.run(["stack", "validate"]);
    assert_eq!(output.code, Some(64), "{output}");
    assert!(output.stdout.contains("stack.yaml:4"), "{output}");
}
