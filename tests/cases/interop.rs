//! Other languages on the socket: the clients that proto/README.md prints, exactly as they are printed, and the
//! services that tools expect.

use deployer_proto::DESCRIPTORS;
use harness::{Command, World, aws, client, programs};
use prost::Message;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use tonic_reflection::pb::v1alpha;

/// The code that the contract's README prints in a language, written to a file.
fn printed(world: &World, language: &str, file: &str) -> String {
    let readme = std::fs::read_to_string(programs::root().join("proto/README.md")).unwrap();
    let opening = format!("\n```{language}\n");
    let mut blocks = readme.split(&opening).skip(1);
    let block = blocks.next().unwrap().split("\n```").next().unwrap();
    assert!(blocks.next().is_none(), "one {language} client is printed");
    world.write(file, block).display().to_string()
}

fn run_printed(world: &World, command: Command) {
    world.run(["daemon", "start"]).succeeds();
    let proto = programs::root().join("proto");
    let output = command.env("DEPLOYER_PROTO", proto).run().succeeds();
    assert_eq!(output.stdout, "protocol 1\ncontexts []\nrefused NOT_FOUND\n", "{output}");
}

#[test]
fn the_python_client_of_the_readme_works() {
    let world = World::new();
    let client = printed(&world, "python", "client.py");
    let python = aws::python_environment().join("bin/python");
    assert!(python.exists(), "{} is missing: run `make test-setup` first", python.display());
    run_printed(&world, world.program(python).args([client]));
}

#[test]
fn the_node_client_of_the_readme_works() {
    let world = World::new();
    let client = printed(&world, "js", "client.js");
    let modules = programs::root().join("tests/interop/node_modules");
    assert!(modules.exists(), "{} is missing: run `make test-setup` first", modules.display());
    let path = std::env::var("PATH").unwrap();
    run_printed(
        &world,
        world.program("/usr/bin/env").args(["node", &client]).env("PATH", path).env("NODE_PATH", modules),
    );
}

#[test]
fn the_sockets_path_is_computed_alike_everywhere() {
    let world = World::new();
    for (name, value) in [("XDG_STATE_HOME", "state"), ("DEPLOYER_STATE_DIR", "moved"), ("DEPLOYER_SOCKET", "s.sock")] {
        let moved = world.directory().join(value).display().to_string();
        let world = World::new().with(name, &moved);
        let python = aws::python_environment().join("bin/python");
        let client = printed(&world, "python", "client.py");
        let only_path = "import re, sys; text = open(sys.argv[1]).read(); \
                         exec('import os, sys\\n' + re.search(r'def socket_path.*?\\n\\n\\n', text, re.S)[0]); \
                         print(socket_path())";
        let theirs = world.program(python).args(["-c", only_path, &client]).run().succeeds();
        let ours = world.run(["daemon", "start", "-o", "json"]).succeeds().json();
        assert_eq!(theirs.stdout.trim(), ours["socket"].as_str().unwrap());
        world.run(["daemon", "stop"]).succeeds();
    }
}

fn services_of_the_contract() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let ours = set.file.iter().filter(|file| file.package() == "deployer.v1");
    ours.flat_map(|file| &file.service).map(|service| format!("deployer.v1.{}", service.name())).collect()
}

#[test]
fn every_service_of_the_contract_is_served_and_healthy() {
    let world = World::new();
    let _daemon = world.start_daemon(&[]);
    client::block_on(async {
        let mut health = HealthClient::new(client::connect(&world).await);
        for service in services_of_the_contract().into_iter().chain([String::new()]) {
            let answer = health.check(HealthCheckRequest { service: service.clone() }).await;
            let status = answer.unwrap_or_else(|error| panic!("{service}: {error}")).into_inner().status();
            assert_eq!(status, ServingStatus::Serving, "{service}");
        }
    });
}

#[test]
fn reflection_lists_the_services_in_both_versions() {
    let world = World::new();
    let _daemon = world.start_daemon(&[]);
    let listed = client::block_on(async {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut client = ServerReflectionClient::new(client::connect(&world).await);
        let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        let ServerReflectionResponse { message_response, .. } = answers.message().await.unwrap().unwrap();
        let Some(MessageResponse::ListServicesResponse(list)) = message_response else { panic!("no list") };
        list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
    });
    for service in services_of_the_contract() {
        assert!(listed.contains(&service), "{service} is not in {listed:?}");
    }
    let older = client::block_on(async {
        let request = v1alpha::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                "deployer.v1.ErrorReport".to_owned(),
            )),
        };
        let channel = client::connect(&world).await;
        let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
        let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        answers.message().await.unwrap().unwrap().message_response
    });
    assert!(matches!(older, Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_))));
}
