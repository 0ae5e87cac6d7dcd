use async_trait::async_trait;
use deployer_domain::backend::{CloudIdentity, WhoAmI};
use deployer_domain::object::PortResult;

use crate::os_user::user_name;

/// The user of the operating system, as the kernel knows it: the daemon serves no other.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsUser;

#[async_trait]
impl WhoAmI for OsUser {
    async fn identity(&self) -> PortResult<CloudIdentity> {
        let uid = rustix::process::getuid().as_raw();
        let name = user_name(uid);
        let system = rustix::system::uname();
        let host = system.nodename().to_string_lossy();
        Ok(CloudIdentity { principal: format!("user:{name}@{host}"), account: String::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_principal_names_user_and_host() {
        let identity = OsUser.identity().await.unwrap();
        assert!(identity.principal.starts_with("user:") && identity.principal.contains('@'), "{identity:?}");
    }
}
