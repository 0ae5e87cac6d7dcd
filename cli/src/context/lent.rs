//! Which variables are lent, and to whom.

/// Never lent to the daemon as part of an environment.
pub const SECRETS: [&str; 6] = [
    "DEPLOYER_SECRET",
    "DEPLOYER_ADMIN_PASSWORD",
    "DEPLOYER_NEW_ADMIN_PASSWORD",
    "DEPLOYER_OTP",
    "DEPLOYER_NEW_OTP",
    "DEPLOYER_NEW_OTP_KEY",
];

/// Lent by prefix: clouds, proxies and our own settings.
pub const PREFIXES: [&str; 2] = ["AWS_", "DEPLOYER_"];

/// Lent by suffix, in either case.
pub const SUFFIXES: [&str; 1] = ["_PROXY"];

/// Lent by name: who the user is, and what CI systems say of their user and run. Never a CI system's token.
pub const NAMES: [&str; 37] = [
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CI",
    "GITHUB_ACTIONS",
    "GITHUB_ACTOR",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_REPOSITORY",
    "GITHUB_SERVER_URL",
    "GITHUB_SHA",
    "GITHUB_REF_NAME",
    "GITHUB_WORKFLOW",
    "GITLAB_CI",
    "GITLAB_USER_LOGIN",
    "GITLAB_USER_EMAIL",
    "CI_JOB_ID",
    "CI_JOB_URL",
    "CI_PIPELINE_ID",
    "CI_PROJECT_PATH",
    "CI_COMMIT_SHA",
    "CI_COMMIT_REF_NAME",
    "BUILDKITE_BUILD_CREATOR",
    "BUILDKITE_BUILD_ID",
    "BUILDKITE_BUILD_URL",
    "CIRCLE_USERNAME",
    "CIRCLE_BUILD_URL",
    "JENKINS_URL",
    "BUILD_USER_ID",
    "BUILD_URL",
    "BUILD_TAG",
    "TF_BUILD",
    "BUILD_REQUESTEDFOREMAIL",
];

/// What a daemon keeps of the environment of the command that started it: where it lives, how it reaches the keyring.
/// Everything else travels with each call, so no daemon keeps one caller's credentials for another.
pub const DAEMON_NAMES: [&str; 18] = [
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "XDG_STATE_HOME",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "DEPLOYER_SOCKET",
    "DEPLOYER_STATE_DIR",
    "DEPLOYER_KEYRING",
    "DEPLOYER_LOG",
    "RUST_BACKTRACE",
];

/// Whether a variable travels with each call.
pub fn is_lent(name: &str) -> bool {
    let lent = NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.to_ascii_uppercase().ends_with(suffix));
    lent && !SECRETS.contains(&name)
}
