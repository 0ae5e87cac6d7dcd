//! What the status of a stack means, and what follows from it.

/// How a stack stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is nothing, or only what a plan has made.
    Absent,
    /// It can be updated.
    Stable,
    /// An operation is under way.
    Busy,
    /// It was never made: it can only be deleted.
    NeverMade,
    /// A rollback of an update failed: it must be continued first.
    RollbackFailed,
    /// A deletion failed: it can only be deleted again.
    HalfDeleted,
}

/// Judges the status of a stack; `None` where there is no stack.
pub fn standing(status: Option<&str>) -> Standing {
    match status {
        None | Some("DELETE_COMPLETE" | "REVIEW_IN_PROGRESS") => Standing::Absent,
        Some("ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED") => Standing::NeverMade,
        Some("UPDATE_ROLLBACK_FAILED") => Standing::RollbackFailed,
        Some("DELETE_FAILED") => Standing::HalfDeleted,
        Some(status) if status.ends_with("_IN_PROGRESS") => Standing::Busy,
        Some(_) => Standing::Stable,
    }
}

/// Whether an operation that ended like this did what it was asked for.
pub fn succeeded(status: &str) -> bool {
    matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "DELETE_COMPLETE" | "IMPORT_COMPLETE")
}

/// What a failed operation left, and how to get out of that.
pub fn aftermath(status: &str, stack: &str) -> String {
    match status {
        "ROLLBACK_COMPLETE" => {
            "CloudFormation took back what it had made (ROLLBACK_COMPLETE); the next apply makes it anew".to_owned()
        }
        "ROLLBACK_FAILED" | "CREATE_FAILED" => {
            format!("some of it is still there ({status}); the next apply deletes it and makes it anew")
        }
        "UPDATE_ROLLBACK_COMPLETE" => {
            "it is as it was before (UPDATE_ROLLBACK_COMPLETE): mend it and apply again".to_owned()
        }
        "UPDATE_ROLLBACK_FAILED" => format!(
            "and it could not be taken back (UPDATE_ROLLBACK_FAILED): mend the cause, the next apply continues the \
             rollback; to leave a resource as it is: aws cloudformation continue-update-rollback --stack-name {stack} \
             --resources-to-skip RESOURCE"
        ),
        "DELETE_FAILED" => "some of it is still there (DELETE_FAILED): mend the cause and destroy again".to_owned(),
        other => format!("the stack is {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_way_on() {
        let cases = [
            (None, Standing::Absent),
            (Some("REVIEW_IN_PROGRESS"), Standing::Absent),
            (Some("CREATE_IN_PROGRESS"), Standing::Busy),
            (Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), Standing::Busy),
            (Some("UPDATE_ROLLBACK_IN_PROGRESS"), Standing::Busy),
            (Some("CREATE_COMPLETE"), Standing::Stable),
            (Some("UPDATE_ROLLBACK_COMPLETE"), Standing::Stable),
            (Some("ROLLBACK_COMPLETE"), Standing::NeverMade),
            (Some("UPDATE_ROLLBACK_FAILED"), Standing::RollbackFailed),
            (Some("DELETE_FAILED"), Standing::HalfDeleted),
        ];
        for (status, expected) in cases {
            assert_eq!(standing(status), expected, "{status:?}");
        }
        assert!(succeeded("UPDATE_COMPLETE") && !succeeded("UPDATE_ROLLBACK_COMPLETE"));
    }
}
