//! One-time passwords by time: RFC 6238 with HMAC-SHA-1, 30 seconds and 6 digits, as every authenticator app makes them.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::entropy::Entropy;

const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;

/// The key that a person's app shares with the admin secret.
#[derive(Debug)]
pub struct TotpKey(SecretSlice<u8>);

impl TotpKey {
    /// Reads a key in base32, in upper or lower case, with or without blanks and padding.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
        for c in text.chars().filter(|c| !matches!(c, ' ' | '=' | '-')) {
            let value = match c.to_ascii_uppercase() {
                c @ 'A'..='Z' => u32::from(c) - u32::from('A'),
                c @ '2'..='7' => u32::from(c) - u32::from('2') + 26,
                _ => return None,
            };
            bits = (bits << 5 | value) & 0xfff;
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
            }
        }
        // RFC 4226 asks for 128 bits; shorter keys are still made by some apps.
        (bytes.len() >= 10).then(|| Self(SecretSlice::from(bytes)))
    }

    /// Makes a key of 160 bits, as RFC 4226 recommends.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = vec![0; 20];
        entropy.fill(&mut bytes);
        Self(SecretSlice::from(bytes))
    }

    /// The key in base32, as apps take it.
    pub fn to_base32(&self) -> SecretString {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut text = String::new();
        for five in self.0.expose_secret().chunks(5) {
            let mut padded = [0_u8; 8];
            padded[3..3 + five.len()].copy_from_slice(five);
            let bits = u64::from_be_bytes(padded);
            let characters = (five.len() * 8).div_ceil(5);
            text.extend((0..characters).map(|at| char::from(ALPHABET[(bits >> (35 - 5 * at) & 31) as usize])));
        }
        SecretString::from(text)
    }

    /// The same as an address that apps read from a picture.
    pub fn uri(&self, issuer: &str, account: &str) -> SecretString {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
        let encoded = |text: &str| -> String {
            let spell = |byte: u8| match char::from(byte) {
                c if plain(c) => c.to_string(),
                _ => format!("%{byte:02X}"),
            };
            text.bytes().map(spell).collect()
        };
        let (issuer, account, key) = (encoded(issuer), encoded(account), self.to_base32());
        SecretString::from(format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", key.expose_secret()))
    }

    /// Whether a code is the one of now, of the step before or of the step after: clocks differ, people type slowly.
    pub fn verify(&self, code: &SecretString, now: Timestamp) -> bool {
        self.step_of(code, now).is_some()
    }

    /// The step of such a code, which rises with time: a code that was taken, and any before it, is taken no more
    /// (RFC 6238, 5.2).
    pub fn step_of(&self, code: &SecretString, now: Timestamp) -> Option<i64> {
        let step = now.as_second().div_euclid(STEP_SECONDS);
        let given: String = code.expose_secret().chars().filter(|c| !c.is_whitespace()).collect();
        // All three are compared, whichever is right.
        [-1, 0, 1].into_iter().fold(None, |right, offset| {
            let same: bool = self.code(step + offset).as_bytes().ct_eq(given.as_bytes()).into();
            if same { Some(step + offset) } else { right }
        })
    }

    /// The code that an app shows now.
    pub fn code_now(&self, now: Timestamp) -> SecretString {
        SecretString::from(self.code(now.as_second().div_euclid(STEP_SECONDS)))
    }

    fn code(&self, step: i64) -> String {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(self.0.expose_secret()) else { return String::new() };
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let offset = usize::from(digest[19] & 0x0f);
        let number = digest[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:0width$}", (number & 0x7fff_ffff) % 10_u32.pow(6), width = DIGITS)
    }
}

/// Whether a text looks like a one-time password at all.
pub fn is_code(text: &str) -> bool {
    let digits = text.chars().filter(|c| !c.is_whitespace());
    digits.clone().count() == DIGITS && digits.clone().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "12345678901234567890", the key of RFC 6238's test vectors.
    const RFC_KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn verify(code: &str, seconds: i64) -> bool {
        let key = TotpKey::parse(RFC_KEY).unwrap();
        key.verify(&SecretString::from(code), Timestamp::from_second(seconds).unwrap())
    }

    #[test]
    fn the_test_vectors_of_the_rfc_hold() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert!(verify(code, seconds), "{seconds}");
        }
    }

    #[test]
    fn a_code_of_the_next_and_the_last_step_is_taken_and_no_older_one() {
        for (seconds, right) in [(59 - 30, true), (59 + 30, true), (59 - 60, false), (59 + 60, false)] {
            assert_eq!(verify("287082", seconds), right, "{seconds}");
        }
        assert!(verify("287 082", 59));
        let key = TotpKey::parse(RFC_KEY).unwrap();
        let step = |seconds| key.step_of(&SecretString::from("287082"), Timestamp::from_second(seconds).unwrap());
        assert_eq!([29, 59, 89, 119].map(step), [Some(1), Some(1), Some(1), None]);
        for code in ["", "287083", "28708", "2870820"] {
            assert!(!verify(code, 59), "{code}");
        }
    }

    #[test]
    fn a_key_is_written_as_it_is_read() {
        let key = TotpKey::parse(RFC_KEY).unwrap();
        assert_eq!(key.to_base32().expose_secret(), RFC_KEY);
        let uri = key.uri("deployer", "s3://my bucket");
        let expected = format!("otpauth://totp/deployer:s3%3A%2F%2Fmy%20bucket?secret={RFC_KEY}&issuer=deployer");
        assert_eq!(uri.expose_secret(), expected);
        for length in [10, 16, 20, 21] {
            let bytes: Vec<u8> = (0..length).map(|n| n * 11).collect();
            let key = TotpKey(SecretSlice::from(bytes.clone()));
            let again = TotpKey::parse(key.to_base32().expose_secret()).unwrap();
            assert_eq!(again.0.expose_secret(), bytes, "{length}");
        }
    }

    #[test]
    fn keys_are_read_as_apps_show_them() {
        assert!(TotpKey::parse("jbsw y3dp ehpk 3pxp").is_some());
        for text in ["", "JBSWY3DP", "JBSWY3DPEHPK3PX1", "JBSWY3DPEHPK3PXé"] {
            assert!(TotpKey::parse(text).is_none(), "{text}");
        }
        assert!(is_code("123456") && is_code("123 456") && !is_code("12345") && !is_code("12345a"));
    }
}
