//! Secrets: how they are made, what is stored of them, and how they are verified.
//!
//! Hashing takes some 60 ms of processor time on purpose; callers move it off their async threads.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::entropy::Entropy;
use crate::error::{Error, Reason, Result};

mod admin;
mod failures;
mod totp;

pub use admin::{ADMIN_SECRET, AdminSecret, check_new_password};
pub use failures::Failures;
pub use totp::{TotpKey, is_code};

/// The cost that new hashes are made with.
pub const COST: u32 = 10;

/// Hashes beyond this cost would keep a processor busy for minutes; nobody makes them by accident.
const MAX_COST: u32 = 15;

/// What bcrypt takes into account; the rest of a longer text would not matter, so longer ones are refused.
const MAX_BYTES: usize = 72;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const RANDOM_CHARACTERS: usize = 32;

/// Makes a tenant's secret: `<prefix>_` and 32 random characters of A-Z, a-z and 0-9, each as likely as any other.
pub fn generate(prefix: &str, entropy: &dyn Entropy) -> SecretString {
    // The largest multiple of the alphabet's size: bytes beyond it would favour the first characters.
    let fair = u8::try_from(256 - 256 % ALPHABET.len()).unwrap_or(u8::MAX);
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + 1 + RANDOM_CHARACTERS));
    text.push_str(prefix);
    text.push('_');
    let mut random = Zeroizing::new([0_u8; 64]);
    let whole = text.len() + RANDOM_CHARACTERS;
    while text.len() < whole {
        entropy.fill(random.as_mut_slice());
        for byte in random.iter().filter(|byte| **byte < fair).take(whole - text.len()) {
            text.push(char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        }
    }
    SecretString::from(text.as_str())
}

/// A bcrypt hash: `$2b$10$` and 53 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(String);

impl SecretHash {
    /// Takes a stored hash; the error says what is wrong with it.
    pub fn new(text: &str) -> std::result::Result<Self, &'static str> {
        let body = ["$2a$", "$2b$", "$2y$"].iter().find_map(|version| text.strip_prefix(version));
        let Some((cost, digest)) = body.and_then(|body| body.split_once('$')) else {
            return Err("must be a bcrypt hash ($2a$, $2b$ or $2y$)");
        };
        match cost.parse::<u32>() {
            Ok(4..=MAX_COST) if cost.len() == 2 => {}
            _ => return Err("must have a cost between 04 and 15"),
        }
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/');
        if digest.len() != 53 || !digest.chars().all(good) {
            return Err("is cut off or damaged: 53 characters of A-Z, a-z, 0-9, . and / come after the cost");
        }
        Ok(Self(text.to_owned()))
    }

    /// Hashes a secret for storing.
    pub fn of(secret: &SecretString, entropy: &dyn Entropy) -> Result<Self> {
        let bytes = secret.expose_secret().as_bytes();
        if bytes.len() > MAX_BYTES || bytes.contains(&0) {
            return Err(Error::new(
                Reason::InvalidRequest,
                format!("a password may have {MAX_BYTES} bytes at most, and no zero byte"),
            ));
        }
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        match bcrypt::hash_with_salt(bytes, COST, salt) {
            Ok(parts) => Ok(Self(parts.format_for_version(bcrypt::Version::TwoB))),
            Err(error) => Err(Error::new(Reason::Internal, format!("a secret could not be hashed: {error}"))),
        }
    }

    /// The hash that the secret of a tenant that does not exist is compared with: it costs the same time.
    pub fn of_nobody() -> Self {
        Self("$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy".to_owned())
    }

    /// The hash as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a secret is the one that was hashed, in a time that does not depend on the answer.
    pub fn verify(&self, secret: &SecretString) -> bool {
        let bytes = secret.expose_secret().as_bytes();
        let fits = bytes.len() <= MAX_BYTES;
        bcrypt::verify(&bytes[..bytes.len().min(MAX_BYTES)], &self.0).unwrap_or(false) && fits
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash([REDACTED])")
    }
}

/// What everybody is told whose secret was not right: the same for a wrong secret and for an unknown tenant.
pub fn invalid_credentials() -> Error {
    Error::new(Reason::InvalidCredentials, "Authentication failed: Invalid credentials")
}

/// What the owner of a session is told whose credential was rotated or deleted.
pub fn revoked() -> Error {
    invalid_credentials().hint("Credentials may have been rotated. Contact your admin.")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use sha2::{Digest, Sha256};

    use super::*;

    /// Bytes that look random and are the same in every run.
    struct Scrambled(AtomicU64);

    impl Entropy for Scrambled {
        fn fill(&self, bytes: &mut [u8]) {
            for chunk in bytes.chunks_mut(32) {
                let next = self.0.fetch_add(1, Ordering::Relaxed);
                chunk.copy_from_slice(&Sha256::digest(next.to_be_bytes())[..chunk.len()]);
            }
        }
    }

    fn scrambled() -> Scrambled {
        Scrambled(AtomicU64::new(0))
    }

    #[test]
    fn a_secret_is_its_prefix_and_32_characters() {
        let secret = generate("ntfy", &scrambled());
        let (prefix, random) = secret.expose_secret().split_once('_').unwrap();
        assert_eq!((prefix, random.len()), ("ntfy", 32));
        assert!(random.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(format!("{secret:?}"), "SecretBox<str>([REDACTED])");
    }

    #[test]
    fn every_character_is_as_likely_as_any_other() {
        let entropy = scrambled();
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..62 * 4 {
            let secret = generate("a", &entropy);
            secret.expose_secret().chars().skip(2).for_each(|c| *counts.entry(c).or_insert(0_u32) += 1);
        }
        // 128 of each are expected, with a deviation of 11; a modulo without rejection would give the first 8 a quarter more.
        assert_eq!(counts.len(), 62);
        let mean = |characters: &[u8]| {
            characters.iter().map(|c| f64::from(counts[&char::from(*c)])).sum::<f64>() / characters.len() as f64
        };
        assert!((mean(&ALPHABET[..8]) - mean(&ALPHABET[8..])).abs() < 16.0, "{counts:?}");
        assert!(counts.values().all(|count| (70..190).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_hash_verifies_its_own_secret_only() {
        let secret = generate("dplr", &scrambled());
        let hash = SecretHash::of(&secret, &scrambled()).unwrap();
        assert!(hash.as_str().starts_with("$2b$10$"));
        assert!(hash.verify(&secret));
        let mut other = secret.expose_secret().to_owned();
        other.pop();
        assert!(!hash.verify(&SecretString::from(other.clone())));
        assert!(!hash.verify(&SecretString::from(format!("{other}!"))));
        assert!(!hash.verify(&SecretString::from("")));
    }

    #[test]
    fn hashes_of_other_tools_are_read() {
        for version in ["$2a$", "$2b$", "$2y$"] {
            let text = format!("{version}04$5DCebwootqWMCp59ISrMJu0ehPPP4ciIJ9qwEjJLdFJzGKRuTxqSu");
            assert!(SecretHash::new(&text).is_ok());
        }
        let hash = bcrypt::hash_with_salt(b"pw", 4, [7; 16]).unwrap();
        for version in [bcrypt::Version::TwoA, bcrypt::Version::TwoB, bcrypt::Version::TwoY] {
            let hash = SecretHash::new(&hash.format_for_version(version)).unwrap();
            assert!(hash.verify(&SecretString::from("pw")) && !hash.verify(&SecretString::from("px")));
        }
    }

    #[test]
    fn the_references_own_hash_is_taken() {
        assert!(SecretHash::new("$2a$10$rX8vN3jH6tY4bZ1cF5aS0.KpLmQ2wR8vN3jH6tY4bZ1cF5aS0dGxY").is_ok());
    }

    #[test]
    fn what_is_no_hash_is_refused_and_says_why() {
        let long = "$2b$10$".to_owned() + &"a".repeat(400);
        for text in
            ["", "plain", "$2b$", "$2b$10$short", "$2b$31$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", &long]
        {
            assert!(SecretHash::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nobody_has_a_well_formed_hash_that_costs_as_much() {
        assert_eq!(SecretHash::new(SecretHash::of_nobody().as_str()), Ok(SecretHash::of_nobody()));
        assert!(SecretHash::of_nobody().as_str().contains(&format!("${COST}$")));
    }

    #[test]
    fn a_text_too_long_for_bcrypt_is_refused_not_cut() {
        let long = SecretString::from("x".repeat(73));
        assert_eq!(SecretHash::of(&long, &scrambled()).unwrap_err().reason, Reason::InvalidRequest);
        let cut = SecretHash::of(&SecretString::from("x".repeat(72)), &scrambled()).unwrap();
        assert!(!cut.verify(&long));
    }
}
