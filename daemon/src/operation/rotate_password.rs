//! Replaces the admin password, and enrols one-time passwords where that is asked for.

use deployer_domain::caller::Caller;
use deployer_domain::credential::{ADMIN_SECRET, AdminSecret, SecretHash, TotpKey};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::port_error::Attempted;
use deployer_domain::session::{Binding, Session};
use secrecy::{ExposeSecret, SecretString};

use super::authorise::{self, AdminAccess};
use super::{Ports, busy, remembered, sign_in};

/// What is to be.
#[derive(Debug)]
pub struct RotatePassword {
    /// The new password.
    pub password: SecretString,
    /// Whether a key for one-time passwords is made, in place of one that is there.
    pub enable_otp: bool,
}

/// The admin secret as it is now.
#[derive(Debug)]
pub struct RotatedPassword {
    /// The key to enter into an authenticator app, and the address that says the same; nowhere else.
    pub otp: Option<(SecretString, SecretString)>,
    /// Whether one-time passwords are asked for.
    pub asks_for_otp: bool,
}

/// Writes a new version of the admin secret. All admin sessions end within half a minute but the caller's own.
pub async fn rotate_password(ports: &Ports, caller: &Caller, wanted: RotatePassword) -> Result<RotatedPassword> {
    let access = authorise::admin(ports, caller).await?;
    let name = access.context.admin_secret.clone().unwrap_or_else(|| ADMIN_SECRET.to_owned());
    let stored = sign_in::admin_secret(&access.backend, &name).await?;
    let before = AdminSecret::parse(&stored, &name)?;
    let document = document(ports, before, &wanted).await?;
    let recorder = authorise::recorder(&access, caller, "admin.rotate-password", &name).await;
    let intent = recorder.intent(ports).await?;
    let rotated = replace(ports, caller, &access, &name, &document.text).await;
    recorder.result(ports, intent, &rotated).await;
    rotated?;
    let address = &access.backend.place.address;
    let uri = |key: &TotpKey| key.uri("deployer", &address.to_string());
    let otp = document.new_key.as_ref().map(|key| (key.to_base32(), uri(key)));
    Ok(RotatedPassword { otp, asks_for_otp: document.asks_for_otp })
}

struct Document {
    text: SecretString,
    new_key: Option<TotpKey>,
    asks_for_otp: bool,
}

async fn document(ports: &Ports, before: AdminSecret, wanted: &RotatePassword) -> Result<Document> {
    if wanted.password.expose_secret().trim().is_empty() {
        return Err(Error::new(Reason::InvalidRequest, "the new admin password is empty")
            .hint("pass it with --password-stdin or DEPLOYER_NEW_ADMIN_PASSWORD"));
    }
    let new_key = wanted.enable_otp.then(|| TotpKey::generate(ports.entropy.as_ref()));
    let (password, entropy) = (wanted.password.clone(), std::sync::Arc::clone(&ports.entropy));
    busy(move || {
        if before.verify(&password) {
            return Err(Error::new(Reason::InvalidRequest, "the new admin password is the one that there is")
                .hint("choose another one"));
        }
        let hash = SecretHash::of(&password, entropy.as_ref())?;
        let totp = new_key.as_ref().or(before.totp.as_ref());
        let text = AdminSecret::document_with(&hash, totp);
        Ok(Document { text, asks_for_otp: totp.is_some(), new_key })
    })
    .await?
}

/// Writes the document, and binds the caller's own session to its version.
async fn replace(
    ports: &Ports,
    caller: &Caller,
    access: &AdminAccess,
    name: &str,
    document: &SecretString,
) -> Result<()> {
    let (backend, address) = (&access.backend, &access.backend.place.address);
    let written = backend.secrets.replace(name, document).await;
    written.attempted(format!("change the admin secret {name}"), address)?;
    ports.caches.admin.forget(name);
    let now = sign_in::admin_secret(backend, name).await?;
    if now.document.expose_secret() != document.expose_secret() {
        return Err(Error::new(Reason::StateConflict, "another admin changed the password at the same moment")
            .hint("sign in with the password that they chose, or change it once more"));
    }
    if caller.sign_in.is_none() {
        let session = Session { binding: Binding::to(&now.version), ..access.session.clone() };
        let context = deployer_domain::context::Context { session: Some(session), ..access.context.clone() };
        remembered::save(ports, &context).await?;
    }
    Ok(())
}
