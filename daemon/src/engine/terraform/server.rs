//! Terraform's own `http` backend, on loopback, for as long as one run lasts.
//!
//! **Invariant:** whoever does not know this run's credentials is answered nothing but 401.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployer_domain::entropy::Entropy;
use deployer_domain::name::ComponentId;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::state::{ModuleState, Put};

/// The largest state that is taken.
const LARGEST: usize = 256 << 20;
/// The user that Terraform calls itself.
const USER: &str = "deployer";

type Answer = Response<Full<Bytes>>;

/// Serves the states of the components that are worked on. Ends when it is dropped.
pub struct StateServer {
    address: SocketAddr,
    word: SecretString,
    shelves: Arc<Shelves>,
    _stop: DropGuard,
}

struct Shelves {
    authorization: SecretString,
    all: Mutex<BTreeMap<String, Arc<Shelf>>>,
}

/// One component's state, and who has locked it.
struct Shelf {
    state: Arc<ModuleState>,
    /// The id and the text of the lock.
    lock: Mutex<Option<(String, Bytes)>>,
}

/// A state that is served; no more when this is dropped.
pub struct Served {
    path: String,
    shelves: Arc<Shelves>,
    environment: BTreeMap<String, SecretString>,
}

impl StateServer {
    /// Begins to answer on a port of loopback, with new credentials.
    pub fn start(port: std::net::TcpListener, entropy: &dyn Entropy) -> io::Result<Self> {
        port.set_nonblocking(true)?;
        let listener = TcpListener::from_std(port)?;
        let mut bytes = [0_u8; 32];
        entropy.fill(&mut bytes);
        let word = hex::encode(bytes);
        let authorization = format!("Basic {}", STANDARD.encode(format!("{USER}:{word}")));
        let shelves = Arc::new(Shelves { authorization: authorization.into(), all: Mutex::default() });
        let stop = CancellationToken::new();
        let address = listener.local_addr()?;
        tokio::spawn(listen(listener, Arc::clone(&shelves), stop.clone()));
        Ok(Self { address, word: word.into(), shelves, _stop: stop.drop_guard() })
    }

    /// Serves a component's state.
    pub fn serve(&self, id: &ComponentId, state: Arc<ModuleState>) -> Served {
        let path = format!("/{id}");
        self.shelves.all().insert(path.clone(), Arc::new(Shelf { state, lock: Mutex::default() }));
        let url = format!("http://{}{path}", self.address);
        let variables = [
            ("TF_HTTP_ADDRESS", url.clone()),
            ("TF_HTTP_LOCK_ADDRESS", url.clone()),
            ("TF_HTTP_UNLOCK_ADDRESS", url),
            ("TF_HTTP_UPDATE_METHOD", "POST".to_owned()),
            ("TF_HTTP_LOCK_METHOD", "LOCK".to_owned()),
            ("TF_HTTP_UNLOCK_METHOD", "UNLOCK".to_owned()),
            ("TF_HTTP_USERNAME", USER.to_owned()),
            ("TF_HTTP_PASSWORD", self.word.expose_secret().to_owned()),
            // It is repeated here, with more patience; and a daemon that is gone does not come back at this address.
            ("TF_HTTP_RETRY_MAX", "0".to_owned()),
        ];
        let environment = variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Served { path, shelves: Arc::clone(&self.shelves), environment }
    }
}

impl Served {
    /// What Terraform finds it by.
    pub fn environment(&self) -> &BTreeMap<String, SecretString> {
        &self.environment
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shelves.all().remove(&self.path);
    }
}

async fn listen(listener: TcpListener, shelves: Arc<Shelves>, stop: CancellationToken) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        if let Ok((stream, _)) = accepted {
            let (shelves, stop) = (Arc::clone(&shelves), stop.clone());
            tokio::spawn(async move { stop.run_until_cancelled(converse(stream, shelves)).await });
        }
    }
}

async fn converse(stream: TcpStream, shelves: Arc<Shelves>) {
    let service = service_fn(move |request| {
        let shelves = Arc::clone(&shelves);
        async move { Ok::<_, Infallible>(shelves.answer(request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the state server ended badly");
    }
}

impl Shelves {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Shelf>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admits(&self, request: &Request<Incoming>) -> bool {
        let given = request.headers().get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        given.ct_eq(self.authorization.expose_secret().as_bytes()).into()
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if !self.admits(&request) {
            let mut refused = said(StatusCode::UNAUTHORIZED, "credentials of this run are needed");
            refused.headers_mut().insert(WWW_AUTHENTICATE, hyper::header::HeaderValue::from_static("Basic"));
            return refused;
        }
        let shelf = self.all().get(request.uri().path()).cloned();
        let Some(shelf) = shelf else { return said(StatusCode::NOT_FOUND, "no such component is worked on now") };
        let method = request.method().clone();
        let lock = request.uri().query().and_then(lock_id);
        let body = match Limited::new(request.into_body(), LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return said(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
        };
        match method.as_str() {
            "LOCK" => shelf.lock(body).await,
            "UNLOCK" => shelf.unlock(&body),
            _ if method == Method::GET => shelf.read().await,
            _ if method == Method::POST => shelf.write(lock.as_deref(), body).await,
            _ => said(StatusCode::METHOD_NOT_ALLOWED, "a state is read, written, locked and unlocked"),
        }
    }
}

impl Shelf {
    async fn read(&self) -> Answer {
        match self.state.content().await {
            Some(content) => answer(StatusCode::OK, content.into()),
            None => answer(StatusCode::NO_CONTENT, Bytes::new()),
        }
    }

    async fn write(&self, lock: Option<&str>, content: Bytes) -> Answer {
        let holder = self.locked().as_ref().map(|(id, _)| id.clone());
        if holder.is_some() && holder.as_deref() != lock {
            return said(StatusCode::CONFLICT, "another process has locked this state");
        }
        match self.state.put(content.to_vec()).await {
            Put::Stored => answer(StatusCode::OK, Bytes::new()),
            Put::Kept(key) => {
                said(StatusCode::LOCKED, &format!("the lock is another's now; this state is kept in {key}"))
            }
            Put::Failed(why) => said(StatusCode::SERVICE_UNAVAILABLE, &why),
        }
    }

    async fn lock(&self, wanted: Bytes) -> Answer {
        if self.state.is_lost().await {
            let info = serde_json::json!({ "ID": "deployer", "Who": "another holder of the environment's lock" });
            return answer(StatusCode::LOCKED, info.to_string().into());
        }
        let mut lock = self.locked();
        if let Some((_, info)) = &*lock {
            return answer(StatusCode::LOCKED, info.clone());
        }
        *lock = Some((id_of(&wanted), wanted));
        answer(StatusCode::OK, Bytes::new())
    }

    fn unlock(&self, wanted: &Bytes) -> Answer {
        let mut lock = self.locked();
        // A forced unlock comes without an id.
        if lock.as_ref().is_some_and(|(id, _)| !wanted.is_empty() && *id != id_of(wanted)) {
            return said(StatusCode::CONFLICT, "another process has locked this state");
        }
        *lock = None;
        answer(StatusCode::OK, Bytes::new())
    }

    fn locked(&self) -> MutexGuard<'_, Option<(String, Bytes)>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id_of(lock: &Bytes) -> String {
    let info: serde_json::Value = serde_json::from_slice(lock).unwrap_or_default();
    info["ID"].as_str().unwrap_or_default().to_owned()
}

fn lock_id(query: &str) -> Option<String> {
    query.split('&').find_map(|field| field.strip_prefix("ID=")).map(str::to_owned)
}

fn answer(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    answer
}

fn said(status: StatusCode, why: &str) -> Answer {
    let mut answer = answer(status, format!("{why}\n").into());
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/plain"));
    answer
}

#[cfg(test)]
mod tests;
