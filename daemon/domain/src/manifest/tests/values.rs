//! Values of variables.

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
