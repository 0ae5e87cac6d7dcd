use std::time::Duration;

use super::*;

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile::decode(name, text.as_bytes().to_vec()).unwrap()
}

fn parse(text: &str) -> Manifest {
    match Manifest::parse(&file("stack.yaml", text), &[]) {
        Ok(manifest) => manifest,
        Err(problems) => panic!("refused:\n{}", listing(&problems)),
    }
}

fn listing(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn refused(text: &str) -> String {
    listing(&Manifest::parse(&file("stack.yaml", text), &[]).expect_err("it was accepted"))
}

/// A stack whose only service is written by the test.
fn stack(service: &str) -> String {
    format!(
        "apiVersion: deployer/v1\nkind: Stack\nname: s\nenvironments: {{dev: {{}}}}\nservices:\n  a:\n    components:\n{service}"
    )
}

const GOOD: &str = r#"
apiVersion: deployer/v1
kind: Stack
name: notification-platform
description: Email and SMS notifications
variables:
  VERSION: { description: Image tag, default: latest }
  TOKEN: { sensitive: true }
environments:
  development: {}
  staging:
    variables: { VERSION: next }
  production:
    region: us-east-1
    accountId: 012345678901
    roleArn: arn:aws:iam::012345678901:role/deploy
    network: { vpcId: vpc-1, publicSubnetIds: [subnet-1, subnet-2], privateSubnetIds: [subnet-3] }
services:
  email:
    description: Sends mail
    components:
      migrate:
        type: command
        dependsOn: [email.database]
        inputs: [migrations/**, migrate.sh]
        timeout: 10m
        environment:
          DATABASE_HOST: ${email.database.endpoint}
          TAG: v${var.VERSION}-$${literal}
          PORT: 8080
        apply: ./migrate.sh up ${NOT_OURS}
        destroy: ./migrate.sh down
        check: ./migrate.sh status
      database:
        type: command
        description: Pretends to be one
        onDestroy: retain
        apply: "true"
        environment: { TOKEN: "${var.TOKEN}" }
"#;

#[test]
fn a_whole_file_is_read_in_its_order() {
    let manifest = parse(GOOD);
    assert_eq!(manifest.name.as_str(), "notification-platform");
    let names: Vec<String> = manifest.components.iter().map(|c| c.id.to_string()).collect();
    assert_eq!(names, ["email.migrate", "email.database"]);
    assert!(manifest.variables["TOKEN"].sensitive && !manifest.variables["VERSION"].sensitive);
    let production = &manifest.environments[&"production".parse().unwrap()];
    assert_eq!(production.account_id.as_deref(), Some("012345678901"));
    assert_eq!(production.network.as_ref().unwrap().public_subnet_ids, ["subnet-1", "subnet-2"]);
    let migrate = manifest.component(&"email.migrate".parse().unwrap()).unwrap();
    assert_eq!(migrate.dependencies, ["email.database".parse().unwrap()]);
    assert_eq!((migrate.place.line, migrate.place.column), (22, 7));
    let Definition::Command(command) = &migrate.definition else { panic!("no command") };
    assert_eq!(command.apply, "./migrate.sh up ${NOT_OURS}");
    assert_eq!(command.timeout, Some(Duration::from_secs(600)));
    assert_eq!(command.environment["PORT"].as_literal(), Some("8080"));
    assert_eq!(command.inputs[1].glob, "migrate.sh");
    let database = manifest.component(&"email.database".parse().unwrap()).unwrap();
    assert_eq!((migrate.on_destroy, database.on_destroy), (OnDestroy::Delete, OnDestroy::Retain));
    let order = manifest.graph().order();
    assert_eq!(order, [1, 0]);
}

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
fn services_may_be_in_files_of_their_own() {
    let main = file("stack.yaml", &stack("      x: {type: command, apply: x, dependsOn: [b.y]}\n"));
    let other = file("services/b.yaml", "description: B\ncomponents:\n  y: {type: command, apply: y}\n");
    let manifest = Manifest::parse(&main, std::slice::from_ref(&other)).unwrap();
    assert_eq!(manifest.components.len(), 2);
    assert_eq!(manifest.components[1].place.file.as_ref(), "services/b.yaml");
    let twice = file("services/a.yaml", "components: {z: {type: comand, apply: y}}\n");
    let bad = file("services/Bad.yaml", "components: {}\n");
    let broken = file("services/c.yaml", "components: {\n");
    assert_eq!(
        listing(&Manifest::parse(&main, &[twice, bad, broken, other]).unwrap_err()),
        "services/a.yaml: the service `a` is described twice; keep it either in the main file or in services/\n\
         services/a.yaml:1:24: unknown type `comand`; did you mean `command`?\n\
         services/Bad.yaml: service name \"Bad\" is not valid: 'B' is not allowed; use lower-case letters, digits and hyphens\n\
         services/c.yaml:2:1: this is not valid YAML: while parsing a node, did not find expected node content"
    );
}

#[test]
fn extension_fields_and_merge_keys_save_repetition() {
    let text = stack(
        "      x: &base {type: command, apply: x, environment: {A: 1}}\n      y: {<<: *base, apply: y}\nx-note: [anything]\n",
    );
    let manifest = parse(&text);
    let Definition::Command(command) = &manifest.components[1].definition else { panic!("no command") };
    assert_eq!((command.apply.as_str(), command.environment["A"].as_literal()), ("y", Some("1")));
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
fn the_environment_is_the_only_one_or_the_exact_one() {
    let one = parse(&stack("      x: {type: command, apply: x}\n"));
    assert_eq!(one.choose_environment(None).unwrap().as_str(), "dev");
    let several = parse(GOOD);
    let error = several.choose_environment(None).unwrap_err();
    assert_eq!(error.facts[0].1, "development, production, staging");
    let error = several.choose_environment(Some("prodcution")).unwrap_err();
    assert_eq!((error.reason, error.hints[0].as_str()), (Reason::NotFound, "did you mean `production`?"));
    assert!(several.choose_environment(Some("../x")).is_err());
}

#[test]
fn the_template_is_valid_and_names_the_stack() {
    let text = stack_template(&"my-stack".parse().unwrap());
    assert!(text.starts_with(&format!("# yaml-language-server: $schema=./{SCHEMA_FILE}\n")));
    let manifest = parse(&text);
    assert_eq!(manifest.name.as_str(), "my-stack");
    assert_eq!(manifest.components.len(), 2);
    let environment = "development".parse().unwrap();
    assert!(Values::resolve(&manifest, &environment, &[]).is_ok());
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
        let start = std::time::Instant::now();
        let _ = Manifest::parse(&file("stack.yaml", text), &[]);
        assert!(start.elapsed() < Duration::from_secs(5), "text {n} took {:?}", start.elapsed());
        println!("text {n} of {} bytes: {:?}", text.len(), start.elapsed());
    }
}

mod values {
    use secrecy::ExposeSecret;

    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Given {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    }

    fn shown(values: &Values) -> String {
        let show = |(name, value): (&str, &Value)| match value {
            Value::Plain(text) => format!("{name}={text}"),
            Value::Sensitive(secret) => format!("{name}=<{}>", secret.expose_secret()),
        };
        values.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn later_sources_win_over_earlier_ones() {
        let manifest = parse(GOOD);
        let resolve = |environment: &str, file: &[(&str, &str)], vars: &[(&str, &str)]| {
            shown(&Values::resolve(&manifest, &environment.parse().unwrap(), &[&given(file), &given(vars)]).unwrap())
        };
        assert_eq!(resolve("development", &[("TOKEN", "t")], &[]), "TOKEN=<t> VERSION=latest");
        assert_eq!(resolve("staging", &[("TOKEN", "t")], &[]), "TOKEN=<t> VERSION=next");
        assert_eq!(resolve("staging", &[("TOKEN", "t"), ("VERSION", "f")], &[]), "TOKEN=<t> VERSION=f");
        assert_eq!(resolve("staging", &[("TOKEN", "t"), ("VERSION", "f")], &[("VERSION", "v")]), "TOKEN=<t> VERSION=v");
    }

    #[test]
    fn an_unset_or_unknown_variable_is_named() {
        let manifest = parse(GOOD);
        let environment = "development".parse().unwrap();
        let error = Values::resolve(&manifest, &environment, &[]).unwrap_err();
        assert_eq!(error.message, "1 variable has no value in environment `development`: `TOKEN`");
        assert_eq!(error.problems[0].line, 8);
        assert!(error.hints[0].contains("--var TOKEN=VALUE"), "{:?}", error.hints);
        let error = Values::resolve(&manifest, &environment, &[&given(&[("VERSOIN", "secret-1")])]).unwrap_err();
        assert_eq!(error.message, "unknown variable `VERSOIN`");
        assert_eq!(error.hints, ["did you mean `VERSION`?"]);
    }

    #[test]
    fn sensitive_values_have_no_readable_debug() {
        let manifest = parse(GOOD);
        let given = given(&[("TOKEN", "hunter2")]);
        let values = Values::resolve(&manifest, &"staging".parse().unwrap(), &[&given]).unwrap();
        assert!(!format!("{values:?} {given:?}").contains("hunter2"));
        assert_eq!(values.secrets().count(), 1);
    }

    #[test]
    fn a_file_of_variables_is_a_mapping_of_texts() {
        let read = parse_variables(&file("v.yaml", "A: 1.10\n\"B\": \"x: y\"\n")).unwrap();
        assert_eq!((read["A"].expose_secret(), read["B"].expose_secret()), ("1.10", "x: y"));
        let json = parse_variables(&file("v.json", "{\"A\": true}")).unwrap();
        assert_eq!(json["A"].expose_secret(), "true");
        let problems = parse_variables(&file("v.yaml", "A: [hunter2]\nB:\n1x: 2\nA: 3\n")).unwrap_err();
        assert_eq!(listing(&problems), "v.yaml:4:1: the key `A` is already given in line 1; remove one of the two");
        let problems = parse_variables(&file("v.yaml", "A: [hunter2]\nB:\n1x: 2\n")).unwrap_err();
        assert_eq!(
            listing(&problems),
            "v.yaml:1:4: the variable `A` is a list, not a text; write NAME: value; \"\" for an empty text\n\
             v.yaml:2:2: the variable `B` is nothing, not a text; write NAME: value; \"\" for an empty text\n\
             v.yaml:3:1: \"1x\" is no name of a variable; use letters, digits and `_`, not beginning with a digit"
        );
        assert!(!format!("{:?}", file("v.yaml", "A: hunter2\n")).contains("hunter2"));
    }
}
