//! Plans of a destroy, and what is kept.

use super::*;

#[test]
fn a_destroy_goes_in_reverse_and_needs_no_file() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    let plan = world.plan_destroy().unwrap();
    assert_eq!(shown(&plan), "delete a.web: destroy\ndelete a.free: destroy\ndelete a.db: destroy");
    assert_eq!(plan.steps[2].after, [id("a.free"), id("a.web")]);
    assert_eq!(world.run(plan), "-a.web -a.free -a.db");
    assert!(world.state.is_empty() && world.state.source.is_none());
    assert!(!world.plan_destroy().unwrap().has_changes());
}

#[test]
fn a_destroy_of_a_selection_takes_what_needs_it_along() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    world.options.selection.components.insert(id("a.web"));
    assert_eq!(shown(&world.plan_destroy().unwrap()), "delete a.web: destroy");
    world.options.selection.components = [id("a.db")].into();
    assert_eq!(world.plan_destroy().unwrap().counts.delete, 3);
}

#[test]
fn data_and_what_it_needs_are_kept_unless_asked() {
    let text = "  a:\n    components:\n\
        \x20     net: {type: command, apply: n}\n\
        \x20     data: {type: command, apply: d, dependsOn: [a.net], onDestroy: retain}\n\
        \x20     app: {type: command, apply: a, dependsOn: [a.data]}\n";
    let mut world = World::new();
    world.apply(&manifest(text));
    let plan = world.plan_destroy().unwrap();
    assert_eq!(
        shown(&plan),
        "delete a.app: destroy\nnone a.data: kept (ondestroy: retain)\nnone a.net: kept: a.data, which is kept, depends on it"
    );
    assert!(plan.warnings[0].contains("a.data, a.net"), "{:?}", plan.warnings);
    world.options.delete_data = true;
    assert_eq!(world.plan_destroy().unwrap().counts.delete, 3);
}

#[test]
fn keeping_or_not_keeping_is_recorded_without_running_anything() {
    let text = "  a:\n    components:\n      x: {type: command, apply: x}\n      y: {type: command, apply: y}\n";
    let mut world = World::new();
    world.apply(&manifest(text));
    let kept =
        manifest(&text.replace("apply: x", "apply: x, onDestroy: retain").replace("apply: y", "apply: y, timeout: 5s"));
    let plan = world.plan(&kept);
    assert_eq!((plan.has_changes(), plan.has_records()), (false, true));
    assert!(shown(&plan).starts_with("none a.x: only ondestroy changed: nothing runs"), "{}", shown(&plan));
    assert_eq!(world.run(plan), "");
    assert!(world.state.components[&id("a.x")].retain);
    assert_eq!(world.state.components[&id("a.y")].definition["timeoutMs"], json!(5000));
    assert!(!world.plan(&kept).has_records());
}
