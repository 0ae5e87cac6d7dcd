use std::collections::BTreeMap;

use ulid::Ulid;

use super::*;
use crate::expression::Resolved;
use crate::plan::ResourceAction;
use crate::run::Redactor;
use crate::seal::Fence;
use crate::state::Output;

fn read(files: &[(&str, &str)]) -> Module {
    Module::read(files.iter().copied())
}

#[test]
fn a_backend_of_its_own_is_found_with_its_place() {
    let text = "variable \"a\" {}\n\nterraform {\n  required_version = \">= 1.5\"\n  backend \"s3\" {\n    bucket = \"b\"\n  }\n}\n";
    let own = read(&[("main.tf", text)]).backend.unwrap();
    assert_eq!((own.what.as_str(), own.file.as_str(), own.line, own.column), ("backend \"s3\"", "main.tf", 5, 3));
    let cloud = read(&[("a.tf", ""), ("b.tf", "terraform {\n  cloud {\n  }\n}\n")]).backend.unwrap();
    assert_eq!((cloud.what.as_str(), cloud.file.as_str(), cloud.line), ("cloud", "b.tf", 2));
    for json in [r#"{"terraform": {"backend": {"gcs": {}}}}"#, r#"{"terraform": [{"backend": [{"gcs": {}}]}]}"#] {
        let own = read(&[("main.tf.json", json)]).backend.unwrap();
        assert_eq!((own.what.as_str(), own.file.as_str()), ("backend \"gcs\"", "main.tf.json"));
    }
    assert_eq!(read(&[("main.tf", "terraform {\n  required_version = \">= 1\"\n}\n")]).backend, None);
}

#[test]
fn variables_and_local_modules_are_found_in_both_syntaxes() {
    let text = "variable \"name\" {\n  type = string\n}\nvariable \"any\" {}\nvariable \"ids\" {\n  type = list(string)\n}\n\
        module \"shared\" {\n  source = \"../shared\"\n}\nmodule \"far\" {\n  source = \"hashicorp/consul/aws\"\n}\n";
    let json = r#"{"variable": {"tags": {"type": "map(string)"}, "size": {"type": "number"}}, "module": {"in": {"source": "./in"}}}"#;
    let module = read(&[("main.tf", text), ("more.tf.json", json)]);
    let complex: Vec<_> = module.variables.iter().filter(|(_, declared)| declared.complex).collect();
    assert_eq!(complex.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ids", "tags"]);
    assert_eq!(module.variables.len(), 5);
    assert_eq!(module.calls.iter().map(String::as_str).collect::<Vec<_>>(), ["../shared", "./in"]);
    assert!(module.complete);
    assert!(!read(&[("main.tf", "resource {{{")]).complete, "what cannot be read is left to Terraform");
}

#[test]
fn only_the_files_that_terraform_reads_are_module_files() {
    for name in ["main.tf", "a.tf.json", "b.tofu", "c.tofu.json"] {
        assert!(is_module_file(name), "{name}");
    }
    for name in ["main.tf~", ".hidden.tf", "README.md", "terraform.tfvars", "x.json"] {
        assert!(!is_module_file(name), "{name}");
    }
}

#[test]
fn texts_stay_texts_and_lists_and_maps_become_what_they_are() {
    let module = read(&[(
        "main.tf",
        "variable \"text\" {\n  type = string\n}\nvariable \"ids\" {\n  type = list(string)\n}\nvariable \"tags\" {\n  type = map(number)\n}\n",
    )]);
    let plain = |text: &str| Resolved::Plain(text.to_owned());
    let values: BTreeMap<String, Resolved> = [
        ("text".to_owned(), plain("${not.expanded} [1]")),
        ("ids".to_owned(), plain("[\"a\", \"b\"]")),
        ("tags".to_owned(), plain("{ a = 1, \"b\" = -2.5 }")),
    ]
    .into();
    let file: serde_json::Value = serde_json::from_slice(&variable_file(&module, &values).unwrap()).unwrap();
    let wanted = serde_json::json!({"text": "${not.expanded} [1]", "ids": ["a", "b"], "tags": {"a": 1, "b": -2.5}});
    assert_eq!(file, wanted);
    let secret = [("ids".to_owned(), Resolved::Sensitive("hunter2 hunter2".into()))].into();
    let why = variable_file(&module, &secret).unwrap_err();
    assert!(why.contains("variables.ids") && !why.contains("hunter2"), "{why}");
    let call = [("ids".to_owned(), plain("[file(\"/etc/passwd\")]"))].into();
    assert!(variable_file(&module, &call).is_err(), "a call is no literal");
}

const CREATE: &str = r#"{"@level":"info","@message":"terraform_data.x: Plan to create","@module":"terraform.ui","change":{"resource":{"addr":"terraform_data.x","module":"","resource":"terraform_data.x","implied_provider":"terraform","resource_type":"terraform_data","resource_name":"x","resource_key":null},"action":"create"},"type":"planned_change"}"#;
const REPLACE: &str = r#"{"@level":"info","change":{"resource":{"addr":"null_resource.b[\"k\"]","resource_type":"null_resource"},"action":"replace","reason":"tainted"},"type":"planned_change"}"#;
const OUTPUTS: &str = r#"{"@level":"info","outputs":{"a":{"sensitive":false,"action":"update"},"b":{"sensitive":true,"action":"noop"}},"type":"outputs"}"#;
const VALUES: &str =
    r#"{"@level":"info","outputs":{"a":{"sensitive":false,"type":"string","value":"1"}},"type":"outputs"}"#;
const ERROR: &str = r#"{"@level":"error","@message":"Error: local-exec provisioner error","diagnostic":{"severity":"error","summary":"local-exec provisioner error","detail":"Error running command 'exit 3': exit status 3. Output: ","address":"null_resource.x","range":{"filename":"main.tf","start":{"line":12,"column":3},"end":{"line":12,"column":9}}},"type":"diagnostic"}"#;

#[test]
fn events_come_to_a_proposal() {
    let mut told = Told::default();
    for line in [CREATE, REPLACE, OUTPUTS] {
        told.take(&Event::parse(line).unwrap());
    }
    let proposal = told.proposal();
    let seen: Vec<_> = proposal.resources.iter().map(|change| (change.action, change.name.as_str())).collect();
    let wanted = [
        (ResourceAction::Add, "terraform_data.x"),
        (ResourceAction::Replace, "null_resource.b[\"k\"]"),
        (ResourceAction::Modify, "output.a"),
    ];
    assert_eq!(seen, wanted);
    assert!(told.changes());
    let mut nothing = Told::default();
    nothing.take(&Event::parse(VALUES).unwrap());
    assert!(!nothing.changes(), "values after an apply are no changes");
}

#[test]
fn an_error_is_told_with_its_resource_and_its_place() {
    let mut told = Told::default();
    told.take(&Event::parse(ERROR).unwrap());
    let reason = told.reason().unwrap();
    assert!(reason.starts_with("null_resource.x: local-exec provisioner error: Error running"), "{reason}");
    assert!(reason.ends_with("(main.tf:12)"), "{reason}");
    told.take(&Event::parse(ERROR).unwrap());
    assert!(told.reason().unwrap().ends_with("(and 1 more)"));
}

#[test]
fn what_is_no_event_is_none() {
    for line in ["", "panic: oh", "{", "[]", r#"{"a": 1}"#] {
        assert_eq!(Event::parse(line), None, "{line}");
    }
    assert_eq!(Event::parse(r#"{"type":"refresh_start","@message":"m"}"#), Some(Event::Other));
}

#[test]
fn what_is_gone_and_what_was_changed_are_told_apart() {
    let mut told = Told::default();
    for (name, action) in [("a.gone", "delete"), ("a.changed", "update")] {
        let line = format!(
            r#"{{"type":"resource_drift","change":{{"resource":{{"addr":"{name}","resource_type":"a"}},"action":"{action}"}}}}"#
        );
        told.take(&Event::parse(&line).unwrap());
    }
    assert_eq!(told.differences(), ["a.gone is gone", "a.changed was changed"]);
    assert_eq!(told.gone(), 1);
}

#[test]
fn providers_whose_lock_differs_are_named_and_an_order_of_lines_is_no_difference() {
    let block = |version: &str, hashes: &str| {
        format!(
            "provider \"registry.terraform.io/hashicorp/null\" {{\n  version = \"{version}\"\n  hashes = [{hashes}]\n}}\n"
        )
    };
    let before = block("3.2.3", "\"h1:a\", \"h1:b\"");
    assert!(provider_changes(&before, &format!("# more\n{}", block("3.2.3", "\"h1:b\", \"h1:a\""))).is_empty());
    assert_eq!(provider_changes(&before, &block("3.2.4", "\"h1:c\"")), ["registry.terraform.io/hashicorp/null 3.2.4"]);
    assert_eq!(provider_changes("", &before), ["registry.terraform.io/hashicorp/null 3.2.3"]);
}

const STATE: &str = r#"{
  "version": 4,
  "serial": 5,
  "lineage": "707d2c21",
  "outputs": {
    "url": {"value": "https://x", "type": "string"},
    "many": {"value": {"k": [1, true]}, "type": "dynamic"},
    "none": {"value": null, "type": "string"},
    "word": {"value": "hunter2hunter2", "type": "string", "sensitive": true}
  },
  "resources": [
    {"mode": "managed", "type": "terraform_data", "name": "s", "instances": [{"attributes": {"id": "42"}}]},
    {"module": "module.m", "mode": "managed", "type": "null_resource", "name": "b", "instances": [{"index_key": "k", "attributes": {}}]},
    {"mode": "data", "type": "null_data_source", "name": "d", "instances": [{"attributes": {"id": "1"}}]}
  ]
}
"#;

fn mark(fence: u64, content: Option<u128>, base: Option<u128>) -> Mark {
    Mark {
        fence,
        session: Ulid::from(u128::from(fence)),
        write_id: Ulid::from(99),
        content_id: content.map(Ulid::from),
        base_id: base.map(Ulid::from),
    }
}

#[test]
fn a_stored_state_gives_back_what_terraform_wrote_byte_for_byte() {
    let bytes = Stored::write(&mark(7, Some(1), None), Some(STATE.as_bytes()));
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((value["serial"].as_u64(), value["deployer"]["fence"].as_u64()), (Some(5), Some(7)));
    let stored = Stored::read(&bytes).unwrap();
    assert_eq!(stored.content.as_deref(), Some(STATE.as_bytes()));
    assert_eq!(stored.mark, Some(mark(7, Some(1), None)));
    let empty = Stored::read(&Stored::write(&mark(7, None, None), None)).unwrap();
    assert_eq!((empty.content, empty.mark), (None, Some(mark(7, None, None))));
    let foreign = Stored::read(STATE.as_bytes()).unwrap();
    assert_eq!((foreign.mark, foreign.content.as_deref()), (None, Some(STATE.as_bytes())));
}

#[test]
fn what_is_no_state_is_refused() {
    for text in ["", "null", "[]", "{}", "{\"version\": 4", "{\"deployer\":{\"fence\":1}}", "{\"deployer\":"] {
        assert!(Stored::read(text.as_bytes()).is_err(), "{text}");
    }
    assert!(Stored::accepts(STATE.as_bytes()) && !Stored::accepts(b"{}") && !Stored::accepts(b"<html>"));
}

#[test]
fn a_seal_is_written_over_older_ones_only() {
    let of = |fence| Stored { mark: Some(mark(fence, None, None)), content: None };
    let ours = Fence { token: 7, session: Ulid::from(7) };
    assert_eq!(seal_step(&Stored::default(), ours), SealStep::Put);
    assert_eq!(seal_step(&of(6), ours), SealStep::Put);
    assert_eq!(seal_step(&of(7), ours), SealStep::Sealed);
    assert_eq!(seal_step(&of(8), ours), SealStep::Lost);
    let twin = Fence { token: 7, session: Ulid::from(1) };
    assert_eq!(seal_step(&of(7), twin), SealStep::Lost);
}

#[test]
fn a_refused_write_had_landed_or_met_another_holder_or_a_meddler() {
    let of = |fence| Stored { mark: Some(mark(fence, None, None)), content: None };
    let ours = Fence { token: 7, session: Ulid::from(7) };
    assert_eq!(refusal(&of(7), ours, &[Ulid::from(99)]), Refusal::Landed);
    assert_eq!(refusal(&of(8), ours, &[]), Refusal::Lost);
    assert_eq!(refusal(&of(7), ours, &[]), Refusal::Meddled);
    assert_eq!(refusal(&Stored::default(), ours, &[]), Refusal::Meddled);
}

#[test]
fn what_a_fenced_off_holder_knew_takes_the_place_only_of_what_it_was_made_from() {
    let content = Some(STATE.as_bytes().to_vec());
    let now = |content_id: Option<u128>, there: bool| Stored {
        mark: Some(mark(8, content_id, None)),
        content: there.then(|| STATE.as_bytes().to_vec()),
    };
    let orphan = |base: Option<u128>| Stored { mark: Some(mark(7, Some(50), base)), content: content.clone() };
    assert!(takes_up(&now(Some(1), true), &orphan(Some(1))));
    assert!(!takes_up(&now(Some(2), true), &orphan(Some(1))), "somebody has written since");
    assert!(takes_up(&now(None, false), &orphan(None)), "the very first state");
    assert!(!takes_up(&now(None, true), &orphan(None)), "a state that other tools put there");
    assert!(!takes_up(&now(Some(1), true), &orphan(None)));
}

#[test]
fn outputs_are_told_and_sensitive_ones_withheld() {
    let snapshot = Snapshot::read(STATE.as_bytes());
    let (outputs, withheld) = snapshot.outputs(&Redactor::default());
    let wanted: BTreeMap<String, Output> = [
        ("url".to_owned(), Output::Value("https://x".to_owned())),
        ("many".to_owned(), Output::Value(r#"{"k":[1,true]}"#.to_owned())),
    ]
    .into();
    assert_eq!(outputs, wanted);
    assert_eq!(withheld.len(), 1);
    assert!(withheld[0].contains("word") && !withheld[0].contains("hunter2"), "{}", withheld[0]);
    let (outputs, withheld) = snapshot.outputs(&Redactor::new(&["https://x".into()]));
    assert!(!outputs.contains_key("url") && withheld.len() == 2);
}

#[test]
fn resources_have_ids_or_addresses_and_data_sources_are_none() {
    let snapshot = Snapshot::read(STATE.as_bytes());
    let resources = snapshot.resources();
    let ids: Vec<_> = resources.iter().map(|resource| resource.id.as_str()).collect();
    assert_eq!(ids, ["42", "module.m.null_resource.b[\"k\"]"]);
    assert!(snapshot.addresses().contains("terraform_data.s"));
    assert!(Snapshot::read(br#"{"serial":1,"lineage":"l","encrypted_data":"x"}"#).is_encrypted());
    assert!(Snapshot::read(b"no json").addresses().is_empty());
}
