//! The program as its user meets it: one file a promise, each test in a world of its own.
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail as loudly as the tests")]

mod apply;
mod approvals;
mod architecture;
mod audit;
mod backend;
mod busy;
mod ci;
mod cloudformation;
mod cloudformation_adopt;
mod cloudformation_rollback;
mod commands_of_pages;
mod cost;
mod crash;
mod destroy;
mod doctor;
mod documents;
mod exit_codes;
mod foreseen;
mod golden_plans;
mod graph;
mod guard;
mod guides;
mod history;
mod holder_states;
mod hush;
mod infrastructure;
mod install;
mod interop;
mod isolation;
mod isolation_enforced;
mod isolation_judged;
mod lifecycle;
mod linking;
mod lock;
mod logs;
mod output;
mod outputs;
mod packaging;
mod plan;
mod prompts;
mod protocol;
mod readme;
mod render;
mod restart;
mod rollback;
mod rotate_password;
mod run;
mod run_attach;
mod run_cancel;
mod saved_plan;
mod session;
mod single_sign_on;
mod stack;
mod stack_remove;
mod stateless;
mod tenant;
mod tenant_admins;
mod tenant_delete;
mod tenant_limits;
mod tenant_many;
mod tenant_move;
mod tenant_rotate;
mod tenant_suspend;
mod tenant_usage;
mod terminal;
mod terraform;
mod terraform_ahead;
mod terraform_crash;
mod terraform_taken_over;
mod typed;
mod upgrade;
mod watch;

#[test]
fn no_file_of_cases_is_forgotten() {
    let declared = include_str!("main.rs");
    for entry in harness::programs::root().join("tests/cases").read_dir().unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(name == "main" || declared.contains(&format!("\nmod {name};\n")), "add `mod {name};` to cases/main.rs");
    }
}
