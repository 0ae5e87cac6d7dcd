//! One-time passwords that were used: each signs in once in the life of a daemon.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use deployer_domain::credential::TotpKey;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

/// The last step of each key whose code was taken; a key is remembered by a digest.
#[derive(Default)]
pub(super) struct UsedCodes(Mutex<HashMap<[u8; 32], i64>>);

impl UsedCodes {
    /// Takes the code of a step, unless that or a later one was taken before.
    pub(super) fn take(&self, key: &TotpKey, step: i64) -> bool {
        let mark = Sha256::digest(key.to_base32().expose_secret().as_bytes()).into();
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = taken.entry(mark).or_insert(i64::MIN);
        let is_new = step > *last;
        *last = step.max(*last);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_and_those_before_it_are_taken_once_for_each_key() {
        let used = UsedCodes::default();
        let (one, two) = (TotpKey::parse("JBSWY3DPEHPK3PXP").unwrap(), TotpKey::parse("GEZDGNBVGY3TQOJQ").unwrap());
        assert_eq!([5, 5, 4, 6].map(|step| used.take(&one, step)), [true, false, false, true]);
        assert!(used.take(&two, 5));
    }
}
