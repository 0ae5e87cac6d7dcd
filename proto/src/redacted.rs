//! A `Debug` that shows nothing, for messages that carry secrets or whole environments.

use std::fmt::{Debug, Formatter, Result};

use crate::v1;

macro_rules! redacted {
    ($($message:ident),+ $(,)?) => {$(
        impl Debug for v1::$message {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                f.write_str(concat!(stringify!($message), "([REDACTED])"))
            }
        }
    )+};
}

redacted!(
    CallContext,
    FullEnvironment,
    InlineSignIn,
    BootstrapRequest,
    AdminLoginRequest,
    LoginRequest,
    TenantCreated,
    TenantRotated,
    TenantRestored,
    RotatePasswordRequest,
    PasswordRotated,
    ProposeOtpRequest,
    OtpProposal,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_shows_in_debug() {
        let login = v1::LoginRequest { secret: "dplr_hush".to_owned(), ..Default::default() };
        let context = v1::CallContext {
            environment: [("AWS_SECRET_ACCESS_KEY".to_owned(), "hush".to_owned())].into(),
            ..Default::default()
        };
        let created = v1::CreateTenantEvent {
            event: Some(v1::create_tenant_event::Event::Done(v1::TenantCreated {
                secret: "dplr_hush".to_owned(),
                ..Default::default()
            })),
        };
        let rotated = v1::TenantRotated { secret: "dplr_hush".to_owned(), ..Default::default() };
        let restored = v1::TenantRestored { secret: "dplr_hush".to_owned(), ..Default::default() };
        let asked = v1::RotatePasswordRequest { password: "hush".to_owned(), ..Default::default() };
        let password = v1::PasswordRotated { otp_key: "hush".to_owned(), ..Default::default() };
        let own = v1::ProposeOtpRequest { otp_key: "hush".to_owned(), ..Default::default() };
        let proposed = v1::OtpProposal { otp_key: "hush".to_owned(), otp_uri: "otpauth://hush".to_owned() };
        let shown = format!(
            "{login:?} {context:?} {created:?} {rotated:?} {restored:?} {asked:?} {password:?} {own:?} {proposed:?}"
        );
        assert!(!shown.contains("hush"), "{shown}");
    }
}
