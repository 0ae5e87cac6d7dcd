use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};

use super::error::{SKEWED, THROTTLED};

/// Forbids the SDK to repeat a request unless the server said that it was not carried out.
///
/// A conditional write that is repeated after it was carried out meets its own effect, and reports a conflict that
/// nobody else caused.
#[derive(Debug)]
pub(super) struct OnlyIf {
    codes: Vec<&'static str>,
}

impl OnlyIf {
    /// Repeats what was refused because it came too fast or was signed with a wrong clock.
    pub(super) fn nothing_was_done() -> Self {
        Self { codes: [&SKEWED[..], &THROTTLED[..]].concat() }
    }

    /// Repeats only what was signed with a wrong clock: the answer told the SDK the right time.
    pub(super) fn wrongly_dated() -> Self {
        Self { codes: SKEWED.to_vec() }
    }
}

impl ClassifyRetry for OnlyIf {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let refused = context.response().filter(|answer| answer.status().as_u16() >= 400);
        let body = refused.and_then(|answer| answer.body().bytes()).unwrap_or_default();
        let says = |code: &&str| body.windows(code.len()).any(|part| part == code.as_bytes());
        // Saying nothing leaves the decision to the SDK's own rules.
        if self.codes.iter().any(says) { RetryAction::NoActionIndicated } else { RetryAction::RetryForbidden }
    }

    fn name(&self) -> &'static str {
        "OnlyIf"
    }
}
