//! Replaces the admin password, and enrols one-time passwords where that is asked for.

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::credential::{ADMIN_SECRET, AdminSecret, SecretHash, TotpKey, check_new_password};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::port_error::Attempted;
use deployer_domain::session::{Binding, Session};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::authorise::{self, AdminAccess};
use super::{Ports, busy, remembered, sign_in};

/// What is to be.
#[derive(Debug)]
pub struct RotatePassword {
    /// The new password.
    pub password: SecretString,
    /// The key for one-time passwords from now on, in place of one that is there.
    pub enable_otp: Option<Enrolment>,
}

/// A key for one-time passwords, and the proof that an app has it.
#[derive(Debug)]
pub struct Enrolment {
    /// In base32.
    pub key: SecretString,
    /// What the app shows.
    pub code: SecretString,
}

/// The admin secret as it is now.
#[derive(Debug)]
pub struct RotatedPassword {
    /// The key that was enrolled, and the address that says the same.
    pub otp: Option<(SecretString, SecretString)>,
    /// Whether one-time passwords are asked for.
    pub asks_for_otp: bool,
}

/// Writes a new version of the admin secret. All admin sessions end within half a minute but the caller's own. Fails with
/// `INVALID_REQUEST`, and changes nothing, where the code is not one of the key.
pub async fn rotate_password(ports: &Ports, caller: &Caller, wanted: RotatePassword) -> Result<RotatedPassword> {
    let access = authorise::admin(ports, caller).await?;
    let name = access.context.admin_secret.clone().unwrap_or_else(|| ADMIN_SECRET.to_owned());
    let stored = sign_in::admin_secret(&access.backend, &name).await?;
    let before = AdminSecret::parse(&stored, &name)?;
    let new_key = wanted.enable_otp.as_ref().map(|given| enrolled(given, ports.clock.now())).transpose()?;
    let document = document(ports, before, &wanted.password, new_key).await?;
    let recorder = authorise::recorder(&access, caller, "admin.rotate-password", &name).await;
    let intent = recorder.intent(ports).await?;
    let rotated = replace(ports, caller, &access, &name, &document.text).await;
    recorder.result(ports, intent, &rotated).await;
    rotated?;
    let otp = document.new_key.as_ref().map(|key| (key.to_base32(), uri(key, &access.backend)));
    Ok(RotatedPassword { otp, asks_for_otp: document.asks_for_otp })
}

struct Document {
    text: SecretString,
    new_key: Option<TotpKey>,
    asks_for_otp: bool,
}

/// Reads a key that somebody brings along.
pub(super) fn parse_key(text: &SecretString) -> Result<TotpKey> {
    TotpKey::parse(text.expose_secret()).ok_or_else(|| {
        Error::new(Reason::InvalidRequest, "the key for one-time passwords cannot be used")
            .hint("write at least 16 characters of base32 (A-Z and 2-7), or let deployer make one")
    })
}

/// The address of a key, as apps read it.
pub(super) fn uri(key: &TotpKey, backend: &Backend) -> SecretString {
    key.uri("deployer", &backend.place.address.to_string())
}

/// Takes a key only from somebody who has it in an app: otherwise nobody could sign in any more.
fn enrolled(given: &Enrolment, now: Timestamp) -> Result<TotpKey> {
    let key = parse_key(&given.key)?;
    if key.verify(&given.code, now) {
        return Ok(key);
    }
    Err(Error::new(Reason::InvalidRequest, "the code is not one of the new key, and nothing was changed")
        .fact("Wrong", "--otp")
        .hint("give the code that the app shows now, and compare this computer's clock with the app's"))
}

async fn document(
    ports: &Ports,
    before: AdminSecret,
    password: &SecretString,
    new_key: Option<TotpKey>,
) -> Result<Document> {
    check_new_password(password)?;
    let (password, entropy) = (password.clone(), std::sync::Arc::clone(&ports.entropy));
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
