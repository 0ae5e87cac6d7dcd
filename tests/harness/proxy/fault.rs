//! What can be done to a request, and to which.

use std::time::Duration;

use super::Operation;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server gets it and applies it; the caller's connection is closed without an answer.
    LoseAnswer,
    /// The server never sees it; the caller's connection is closed.
    Drop,
    /// The server never sees it; the caller gets this answer.
    Refuse(Refusal),
    /// The server gets it after this time.
    Delay(Duration),
    /// The server gets it at once, the caller its answer after this time.
    DelayAnswer(Duration),
    /// The server gets it, and once more after this time: a duplicate that travelled long.
    Repeat(Duration),
    /// The server gets it, and once more at the next [`release`](super::Proxy::release).
    RepeatLater,
    /// The server gets it at the next [`release`](super::Proxy::release); never, if its caller is gone by then.
    Hold,
    /// The server gets it at once, the caller its answer at the next [`release`](super::Proxy::release).
    HoldAnswer,
}

/// How a request is refused, in the words of its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many requests; SDKs retry it.
    Throttled,
    /// The caller may not.
    Denied,
    /// The caller's credentials have expired.
    Expired,
    /// An error of the server; SDKs retry it.
    Unavailable,
}

impl Refusal {
    /// The status, the content type and the body that a service answers.
    pub(super) fn answer(self, operation: &Operation) -> (u16, &'static str, String) {
        match operation.service() {
            "S3" => (self.status(403), "application/xml", format!("<Error><Code>{}</Code></Error>", self.s3_code())),
            "STS" | "CloudFormation" => {
                let body = format!("<ErrorResponse><Error><Code>{}</Code></Error></ErrorResponse>", self.code());
                (self.status(403), "text/xml", body)
            }
            _ => {
                let body = format!(r#"{{"__type":"{0}","message":"{0}"}}"#, self.code());
                (self.status(400), "application/x-amz-json-1.0", body)
            }
        }
    }

    fn status(self, callers_fault: u16) -> u16 {
        match self {
            Self::Throttled if callers_fault == 400 => 400,
            Self::Throttled | Self::Unavailable => 503,
            Self::Denied | Self::Expired => callers_fault,
        }
    }

    fn s3_code(self) -> &'static str {
        match self {
            Self::Throttled => "SlowDown",
            Self::Denied => "AccessDenied",
            Self::Expired => "ExpiredToken",
            Self::Unavailable => "ServiceUnavailable",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Throttled => "ThrottlingException",
            Self::Denied => "AccessDeniedException",
            Self::Expired => "ExpiredTokenException",
            Self::Unavailable => "ServiceUnavailable",
        }
    }
}

/// Which requests a fault meets.
#[derive(Debug, Clone)]
pub struct Rule {
    operation: Option<String>,
    words: Vec<Vec<u8>>,
    skip: usize,
    left: Option<usize>,
    fault: Fault,
}

impl Rule {
    /// A rule for every request.
    pub fn everything(fault: Fault) -> Self {
        Self { operation: None, words: Vec::new(), skip: 0, left: None, fault }
    }

    /// A rule for an operation (`S3.PutObject`) or all of a service (`DynamoDB`).
    pub fn on(operation: &str, fault: Fault) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::everything(fault) }
    }

    /// Only requests whose path or body contains this; said twice, both.
    pub fn containing(mut self, word: &str) -> Self {
        self.words.push(word.as_bytes().to_owned());
        self
    }

    /// Lets the first ones that fit pass.
    pub fn after(self, count: usize) -> Self {
        Self { skip: count, ..self }
    }

    /// Meets only so many.
    pub fn times(self, count: usize) -> Self {
        Self { left: Some(count), ..self }
    }

    /// Decides about a request, and remembers that it did.
    pub(super) fn judge(&mut self, operation: &Operation, path: &str, body: &[u8]) -> Option<Fault> {
        let named = self.operation.as_deref();
        let fits = named.is_none_or(|name| name == operation.name() || name == operation.service())
            && self.words.iter().all(|word| contains(path.as_bytes(), word) || contains(body, word));
        if !fits || self.left == Some(0) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        Some(self.fault.clone())
    }
}

pub(super) fn contains(text: &[u8], word: &[u8]) -> bool {
    word.is_empty() || text.windows(word.len()).any(|window| window == word)
}
