//! What is told of a storage, or a provider, that cannot be read for a while: whoever follows goes on.

use deployer_domain::error::{Error, Reason, Result};

/// Whether what is followed can be read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It can.
    #[default]
    None,
    /// It could not when it was tried last.
    Failing,
    /// It was looked for what logs, but no log was read since.
    Passing,
}

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// To find out what logs.
    Looking,
    /// To read all of it.
    Reading,
}

impl Trouble {
    /// Takes note of what came of a try; answers what is to be told of it, once at the beginning and once at the end. What
    /// does not pass by itself is an error.
    pub fn take(&mut self, tried: Tried, result: Result<()>) -> Result<Option<String>> {
        let error = match result {
            Ok(()) => return Ok(self.succeeded(tried)),
            Err(error) => error,
        };
        if error.reason != Reason::BackendUnavailable {
            return Err(error);
        }
        let begins = *self == Self::None;
        *self = Self::Failing;
        Ok(begins.then(|| begun(&error)))
    }

    fn succeeded(&mut self, tried: Tried) -> Option<String> {
        match (*self, tried) {
            (Self::Failing, Tried::Looking) => *self = Self::Passing,
            (Self::Passing, Tried::Reading) => {
                *self = Self::None;
                return Some("The logs can be read again.".to_owned());
            }
            _ => {}
        }
        None
    }
}

fn begun(error: &Error) -> String {
    format!("{error}. Trying again until it can be read, or until Ctrl-C.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_at_its_beginning_and_its_end_and_all_else_ends_it() {
        let gone = || Err(Error::new(Reason::BackendUnavailable, "cannot read x").caused_by("no network"));
        let mut trouble = Trouble::default();
        assert_eq!(trouble.take(Tried::Reading, Ok(())).unwrap(), None);
        let told = trouble.take(Tried::Reading, gone()).unwrap().unwrap();
        assert!(told.starts_with("cannot read x: no network. Trying again"), "{told}");
        // What was remembered of the storage can still be read: that is not the end.
        assert_eq!(trouble.take(Tried::Reading, Ok(())).unwrap(), None);
        assert_eq!(trouble.take(Tried::Looking, Ok(())).unwrap(), None);
        assert_eq!(trouble.take(Tried::Reading, gone()).unwrap(), None, "it was told");
        assert_eq!(trouble.take(Tried::Looking, Ok(())).unwrap(), None);
        assert!(trouble.take(Tried::Reading, Ok(())).unwrap().unwrap().contains("again"));
        assert_eq!(trouble, Trouble::None);
        let denied = Error::new(Reason::BackendDenied, "no");
        assert_eq!(trouble.take(Tried::Looking, Err(denied)).unwrap_err().reason, Reason::BackendDenied);
    }
}
