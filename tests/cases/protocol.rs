//! The wire: versions, errors with their reasons, health, limits.

use deployer_proto::v1::daemon_service_client::DaemonServiceClient;
use deployer_proto::v1::{CallContext, ErrorReport, HelloRequest, StopRequest};
use deployer_proto::version::PROTOCOL;
use deployer_proto::{ERROR_DOMAIN, ERROR_REPORT_TYPE};
use harness::{World, client};
use tonic::{Code, Status};
use tonic_types::StatusExt;

fn hello(world: &World, protocol: u32) -> Result<u32, Status> {
    client::block_on(async {
        let context = Some(CallContext { protocol, ..CallContext::default() });
        let mut daemon = DaemonServiceClient::new(client::connect(world).await);
        Ok(daemon.hello(HelloRequest { context }).await?.into_inner().protocol)
    })
}

fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.domain, ERROR_DOMAIN);
    info.reason
}

fn report(status: &Status) -> ErrorReport {
    let details: tonic_types::pb::Status = prost::Message::decode(status.details()).unwrap();
    let packed = details.details.iter().find(|any| any.type_url == ERROR_REPORT_TYPE).expect("an ErrorReport");
    prost::Message::decode(packed.value.as_slice()).unwrap()
}

#[test]
fn hello_compares_versions_in_both_directions() {
    let world = World::new();
    let _daemon = world.start_daemon(&["--protocol", "5"]);
    assert_eq!(hello(&world, 5).unwrap(), 5);
    for (guest, hint) in [(6, "daemon restart"), (4, "upgrade")] {
        let refused = hello(&world, guest).unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "PROTOCOL_MISMATCH"));
        let report = report(&refused);
        assert!(report.hints[0].contains(hint), "{report:?}");
    }
}

#[test]
fn a_call_without_a_context_is_a_caller_too_old() {
    let world = World::new();
    let _daemon = world.start_daemon(&[]);
    assert_eq!(hello(&world, PROTOCOL).unwrap(), PROTOCOL);
    assert_eq!(reason(&hello(&world, 0).unwrap_err()), "PROTOCOL_MISMATCH");
}

#[test]
fn a_stop_answers_when_the_socket_is_gone() {
    let world = World::new();
    let daemon = world.start_daemon(&[]);
    let pid = client::block_on(async {
        let mut client = DaemonServiceClient::new(client::connect(&world).await);
        let stop = StopRequest { context: client::context(&world), force: false };
        let pid = client.stop(stop).await.unwrap().into_inner().pid;
        assert!(!world.socket().exists());
        pid
    });
    assert_eq!(pid, daemon.pid());
    daemon.wait().succeeds();
}

#[test]
fn a_request_beyond_the_limit_is_refused_and_the_daemon_lives_on() {
    let world = World::new();
    let _daemon = world.start_daemon(&[]);
    let refused = client::block_on(async {
        let mut client = DaemonServiceClient::new(client::connect(&world).await);
        let context = CallContext { cwd: "x".repeat(9 << 20), ..client::context(&world).unwrap() };
        client.hello(HelloRequest { context: Some(context) }).await.unwrap_err()
    });
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    assert_eq!(hello(&world, PROTOCOL).unwrap(), PROTOCOL);
}

#[test]
fn what_is_not_grpc_does_no_harm() {
    use std::io::{Read, Write};
    let world = World::new();
    let _daemon = world.start_daemon(&[]);
    for noise in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0xff; 4096], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff"]
    {
        let mut stream = std::os::unix::net::UnixStream::connect(world.socket()).unwrap();
        let _ = stream.write_all(noise);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(hello(&world, PROTOCOL).unwrap(), PROTOCOL);
}
