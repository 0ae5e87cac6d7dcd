//! Who acts, for people: what locks, history and audit show. Never a proof of identity.

use std::fmt;
use std::sync::{Arc, LazyLock};

/// The longest name that is kept, in characters.
const LONGEST: usize = 120;

/// A CI system, and the variables that name its user and its run.
struct CiSystem {
    name: &'static str,
    marker: &'static str,
    users: &'static [&'static str],
    runs: &'static [&'static str],
}

const CI_SYSTEMS: [CiSystem; 6] = [
    CiSystem { name: "GitHub Actions", marker: "GITHUB_ACTIONS", users: &["GITHUB_ACTOR"], runs: &["GITHUB_RUN_ID"] },
    CiSystem {
        name: "GitLab CI",
        marker: "GITLAB_CI",
        users: &["GITLAB_USER_LOGIN", "GITLAB_USER_EMAIL"],
        runs: &["CI_JOB_ID", "CI_PIPELINE_ID"],
    },
    CiSystem {
        name: "Buildkite",
        marker: "BUILDKITE_BUILD_ID",
        users: &["BUILDKITE_BUILD_CREATOR"],
        runs: &["BUILDKITE_BUILD_ID"],
    },
    CiSystem { name: "CircleCI", marker: "CIRCLE_BUILD_URL", users: &["CIRCLE_USERNAME"], runs: &["CIRCLE_BUILD_URL"] },
    CiSystem { name: "Jenkins", marker: "JENKINS_URL", users: &["BUILD_USER_ID"], runs: &["BUILD_TAG", "BUILD_URL"] },
    CiSystem { name: "Azure Pipelines", marker: "TF_BUILD", users: &["BUILD_REQUESTEDFOREMAIL"], runs: &["BUILD_URL"] },
];

/// Who acts. A name that nobody said is looked for when it is asked for first: that reads the caller's files, and most
/// calls need no name.
#[derive(Clone)]
pub struct Actor(Arc<LazyLock<String, Box<dyn FnOnce() -> String + Send>>>);

impl Actor {
    /// A name that is to be looked for.
    pub fn found(find: impl FnOnce() -> String + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(find))))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Actor {
    fn from(name: T) -> Self {
        let name = name.into();
        Self::found(|| name)
    }
}

impl Default for Actor {
    fn default() -> Self {
        Self::from("")
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name that the caller says: `--actor`, `DEPLOYER_ACTOR`, the CI system's user and run.
pub fn said(explicit: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let variable = |name: &str| variable(name).and_then(|value| clean(&value));
    clean(explicit)
        .or_else(|| variable("DEPLOYER_ACTOR"))
        .or_else(|| CI_SYSTEMS.iter().find_map(|system| in_ci(system, &variable)))
}

/// The name of whoever says none: git's `user.email` where the caller is, else user@host.
pub fn unsaid(git_email: Option<String>, user: impl FnOnce() -> String, host: &str) -> String {
    git_email.and_then(|email| clean(&email)).unwrap_or_else(|| {
        let user = user();
        let user = clean(&user).unwrap_or_else(|| "unknown".to_owned());
        format!("{user}@{}", clean(host).unwrap_or_else(|| "unknown".to_owned()))
    })
}

fn in_ci(system: &CiSystem, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    variable(system.marker)?;
    let first = |names: &[&str]| names.iter().find_map(|name| variable(name));
    // Where a run is known by its address only, the address ends with its number.
    let run = first(system.runs).and_then(|run| run.trim_end_matches('/').rsplit('/').next().map(str::to_owned));
    let place = match run {
        Some(run) => format!("{} run {run}", system.name),
        None => system.name.to_owned(),
    };
    Some(match first(system.users) {
        Some(user) => format!("{user} ({place})"),
        None => place,
    })
}

/// One line of printable characters, not too long; nothing for nothing.
fn clean(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(explicit: &str, variables: &[(&str, &str)], email: Option<&str>) -> String {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        said(explicit, &variable).unwrap_or_else(|| {
            let user = variable("USER").or_else(|| variable("LOGNAME"));
            unsaid(email.map(str::to_owned), || user.unwrap_or_else(|| "carol".to_owned()), "build-7")
        })
    }

    #[test]
    fn a_name_is_looked_for_once_and_only_when_it_is_asked_for() {
        let (looked, looks) = std::sync::mpsc::channel();
        let actor = Actor::found(move || {
            looked.send(()).unwrap();
            "alice".to_owned()
        });
        assert!(looks.try_recv().is_err());
        assert_eq!((actor.as_str(), actor.clone().to_string().as_str()), ("alice", "alice"));
        assert_eq!(looks.iter().count(), 1);
    }

    #[test]
    fn the_strongest_source_speaks() {
        let all = [("DEPLOYER_ACTOR", "bob"), ("GITHUB_ACTIONS", "true"), ("GITHUB_ACTOR", "octo"), ("USER", "root")];
        assert_eq!(derived("alice", &all, Some("g@x")), "alice");
        assert_eq!(derived("", &all, Some("g@x")), "bob");
        assert_eq!(derived("", &all[1..], Some("g@x")), "octo (GitHub Actions)");
        assert_eq!(derived("", &all[3..], Some("g@x")), "g@x");
        assert_eq!(derived("", &all[3..], None), "root@build-7");
        assert_eq!(derived("", &[], None), "carol@build-7");
    }

    #[test]
    fn every_ci_system_is_named_with_its_user_and_run() {
        let table: [(&[(&str, &str)], &str); 7] = [
            (
                &[("GITHUB_ACTIONS", "true"), ("GITHUB_ACTOR", "octo"), ("GITHUB_RUN_ID", "42")],
                "octo (GitHub Actions run 42)",
            ),
            (&[("GITLAB_CI", "true"), ("GITLAB_USER_LOGIN", "lab"), ("CI_JOB_ID", "7")], "lab (GitLab CI run 7)"),
            (&[("BUILDKITE_BUILD_ID", "b-1"), ("BUILDKITE_BUILD_CREATOR", "kit")], "kit (Buildkite run b-1)"),
            (
                &[("CIRCLE_BUILD_URL", "https://circleci.com/gh/o/r/91"), ("CIRCLE_USERNAME", "cir")],
                "cir (CircleCI run 91)",
            ),
            (&[("JENKINS_URL", "https://j"), ("BUILD_TAG", "jenkins-job-3")], "Jenkins run jenkins-job-3"),
            (&[("TF_BUILD", "True"), ("BUILD_REQUESTEDFOREMAIL", "a@x")], "a@x (Azure Pipelines)"),
            (&[("GITHUB_ACTIONS", "")], "carol@build-7"),
        ];
        for (variables, expected) in table {
            assert_eq!(derived("", variables, None), expected);
        }
    }

    #[test]
    fn a_name_is_one_printable_line_of_bounded_length() {
        assert_eq!(derived("  a\u{1b}[31m\nb  ", &[], None), "a[31mb");
        assert_eq!(derived(&"x".repeat(5000), &[], None).len(), LONGEST);
    }
}
