//! What the product stores, read and written by others: the provider's own tools, never our own code.

use serde_json::Value;

use crate::Command;
use crate::aws::{REGION, python_environment};
use crate::scenes::Platform;

const SCRIPT: &str = include_str!("documents.py");

impl Platform {
    /// A document, which must be there.
    #[track_caller]
    pub fn document(&self, key: &str) -> String {
        self.tool(&["get", key]).run().succeeds().stdout
    }

    /// A document as JSON.
    #[track_caller]
    pub fn json_document(&self, key: &str) -> Value {
        serde_json::from_str(&self.document(key)).expect("a JSON document")
    }

    /// Whether a text stands anywhere in a document, whatever else that holds.
    #[track_caller]
    pub fn document_bytes_hold(&self, key: &str, text: &str) -> bool {
        let answer = self.tool(&["holds", key]).stdin(text).run().succeeds();
        answer.stdout.trim() == "True"
    }

    /// Writes a document, whatever stood there.
    #[track_caller]
    pub fn put_document(&self, key: &str, text: impl AsRef<[u8]>) {
        self.tool(&["put", key]).stdin(text.as_ref()).run().succeeds();
    }

    /// The keys below a prefix.
    #[track_caller]
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self.tool(&["keys", prefix]).run().succeeds().stdout;
        listed.lines().map(str::to_owned).filter(|key| !key.is_empty()).collect()
    }

    /// A lock's item; null where there is none.
    #[track_caller]
    pub fn lock_item(&self, key: &str) -> Value {
        self.tool(&["lock", key]).run().succeeds().json()
    }

    /// Writes a lock's item, whatever stood there.
    #[track_caller]
    pub fn put_lock_item(&self, item: &Value) {
        self.tool(&["put-lock"]).stdin(item.to_string()).run().succeeds();
    }

    fn tool(&self, arguments: &[&str]) -> Command {
        let command = self.world.program(python_environment().join("bin/python")).env("AWS_DEFAULT_REGION", REGION);
        command.args(["-c", SCRIPT, &self.address]).args(arguments)
    }
}
