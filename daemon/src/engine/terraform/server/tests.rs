use deployer_domain::key::TenantSpace;
use deployer_domain::memory::MemoryObjects;
use deployer_domain::name::StateVersion;
use deployer_domain::seal::Fence;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ulid::Ulid;

use super::*;
use crate::engine::terraform::state::tests::states_of;
use crate::entropy::SystemEntropy;

const STATE: &str = "{\"version\": 4, \"serial\": 1}";

struct Scene {
    server: StateServer,
    served: Served,
}

impl Scene {
    async fn new() -> Self {
        let tenant = TenantSpace::new("web-team".parse().unwrap(), StateVersion::default());
        let space = tenant.stack(&"shop".parse().unwrap(), &"development".parse().unwrap());
        let id: ComponentId = "net.dns".parse().unwrap();
        let states = states_of(space, Arc::new(MemoryObjects::default()), Fence { token: 1, session: Ulid::nil() });
        let state = Arc::new(states.open(&id, None).await.unwrap());
        let server =
            StateServer::start(std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap(), &SystemEntropy).unwrap();
        let served = server.serve(&id, state);
        Self { server, served }
    }

    /// Asks as Terraform would; answers the status and the body.
    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let word = self.served.environment()["TF_HTTP_PASSWORD"].expose_secret().to_owned();
        self.ask_as(&format!("Basic {}", STANDARD.encode(format!("{USER}:{word}"))), method, (path, body)).await
    }

    async fn ask_as(&self, who: &str, method: &str, (path, body): (&str, &str)) -> (u16, String) {
        let mut stream = TcpStream::connect(self.server.address).await.unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {who}\r\n");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}

#[tokio::test]
async fn a_state_is_read_written_locked_and_unlocked() {
    let scene = Scene::new().await;
    assert_eq!(scene.ask("GET", "/net.dns", "").await.0, 204);
    let (one, other) = ("{\"ID\":\"1\",\"Who\":\"a\"}", "{\"ID\":\"2\",\"Who\":\"b\"}");
    assert_eq!(scene.ask("LOCK", "/net.dns", one).await.0, 200);
    assert_eq!(scene.ask("LOCK", "/net.dns", other).await, (423, one.to_owned()));
    assert_eq!(scene.ask("POST", "/net.dns?ID=2", STATE).await.0, 409);
    assert_eq!(scene.ask("POST", "/net.dns?ID=1", STATE).await.0, 200);
    assert_eq!(scene.ask("UNLOCK", "/net.dns", other).await.0, 409);
    assert_eq!(scene.ask("UNLOCK", "/net.dns", one).await.0, 200);
    assert_eq!(scene.ask("GET", "/net.dns", "").await, (200, STATE.to_owned()));
    assert_eq!(scene.ask("POST", "/net.dns", "no json").await.0, 503);
    assert_eq!(scene.ask("DELETE", "/net.dns", "").await.0, 405);
}

#[tokio::test]
async fn whoever_does_not_know_the_runs_credentials_is_refused() {
    let scene = Scene::new().await;
    let wrong = format!("Basic {}", STANDARD.encode(format!("{USER}:{}", "0".repeat(64))));
    for who in ["", "Basic ", "Bearer x", wrong.as_str()] {
        for (method, path) in [("GET", "/net.dns"), ("POST", "/net.dns"), ("LOCK", "/net.dns"), ("GET", "/other")] {
            assert_eq!(scene.ask_as(who, method, (path, STATE)).await.0, 401, "{who} {method} {path}");
        }
    }
    assert_eq!(scene.ask("GET", "/net.dns", "").await.0, 204, "nothing was written");
}

#[tokio::test]
async fn a_component_that_is_not_worked_on_is_not_there() {
    let scene = Scene::new().await;
    assert_eq!(scene.ask("GET", "/net.other", "").await.0, 404);
    let Scene { server, served } = scene;
    let word = served.environment()["TF_HTTP_PASSWORD"].expose_secret().to_owned();
    let state = Arc::clone(&server.shelves.all()["/net.dns"].state);
    let other = server.serve(&"net.other".parse().unwrap(), state);
    drop(served);
    let scene = Scene { server, served: other };
    let who = format!("Basic {}", STANDARD.encode(format!("{USER}:{word}")));
    assert_eq!(scene.ask_as(&who, "GET", ("/net.dns", "")).await.0, 404);
    assert_eq!(scene.ask_as(&who, "GET", ("/net.other", "")).await.0, 204);
}
