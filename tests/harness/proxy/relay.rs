//! The way of a request through the proxy.

use std::sync::Arc;
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::{Fault, Operation, Shared};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<Full<Bytes>>;

/// Answers up to this size are remembered.
const SHORT: usize = 4096;

/// Serves until `stop` fires or its sender is gone.
pub async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>, mut stop: oneshot::Receiver<()>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let answer = service_fn(|request| pass(Arc::clone(&shared), request));
            let mut server = hyper::server::conn::http1::Builder::new();
            let _ = server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// A request that was read to its end.
#[derive(Clone)]
struct Letter {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Lets a request through, or does to it what a rule says. An error closes the caller's connection without an answer.
async fn pass(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let letter = Letter { method: head.method, uri: head.uri, headers: head.headers, body };
    let operation = Operation::of(&letter.method, &letter.uri, &letter.headers, &letter.body);
    let path = letter.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    // From before the request is known: who sees it may release it at once.
    let mut released = shared.releases.subscribe();
    let mut release = async move || drop(released.changed().await);
    let (number, fault) = shared.judge(operation.clone(), &path, &letter.body);
    // What is on its way arrives, also when its sender hangs up meanwhile.
    let forward = async |letter: Letter| tokio::spawn(forward(Arc::clone(&shared), number, letter)).await?;
    match fault {
        None => forward(letter).await,
        Some(Fault::Drop) => Err("dropped".into()),
        Some(Fault::LoseAnswer) => {
            forward(letter).await?;
            Err("answer lost".into())
        }
        Some(Fault::Refuse(refusal)) => {
            let (status, kind, body) = refusal.answer(&operation);
            let body = if letter.method == Method::HEAD { String::new() } else { body };
            Ok(Response::builder().status(status).header(CONTENT_TYPE, kind).body(Full::from(body))?)
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            forward(letter).await
        }
        Some(Fault::DelayAnswer(time)) => {
            let answer = forward(letter).await;
            tokio::time::sleep(time).await;
            answer
        }
        Some(Fault::Repeat(time)) => {
            tokio::spawn(repeat(Arc::clone(&shared), number, letter.clone(), async move {
                tokio::time::sleep(time).await;
            }));
            forward(letter).await
        }
        Some(Fault::RepeatLater) => {
            tokio::spawn(repeat(Arc::clone(&shared), number, letter.clone(), async move { release().await }));
            forward(letter).await
        }
        Some(Fault::Hold) => {
            release().await;
            forward(letter).await
        }
        Some(Fault::HoldAnswer) => {
            let (answer, ()) = tokio::join!(forward(letter), release());
            answer
        }
    }
}

/// Sends a request on and notes its answer.
async fn forward(shared: Arc<Shared>, number: usize, letter: Letter) -> Result<Answer, Error> {
    let answer = letter.send(&shared).await?;
    let body = answer.body().clone().collect().await?.to_bytes();
    shared.note(number, |seen| {
        seen.status = Some(answer.status().as_u16());
        seen.answered = Some(Instant::now());
        seen.answer = if body.len() <= SHORT { body.to_vec() } else { Vec::new() };
    });
    Ok(answer)
}

/// Sends a request again when its time has come.
async fn repeat(shared: Arc<Shared>, number: usize, letter: Letter, time: impl Future<Output = ()>) {
    time.await;
    if let Ok(answer) = letter.send(&shared).await {
        shared.note(number, |seen| seen.repeated = Some(answer.status().as_u16()));
    }
}

impl Letter {
    async fn send(self, shared: &Shared) -> Result<Answer, Error> {
        let is_head = self.method == Method::HEAD;
        let stream = TcpStream::connect(shared.server).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::builder().method(self.method).uri(self.uri).body(Full::new(self.body))?;
        *request.headers_mut() = end_to_end(self.headers);
        let (head, body) = sender.send_request(request).await?.into_parts();
        let length = head.headers.get(CONTENT_LENGTH).cloned();
        let mut answer = Response::new(Full::new(body.collect().await?.to_bytes()));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = end_to_end(head.headers);
        // What a GET would bring; only here it is not the length of the body.
        if let (true, Some(length)) = (is_head, length) {
            answer.headers_mut().insert(CONTENT_LENGTH, length);
        }
        Ok(answer)
    }
}

/// Leaves out what belongs to one connection only.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("expect");
    headers
}
