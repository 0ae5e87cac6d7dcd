use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Fault, Operation, Proxy, Refusal, Rule};
use crate::aws::LocalAws;

const PATIENCE: Duration = Duration::from_secs(10);

struct Ground {
    _aws: LocalAws,
    proxy: Proxy,
}

/// A local AWS with a bucket, behind a proxy that has seen nothing yet.
fn ground() -> Ground {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).expect("a proxy starts");
    assert_eq!(ask(&proxy, "PUT", "/bucket", &[], ""), Some((200, String::new())));
    proxy.forget();
    Ground { _aws: aws, proxy }
}

/// Sends a request; nothing where the connection was closed without an answer.
fn ask(proxy: &Proxy, method: &str, path: &str, headers: &[&str], body: &str) -> Option<(u16, String)> {
    let mut connection = TcpStream::connect(proxy.endpoint().trim_start_matches("http://")).ok()?;
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    write!(
        connection,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let status = answer.get(9..12)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

fn status(answer: Option<(u16, String)>) -> Option<u16> {
    answer.map(|(status, _)| status)
}

fn names(proxy: &Proxy) -> Vec<String> {
    proxy.counts().into_iter().map(|(operation, count)| format!("{operation} {count}")).collect()
}

#[test]
fn what_passes_is_unchanged_and_counted_by_operation() {
    let Ground { proxy, .. } = &ground();
    assert_eq!(status(ask(proxy, "PUT", "/bucket/a%20b/c.yaml?x-id=PutObject", &[], "text")), Some(200));
    assert_eq!(ask(proxy, "GET", "/bucket/a%20b/c.yaml", &[], ""), Some((200, "text".to_owned())));
    assert_eq!(status(ask(proxy, "HEAD", "/bucket/a%20b/c.yaml", &[], "")), Some(200));
    assert_eq!(status(ask(proxy, "GET", "/bucket/none", &[], "")), Some(404));
    let listing = ask(proxy, "GET", "/bucket?list-type=2", &[], "").expect("an answer").1;
    assert!(listing.contains("<Key>a b/c.yaml</Key>"), "{listing}");
    let listed = ["X-Amz-Target: DynamoDB_20120810.ListTables", "Content-Type: application/x-amz-json-1.0"];
    assert_eq!(status(ask(proxy, "POST", "/", &listed, "{}")), Some(200));
    let form = [
        "Content-Type: application/x-www-form-urlencoded",
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0",
    ];
    assert_eq!(status(ask(proxy, "POST", "/", &form, "Action=GetCallerIdentity&Version=2011-06-15")), Some(200));
    let expected = [
        "DynamoDB.ListTables 1",
        "S3.GetObject 2",
        "S3.HeadObject 1",
        "S3.ListObjectsV2 1",
        "S3.PutObject 1",
        "STS.GetCallerIdentity 1",
    ];
    assert_eq!(names(proxy), expected);
}

#[test]
fn an_answer_is_lost_after_the_request_was_applied() {
    let Ground { proxy, .. } = &ground();
    proxy.add(Rule::on("S3.PutObject", Fault::LoseAnswer).containing("state.json").times(1));
    assert_eq!(status(ask(proxy, "PUT", "/bucket/other", &[], "other")), Some(200));
    assert_eq!(ask(proxy, "PUT", "/bucket/state.json", &[], "new"), None);
    assert_eq!(
        proxy.seen().last().map(|seen| (seen.fault.clone(), seen.status)),
        Some((Some(Fault::LoseAnswer), Some(200)))
    );
    assert_eq!(ask(proxy, "GET", "/bucket/state.json", &[], ""), Some((200, "new".to_owned())));
    assert_eq!(status(ask(proxy, "PUT", "/bucket/state.json", &["If-None-Match: *"], "late")), Some(412));
}

#[test]
fn a_dropped_request_is_never_applied_until_the_proxy_heals() {
    let Ground { proxy, .. } = &ground();
    proxy.add(Rule::everything(Fault::Drop));
    assert_eq!(ask(proxy, "PUT", "/bucket/a", &[], "a"), None);
    proxy.heal();
    assert_eq!(status(ask(proxy, "GET", "/bucket/a", &[], "")), Some(404));
}

#[test]
fn a_refusal_speaks_the_language_of_its_service() {
    let Ground { proxy, .. } = &ground();
    proxy.add(Rule::on("S3", Fault::Refuse(Refusal::Throttled)).after(1).times(1));
    assert_eq!(status(ask(proxy, "GET", "/bucket?location", &[], "")), Some(200));
    let (code, body) = ask(proxy, "GET", "/bucket/a", &[], "").expect("an answer");
    assert_eq!(code, 503);
    assert!(body.contains("<Code>SlowDown</Code>"), "{body}");
    proxy.add(Rule::on("DynamoDB.GetItem", Fault::Refuse(Refusal::Expired)));
    let (code, body) = ask(proxy, "POST", "/", &["X-Amz-Target: DynamoDB_20120810.GetItem"], "{}").expect("an answer");
    assert_eq!((code, body.contains(r#""__type":"ExpiredTokenException""#)), (400, true), "{body}");
}

#[test]
fn a_request_or_its_answer_can_be_late_and_a_duplicate_can_follow() {
    let Ground { proxy, .. } = &ground();
    let late = Duration::from_millis(300);
    proxy.add(Rule::on("S3.PutObject", Fault::Delay(late)).times(1));
    proxy.add(Rule::on("S3.GetObject", Fault::DelayAnswer(late)).times(1));
    for (method, expected) in [("PUT", 200), ("GET", 200)] {
        let begun = Instant::now();
        assert_eq!(status(ask(proxy, method, "/bucket/a", &[], "first")), Some(expected));
        assert!(begun.elapsed() >= late);
    }
    proxy.heal();
    proxy.add(Rule::on("S3.PutObject", Fault::Repeat(late)).times(1));
    assert_eq!(status(ask(proxy, "PUT", "/bucket/a", &[], "old")), Some(200));
    assert_eq!(status(ask(proxy, "PUT", "/bucket/a", &[], "new")), Some(200));
    let deadline = Instant::now() + PATIENCE;
    while ask(proxy, "GET", "/bucket/a", &[], "") != Some((200, "old".to_owned())) {
        assert!(Instant::now() < deadline, "the duplicate never came");
    }
}

#[test]
fn a_test_waits_for_what_a_program_asks() {
    let Ground { proxy, .. } = &ground();
    let asked =
        || proxy.wait_until(PATIENCE, |seen| seen.iter().any(|one| one.operation == Operation::named("S3.HeadBucket")));
    std::thread::scope(|scope| {
        let waiter = scope.spawn(asked);
        assert_eq!(status(ask(proxy, "HEAD", "/bucket", &[], "")), Some(200));
        assert!(waiter.join().expect("the waiter ends"));
    });
    assert!(!proxy.wait_until(Duration::from_millis(1), |seen| seen.len() > 5));
}

#[test]
fn what_is_held_goes_on_when_it_is_released_and_a_duplicate_comes_then() {
    let Ground { proxy, .. } = &ground();
    let held =
        |fault: &Fault| proxy.wait_until(PATIENCE, |seen| seen.iter().any(|one| one.fault.as_ref() == Some(fault)));
    std::thread::scope(|scope| {
        proxy.add(Rule::on("S3.PutObject", Fault::Hold).times(1));
        let request = scope.spawn(|| ask(proxy, "PUT", "/bucket/a", &[], "a"));
        assert!(held(&Fault::Hold));
        assert_eq!(status(ask(proxy, "GET", "/bucket/a", &[], "")), Some(404), "the server has not seen it");
        proxy.release();
        assert_eq!(status(request.join().unwrap()), Some(200));
    });
    std::thread::scope(|scope| {
        proxy.add(Rule::on("S3.PutObject", Fault::HoldAnswer).times(1));
        let request = scope.spawn(|| ask(proxy, "PUT", "/bucket/b", &[], "b"));
        let applied =
            |seen: &[super::Seen]| seen.iter().any(|one| one.is("S3.PutObject", "/bucket/b") && one.status.is_some());
        assert!(proxy.wait_until(PATIENCE, applied));
        assert_eq!(ask(proxy, "GET", "/bucket/b", &[], ""), Some((200, "b".to_owned())));
        assert!(!request.is_finished());
        proxy.release();
        assert_eq!(status(request.join().unwrap()), Some(200));
    });
    proxy.add(Rule::on("S3.PutObject", Fault::RepeatLater).times(1));
    assert_eq!(status(ask(proxy, "PUT", "/bucket/c", &["If-None-Match: *"], "c")), Some(200));
    proxy.release();
    let refused = |seen: &[super::Seen]| seen.iter().any(|one| one.repeated == Some(412));
    assert!(proxy.wait_until(PATIENCE, refused), "the duplicate met its own original");
}
