//! What is wrong with a file, and what is said about it.

use super::*;
use crate::effort::Effort;

#[test]
fn everything_wrong_in_a_file_is_said_at_once() {
    let text = r#"apiVersion: deployer/v2
kind: Stack
nmae: x
variables:
  1st: {}
  A: { default: "${tenant}", sensitive: maybe }
environments:
  Production: {}
  dev:
    region: Frankfurt
    variables: { AA: 1 }
    network: { publicSubnetIds: subnet-1 }
services:
  var: { components: {} }
  email:
    components:
      queue:
        type: sqs
      database:
        type: rds
        engine: postgres
      migrate:
        type: command
        dependson: [email.queue]
        environment:
          HOST: x${email.databse.endpoint}
          HOME2: ${HOME}
          V: ${var.B}
          DEPLOYER_RUN_ID: x
        inputs: [../secrets, /etc/passwd]
        timeout: soon
        onDestroy: keep
      api:
        apply: "true"
      bad_name: {}
      list: []
"#;
    assert_eq!(
        refused(text),
        r#"stack.yaml:1:1: `name` is missing; the stack's name: lower-case letters, digits and hyphens
stack.yaml:1:13: `apiVersion` cannot be "deployer/v2"; write deployer/v1
stack.yaml:3:1: unknown field `nmae`; did you mean `name`?
stack.yaml:5:3: "1st": a variable's name has letters, digits and `_`, and begins with no digit
stack.yaml:6:18: expressions are not expanded in `default`; write `$${` for a literal `${`
stack.yaml:6:41: `sensitive` must be true or false, not "maybe"
stack.yaml:8:3: environment name "Production" is not valid: 'P' is not allowed; use lower-case letters, digits and hyphens
stack.yaml:10:13: `region`: write a region such as eu-central-1
stack.yaml:11:18: unknown variable `AA`; did you mean `A`?
stack.yaml:12:14: `vpcId` is missing in `network`; the id of the VPC
stack.yaml:12:33: `publicSubnetIds` must be a list, not a text; write publicSubnetIds: [subnet-1]
stack.yaml:14:3: service name "var" is not valid: it is reserved for expressions; choose another
stack.yaml:18:15: unknown type `sqs`; did you mean `sqs-queue`?
stack.yaml:20:9: `version` is missing in `email.database`; the engine's version, such as "16"
stack.yaml:20:9: `instanceClass` is missing in `email.database`; the instance's class, such as db.t4g.small
stack.yaml:20:9: `storageGb` is missing in `email.database`; its storage in GiB
stack.yaml:23:9: `apply` is missing in `email.migrate`; the shell text that makes it so
stack.yaml:24:9: unknown field `dependson` in `email.migrate`; did you mean `dependsOn`?
stack.yaml:26:18: unknown component `email.databse`; did you mean `email.database`?
stack.yaml:27:18: unknown expression `HOME`; write ${var.HOME} for a variable, $${HOME} for the text
stack.yaml:28:14: unknown variable `B`; known: A
stack.yaml:29:11: "DEPLOYER_RUN_ID": names that begin with DEPLOYER_ are deployer's own
stack.yaml:30:18: `inputs`: a path cannot leave the stack's directory (`..`)
stack.yaml:30:30: `inputs`: a path is relative to the stack's directory
stack.yaml:31:18: `timeout` must be a time, not "soon"; write 90s, 10m or 1h
stack.yaml:32:20: `onDestroy` cannot be "keep"; write retain or delete
stack.yaml:34:9: `type` is missing in `email.api`; what the component is, such as `command`
stack.yaml:35:7: component name "bad_name" is not valid: '_' is not allowed; use lower-case letters, digits and hyphens
stack.yaml:36:13: `email.list` must be a component (a mapping with a `type`), not a list"#
    );
}

#[test]
fn a_file_that_is_something_else_is_explained() {
    for (text, want) in [
        ("", "stack.yaml:1:1: `apiVersion` is missing; write `apiVersion: deployer/v1`"),
        ("- a\n", "stack.yaml:1:1: this file must be a mapping, not a list"),
        ("hello\n", "stack.yaml:1:1: this file must be a mapping, not a text"),
        ("a: [\n", "stack.yaml:2:1: this is not valid YAML"),
    ] {
        assert!(refused(text).starts_with(want), "{text:?}: {}", refused(text));
    }
    let head = "apiVersion: deployer/v1\nkind: Stack\nname: s\n";
    assert_eq!(
        refused(&format!(
            "{head}environments: {{}}\nservices: {{a: {{components: {{b: {{type: command, apply: x}}}}}}}}\n"
        )),
        "stack.yaml:4:15: there is no environment; write `development: {}`"
    );
    assert_eq!(
        refused(&format!("{head}environments:\n  dev:\n")),
        "stack.yaml: the stack has no components; describe one under `services:`; `deployer destroy` takes a stack away"
    );
}

#[test]
fn a_cycle_is_shown_whole() {
    let text = stack(
        "      x: {type: command, apply: x, environment: {A: '${a.y.o}'}}\n\
         \x20     y: {type: command, apply: x, dependsOn: [a.z]}\n\
         \x20     z: {type: command, apply: x, dependsOn: [a.x, a.free]}\n\
         \x20     free: {type: command, apply: x}\n\
         \x20     own: {type: command, apply: x, dependsOn: [a.own]}\n",
    );
    assert_eq!(
        refused(&text),
        "stack.yaml:8:7: these components depend on each other: a.x -> a.y -> a.z -> a.x; \
         each needs the next one first; take one `dependsOn` or reference away\n\
         stack.yaml:12:7: `a.own` depends on itself; \
         each needs the next one first; take one `dependsOn` or reference away"
    );
}

#[test]
fn texts_that_no_system_takes_are_refused() {
    let long = "x".repeat(reading::MAX_SHELL_TEXT + 1);
    let text = stack(&format!("      x: {{type: command, apply: {long}, destroy: '', check: \"a\\0b\"}}\n"));
    assert_eq!(
        refused(&text).lines().map(|line| line.split_once(": ").unwrap().1).collect::<Vec<_>>().join("\n"),
        "`apply` has more than 100000 characters; put it into a script, name that in `inputs:` and call it here\n\
         `destroy` is empty; leave it out, or write a command\n\
         `check` holds a NUL character"
    );
}

#[test]
fn more_problems_than_a_person_reads_are_counted() {
    let components: String = (0..500).map(|n| format!("      x{n}: {{type: nothing}}\n")).collect();
    let problems = Manifest::parse(&file("stack.yaml", &stack(&components)), &[]).unwrap_err();
    assert_eq!(problems.len(), 101);
    assert_eq!(problems[100].message, "and 400 more problems");
}

#[test]
fn a_broken_file_is_answered_whatever_is_cut_out_of_it() {
    for at in 0..GOOD.len() {
        let text = format!("{}{}", &GOOD[..at], &GOOD[(at + 7).min(GOOD.len())..]);
        let _ = Manifest::parse(&file("stack.yaml", &text), &[]);
    }
}

#[test]
fn hostile_files_of_the_largest_size_are_answered_quickly() {
    let fill = |unit: &dyn Fn(usize) -> String| {
        let mut text = stack("");
        let mut n = 0;
        while text.len() < 1_000_000 && n < 12_000 {
            text.push_str(&unit(n));
            n += 1;
        }
        text
    };
    let texts = [
        fill(&|n| format!("      c{n}: {{type: command, apply: x, dependsOn: [b.c{n}]}}\n")),
        fill(&|n| format!("      c{n}: {{type: command, apply: x, dependsOn: [a.c{}]}}\n", n ^ 1)),
        fill(&|n| format!("      c{n}: {{type: command, apply: x, dependsOn: [a.c{}, a.c{}]}}\n", n ^ 1, n / 2)),
        fill(&|n| format!("      c{n}: {{type: commando{n}, field{n}: x}}\n")),
        fill(&|n| format!("      c{n}: {{type: command, apply: x, environment: {{A: '${{var.v{n}}} ${{x{n}}}'}}}}\n")),
        stack(&format!("      c: {{type: command, apply: x, environment: {{A: '{}'}}}}\n", "${a}".repeat(240_000))),
        stack(&format!("      c: {{type: command, apply: x, environment: {{A: '{}'}}}}\n", "$${".repeat(300_000))),
    ];
    for (n, text) in texts.iter().enumerate() {
        let effort = Effort::begin();
        let _ = Manifest::parse(&file("stack.yaml", text), &[]);
        let took = effort.so_far();
        assert!(took < Duration::from_secs(5), "text {n} took {took:?}");
        println!("text {n} of {} bytes: {took:?}", text.len());
    }
}
