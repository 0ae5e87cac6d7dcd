//! What most cases begin with: a platform on one of the two backends, with its admin and a team signed in.

use std::sync::LazyLock;

use crate::aws::{LocalAws, REGION};
use crate::proxy::Proxy;
use crate::{Output, World};

/// The admin's password in all scenes.
pub const PASSWORD: &str = "correct horse battery staple";

/// A platform whose admin is signed in.
#[derive(Debug)]
pub struct Platform {
    /// Where all its commands are run.
    pub world: World,
    /// The backend's address.
    pub address: String,
}

impl Platform {
    /// Prepares the embedded backend in a world of its own.
    #[track_caller]
    pub fn local() -> Self {
        let world = World::new();
        let address = format!("local:{}", world.directory().join("deployer.db").display());
        Self::prepared(world, address)
    }

    /// Prepares a bucket of its own on a local AWS.
    #[track_caller]
    pub fn aws(aws: &LocalAws) -> Self {
        let world = aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
        let unique = world.directory().file_name().and_then(|name| name.to_str()).unwrap_or("x").to_lowercase();
        let address = format!("s3://{}-state", unique.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        Self::prepared(world.with("DEPLOYER_REGION", REGION), address)
    }

    /// The same behind a proxy, with sessions that outlive the daemon: what a kill leaves is found by the next one.
    #[track_caller]
    pub fn behind(aws: &LocalAws, proxy: &Proxy) -> Self {
        let world = aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
        let world = world.with("AWS_ENDPOINT_URL", proxy.endpoint()).with("DEPLOYER_REGION", REGION);
        let world = world.with("DEPLOYER_KEYRING", "file").with("DEPLOYER_TEST_LEASE_PERMILLE", "30");
        Self::prepared(world, "s3://behind-state".to_owned())
    }

    /// Prepares a backend in a world and signs its admin in.
    #[track_caller]
    pub fn prepared(world: World, address: String) -> Self {
        let platform = Self { world, address };
        for verb in ["bootstrap", "login"] {
            let arguments = ["admin", verb, "--backend", &platform.address, "--password-stdin"];
            platform.world.command(arguments).stdin(PASSWORD).run().succeeds();
        }
        platform
    }

    /// Creates a tenant; answers its secret.
    #[track_caller]
    pub fn create_tenant(&self, name: &str) -> String {
        self.world.run(["tenant", "init", name, "-q"]).succeeds().stdout.trim().to_owned()
    }

    /// Signs in as a tenant.
    #[track_caller]
    pub fn sign_in(&self, tenant: &str, secret: &str) {
        let arguments = ["login", "--tenant", tenant, "--backend", &self.address, "--secret-stdin"];
        self.world.command(arguments).stdin(secret).run().succeeds();
    }

    /// The same platform with a tenant that was created and signed in.
    #[track_caller]
    #[must_use]
    pub fn with_team(self, tenant: &str) -> Self {
        let secret = self.create_tenant(tenant);
        self.sign_in(tenant, &secret);
        self
    }

    /// The same platform, working in `development` unless a command says otherwise.
    #[must_use]
    pub fn in_development(mut self) -> Self {
        self.world = self.world.with("DEPLOYER_ENVIRONMENT", "development");
        self
    }

    /// Another user on another machine, signed in as the same tenant of the same backend; the times of leases are the
    /// same too.
    #[track_caller]
    pub fn colleague(&self, tenant: &str, secret: &str) -> World {
        let world =
            self.another_machine().with("DEPLOYER_ENVIRONMENT", "development").with("DEPLOYER_ACTOR", "colleague");
        let arguments = ["login", "--tenant", tenant, "--backend", &self.address, "--secret-stdin"];
        world.command(arguments).stdin(secret).run().succeeds();
        world
    }

    /// Another admin on another machine, signed in to the same backend.
    #[track_caller]
    pub fn other_admin(&self) -> World {
        let world = self.another_machine().with("DEPLOYER_ACTOR", "other-admin");
        let arguments = ["admin", "login", "--backend", &self.address, "--password-stdin"];
        world.command(arguments).stdin(PASSWORD).run().succeeds();
        world
    }

    fn another_machine(&self) -> World {
        let cloud = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "DEPLOYER_REGION"];
        let shared = cloud.into_iter().chain(["DEPLOYER_TEST_LEASE_PERMILLE"]);
        let shared = shared.filter_map(|name| Some((name, self.world.variable(name)?)));
        shared.fold(World::new(), |world, (name, value)| world.with(name, value))
    }

    /// Applies a stack of the working directory without asking.
    #[track_caller]
    pub fn apply(&self, stack: &str) -> Output {
        self.world.run(["apply", "--stack", stack, "--yes"])
    }

    /// Writes `NAME/stack.yaml` with environments `development` and `production` and one service, `s`, whose
    /// components are given as they stand in the file, such as `a: { type: command, apply: "true" }`.
    pub fn write_stack(&self, name: &str, components: &[&str]) {
        let components: String = components.iter().map(|component| format!("      {component}\n")).collect();
        let head = format!("apiVersion: deployer/v1\nkind: Stack\nname: {name}\n");
        let environments = "environments:\n  development: {}\n  production: {}\n";
        let text = format!("{head}{environments}services:\n  s:\n    components:\n{components}");
        self.world.write(&format!("{name}/stack.yaml"), &text);
    }
}

/// A team on the embedded backend that works in `development`.
#[track_caller]
pub fn team() -> Platform {
    Platform::local().with_team("web-team").in_development()
}

/// A platform on the embedded backend, then one on a local AWS that all cases share: for what must hold on both.
#[track_caller]
pub fn platforms() -> impl Iterator<Item = Platform> {
    static AWS: LazyLock<LocalAws> = LazyLock::new(LocalAws::start);
    let platforms: [fn() -> Platform; 2] = [Platform::local, || Platform::aws(&AWS)];
    platforms.into_iter().map(|platform| platform())
}

/// A team on each of the two backends.
#[track_caller]
pub fn teams() -> impl Iterator<Item = Platform> {
    platforms().map(|platform| platform.with_team("web-team").in_development())
}
