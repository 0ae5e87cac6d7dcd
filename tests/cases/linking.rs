//! What is needed first is linked first: the recording of it, and the linker that goes by it.

use std::path::Path;

use harness::packages::{packaging, shell};

const PROGRAM: &str = "
__attribute__((noinline)) int late(int number) { return number + 1; }
__attribute__((noinline)) int never(int number) { return number + 2; }
__attribute__((noinline)) int early(int number) { return number * 3; }
int main(int count, char **words) { (void)words; return count > 1 ? never(count) : late(early(count)) - 4; }
";

#[track_caller]
fn run(words: &[&str]) -> String {
    shell().args(words.iter().map(Path::new)).run().succeeds().stdout
}

/// The program's own functions, as they lie in it.
fn laid_out(program: &str) -> Vec<String> {
    let listed = run(&["nm", "--numeric-sort", program]);
    let names = listed.lines().filter_map(|line| line.split_whitespace().nth(2));
    names.filter(|name| ["main", "early", "late", "never"].contains(name)).map(str::to_owned).collect()
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn functions_lie_in_the_order_in_which_they_were_entered() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    for tool in ["link", "names.py", "trace"] {
        std::fs::copy(packaging().join("order").join(tool), path(tool)).unwrap();
    }
    std::fs::write(path("program.c"), PROGRAM).unwrap();
    run(&["cc", "-c", "-ffunction-sections", &path("program.c"), "-o", &path("program.o")]);
    let (link, object, linked) = (path("link"), path("program.o"), path("deployerd"));
    run(&[&link, &object, "-o", &linked]);
    assert_eq!(laid_out(&linked), ["late", "never", "early", "main"], "nothing is recorded of it");

    run(&[&path("trace"), &path("entered"), &linked]);
    let entered = std::fs::read_to_string(path("entered")).unwrap();
    let entered: Vec<&str> = entered.lines().collect();
    let own: Vec<&&str> = entered.iter().filter(|name| ["main", "early", "late", "never"].contains(name)).collect();
    assert_eq!(own, [&"main", &"early", &"late"]);
    let keys = "import sys; sys.path.insert(0, sys.argv[1]); from names import key; print(*map(key, sys.argv[2:]))";
    let directory = directory.path().display().to_string();
    let keys = run(&[&["python3", "-c", keys, &directory], &entered[..]].concat());
    std::fs::write(
        path("deployerd.functions"),
        keys.split_whitespace().map(|key| format!("{key}\n")).collect::<String>(),
    )
    .unwrap();

    run(&[&link, &object, "-o", &linked]);
    assert_eq!(laid_out(&linked), ["main", "early", "late", "never"]);
    run(&[&linked]);
    // Its end is the program's: what is recorded of a command that failed would be another course.
    shell().args([&path("trace"), &path("entered"), &linked, "argument"]).run().exits(4);
}

#[test]
fn a_function_is_known_again_whatever_crates_are_called_and_wherever_they_moved_to() {
    let program = "import sys; sys.path.insert(0, sys.argv[1]); from names import key; print(*map(key, sys.argv[2:]))";
    let order = packaging().join("order").display().to_string();
    let keys = run(&[
        "python3",
        "-c",
        program,
        &order,
        "_RNvMs_NtCs7dMeLT4bFBi_5tokio4taskNtB4_4Task3run",
        "_RNvMs_NtCs1aZ_5tokio4taskNtB6_4Task3run.llvm.1234",
        "_RNvMs_NtCs1aZ_5tokio4taskNtB6_4Task4poll",
    ]);
    let keys: Vec<&str> = keys.split_whitespace().collect();
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
}
