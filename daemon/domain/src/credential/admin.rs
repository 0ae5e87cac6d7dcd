//! The admin secret: a password or its hash, and the key of one-time passwords where they are asked for.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{SecretHash, TotpKey};
use crate::error::{Error, Reason, Result};
use crate::secret_store::StoredSecret;

/// The admin secret's name unless another was asked for.
pub const ADMIN_SECRET: &str = "/deployer/admin-credentials";

/// How many characters a new password has at least. Those that are in use go on working.
const SHORTEST: usize = 12;

/// A password older than this deserves a warning.
const OLD: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The admin secret as it is stored.
#[derive(Debug)]
pub struct AdminSecret {
    password: Password,
    /// The key of one-time passwords, when they are asked for.
    pub totp: Option<TotpKey>,
}

#[derive(Debug)]
enum Password {
    Plain(SecretString),
    Hash(SecretHash),
}

/// `{"password": …}` or `{"passwordHash": …}`, and `totp`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    password: Option<String>,
    password_hash: Option<String>,
    totp: Option<String>,
}

impl AdminSecret {
    /// Reads the stored document; `name` is the secret's.
    pub fn parse(stored: &StoredSecret, name: &str) -> Result<Self> {
        let malformed = |why: &str| {
            Error::new(Reason::BackendUnavailable, format!("cannot read the admin secret {name}: {why}"))
                .hint("store {\"password\": \"…\"} or {\"passwordHash\": \"$2b$10$…\"} in it")
        };
        // The parser's own message may quote the document, so it is not passed on.
        let document: Document = serde_json::from_str(stored.document.expose_secret())
            .map_err(|_| malformed("it is not the JSON document that it should be"))?;
        let password = match (document.password, document.password_hash) {
            (_, Some(hash)) => {
                Password::Hash(SecretHash::new(&hash).map_err(|why| malformed(&format!("its passwordHash {why}")))?)
            }
            (Some(plain), None) if !plain.is_empty() => Password::Plain(SecretString::from(plain)),
            _ => return Err(malformed("it has neither password nor passwordHash")),
        };
        let totp = match document.totp {
            None => None,
            Some(key) => Some(TotpKey::parse(&key).ok_or_else(|| malformed("its totp is not a base32 key"))?),
        };
        Ok(Self { password, totp })
    }

    /// The document of a new secret.
    pub fn document(hash: &SecretHash) -> SecretString {
        SecretString::from(serde_json::json!({ "passwordHash": hash.as_str() }).to_string())
    }

    /// The document of a secret that asks for one-time passwords as well, where there is a key.
    pub fn document_with(hash: &SecretHash, totp: Option<&TotpKey>) -> SecretString {
        match totp {
            None => Self::document(hash),
            Some(key) => {
                let key = key.to_base32();
                let document = serde_json::json!({ "passwordHash": hash.as_str(), "totp": key.expose_secret() });
                SecretString::from(document.to_string())
            }
        }
    }

    /// Whether a password is the right one, in a time that does not depend on the answer.
    pub fn verify(&self, password: &SecretString) -> bool {
        match &self.password {
            Password::Hash(hash) => hash.verify(password),
            Password::Plain(plain) => digest(plain).ct_eq(&digest(password)).into(),
        }
    }

    /// A warning when the stored password has not been changed for long.
    pub fn age_warning(stored: &StoredSecret, now: Timestamp) -> Option<String> {
        let age = now.duration_since(stored.created);
        (age > OLD).then(|| {
            let days = age.as_hours() / 24;
            format!(
                "the admin password is {days} days old; change it every 90 days with `deployer admin rotate-password`"
            )
        })
    }
}

/// Refuses a new password that is guessed too easily.
pub fn check_new_password(password: &SecretString) -> Result<()> {
    let characters = password.expose_secret().trim().chars().count();
    let why = match characters {
        0 => "is empty",
        1..SHORTEST => "is too short",
        _ => return Ok(()),
    };
    Err(Error::new(Reason::InvalidRequest, format!("the new admin password {why}"))
        .fact("Needed", format!("at least {SHORTEST} characters"))
        .hint("choose several words, or let a password manager make one"))
}

/// Texts of different lengths are compared by digests of one length.
fn digest(text: &SecretString) -> [u8; 32] {
    Sha256::digest(text.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(document: &str) -> StoredSecret {
        StoredSecret {
            document: SecretString::from(document),
            version: "1".to_owned(),
            created: "2024-01-15T10:00:00Z".parse().unwrap(),
        }
    }

    fn parse(document: &str) -> Result<AdminSecret> {
        AdminSecret::parse(&stored(document), ADMIN_SECRET)
    }

    #[test]
    fn the_references_document_is_read() {
        let secret = parse(r#"{"password":"admin-super-secret-password"}"#).unwrap();
        assert!(secret.verify(&SecretString::from("admin-super-secret-password")));
        assert!(!secret.verify(&SecretString::from("admin-super-secret-passwort")));
        assert!(!secret.verify(&SecretString::from("")));
        assert!(secret.totp.is_none());
    }

    #[test]
    fn a_hash_is_taken_instead_of_a_password() {
        let hash = bcrypt::hash_with_salt(b"hush", 4, [1; 16]).unwrap().to_string();
        let secret = parse(AdminSecret::document(&SecretHash::new(&hash).unwrap()).expose_secret()).unwrap();
        assert!(secret.verify(&SecretString::from("hush")));
        assert!(!secret.verify(&SecretString::from("hash")));
    }

    #[test]
    fn a_damaged_document_is_explained_without_showing_it() {
        for document in [
            "hunter2",
            "{\"pass\":\"hunter2\"}",
            "{\"password\":\"\"}",
            "{\"passwordHash\":\"hunter2\"}",
            "{\"password\":\"x\",\"totp\":\"hunter2!\"}",
        ] {
            let error = parse(document).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            assert!(error.message.contains(ADMIN_SECRET));
        }
    }

    #[test]
    fn a_new_password_has_twelve_characters_and_one_in_use_any_number() {
        let check = |password: &str| check_new_password(&SecretString::from(password));
        for bad in ["", "      ", "abc", "elevenchars", " elevenchars  "] {
            assert_eq!(check(bad).unwrap_err().reason, Reason::InvalidRequest, "{bad}");
        }
        assert_eq!((check("twelve chars"), check("zwölf Zeichen")), (Ok(()), Ok(())));
        assert!(parse(r#"{"password":"abc"}"#).unwrap().verify(&SecretString::from("abc")));
    }

    #[test]
    fn no_password_shows_in_debug() {
        let secret = parse(r#"{"password":"hunter2","totp":"JBSWY3DPEHPK3PXP"}"#).unwrap();
        let shown = format!("{secret:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("JBSW"), "{shown}");
    }

    #[test]
    fn a_password_of_more_than_90_days_is_warned_of() {
        let secret = stored("{}");
        assert_eq!(AdminSecret::age_warning(&secret, "2024-04-14T10:00:00Z".parse().unwrap()), None);
        let warning = AdminSecret::age_warning(&secret, "2024-05-15T10:00:00Z".parse().unwrap()).unwrap();
        assert!(warning.contains("121 days"), "{warning}");
    }
}
