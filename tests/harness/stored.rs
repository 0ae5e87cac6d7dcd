//! What lies in a local AWS, read by plain HTTP: a witness that shares no code with what is tested.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::{LocalAws, REGION};

/// How long a busy machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stored item: texts and numbers by name, numbers in their decimal spelling.
pub type Item = BTreeMap<String, String>;

/// One bucket and one table.
#[derive(Debug, Clone)]
pub struct Stored {
    server: SocketAddr,
    bucket: String,
    table: String,
}

impl Stored {
    /// The storage of a backend, such as `s3://acme-state`.
    pub fn of(aws: &LocalAws, backend: &str) -> Self {
        let bucket = backend.trim_start_matches("s3://").to_owned();
        let table = format!("{}-locks", bucket.trim_end_matches("-state"));
        Self { server: aws.address(), bucket, table }
    }

    /// A lock's item.
    #[track_caller]
    pub fn item(&self, lock: &str) -> Option<Item> {
        let answer = self.dynamodb("GetItem", &json!({"Key": {"LockID": {"S": lock}}, "ConsistentRead": true}));
        answer.get("Item").map(plain)
    }

    /// Takes an item away, as an operator with too many rights might.
    #[track_caller]
    pub fn delete_item(&self, lock: &str) {
        self.dynamodb("DeleteItem", &json!({"Key": {"LockID": {"S": lock}}}));
    }

    /// All items whose id begins with this.
    #[track_caller]
    pub fn items(&self, prefix: &str) -> Vec<Item> {
        let scanned = self.dynamodb("Scan", &json!({"ConsistentRead": true}));
        let items = scanned["Items"].as_array().into_iter().flatten().map(plain);
        items.filter(|item| item["LockID"].starts_with(prefix)).collect()
    }

    /// A document.
    #[track_caller]
    pub fn json(&self, key: &str) -> Option<Value> {
        let (status, body) = self.ask("GET", &format!("/{}/{key}", self.bucket), &[], "");
        match status {
            200 => Some(serde_json::from_str(&body).unwrap_or_else(|error| panic!("{key}: {error}: {body}"))),
            404 => None,
            _ => panic!("{key}: {status} {body}"),
        }
    }

    /// A document as text.
    #[track_caller]
    pub fn text(&self, key: &str) -> Option<String> {
        let (status, body) = self.ask("GET", &format!("/{}/{key}", self.bucket), &[], "");
        (status == 200).then_some(body)
    }

    /// Writes a document, as somebody does by hand.
    #[track_caller]
    pub fn put(&self, key: &str, text: &str) {
        let (status, body) = self.ask("PUT", &format!("/{}/{key}", self.bucket), &[], text);
        assert_eq!(status, 200, "{key}: {body}");
    }

    /// The keys below a prefix.
    #[track_caller]
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let (status, body) = self.ask("GET", &format!("/{}?list-type=2&prefix={prefix}", self.bucket), &[], "");
        assert_eq!(status, 200, "{body}");
        let keys = body.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
        keys.map(|(key, _)| key.to_owned()).collect()
    }

    #[track_caller]
    fn dynamodb(&self, operation: &str, request: &Value) -> Value {
        let mut request = request.clone();
        request["TableName"] = self.table.as_str().into();
        let target = format!("X-Amz-Target: DynamoDB_20120810.{operation}");
        // The server keeps tables by the region of the signature, which it does not check.
        let scope = format!("Credential=test/20260101/{REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=0");
        let authorization = format!("Authorization: AWS4-HMAC-SHA256 {scope}");
        let headers = [target.as_str(), authorization.as_str(), "Content-Type: application/x-amz-json-1.0"];
        let (status, body) = self.ask("POST", "/", &headers, &request.to_string());
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{operation}: {error}: {body}"))
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, String) {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = format!("Content-Length: {}", body.len());
        // An answer to HTTP 1.0 ends with its connection, so it need not be cut out of chunks.
        let request = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n{length}\r\n{headers}\r\n{body}", self.server);
        let answered = || -> std::io::Result<String> {
            let mut connection = TcpStream::connect(self.server)?;
            connection.set_read_timeout(Some(PATIENCE))?;
            connection.write_all(request.as_bytes())?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = answered().unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = answer.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or_default();
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}

fn plain(item: &Value) -> Item {
    let value = |typed: &Value| {
        let values = typed.as_object().into_iter().flatten().map(|(_, value)| value);
        values.filter_map(Value::as_str).map(str::to_owned).next().unwrap_or_default()
    };
    item.as_object().into_iter().flatten().map(|(name, typed)| (name.clone(), value(typed))).collect()
}
