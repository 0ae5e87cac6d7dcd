//! Proposes a key for one-time passwords. Nothing is stored: it counts once a first code of it was given.

use deployer_domain::caller::Caller;
use deployer_domain::credential::TotpKey;
use deployer_domain::error::Result;
use secrecy::SecretString;

use super::{Ports, authorise, rotate_password};

/// A key, as an authenticator app takes it.
#[derive(Debug)]
pub struct OtpProposal {
    /// In base32.
    pub key: SecretString,
    /// The address that says the same.
    pub uri: SecretString,
}

/// Proposes a new key, or the caller's own. Fails with `INVALID_REQUEST` where that is none.
pub async fn propose_otp(ports: &Ports, caller: &Caller, own: Option<SecretString>) -> Result<OtpProposal> {
    let access = authorise::admin(ports, caller).await?;
    let key = match own {
        Some(own) => rotate_password::parse_key(&own)?,
        None => TotpKey::generate(ports.entropy.as_ref()),
    };
    Ok(OtpProposal { key: key.to_base32(), uri: rotate_password::uri(&key, &access.backend) })
}
