//! Logs on the wire.

use deployer_domain::logs::LogLine;
use deployer_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use super::status::to_status;
use crate::operation::logs::{Logs, Told};

/// How many lines may wait for a slow reader.
const WAITING: usize = 64;

/// A stream of log lines.
pub(crate) type LogStream = ReceiverStream<Result<v1::LogLine, Status>>;

/// Streams lines to one caller, until the last one or until nobody listens.
pub(crate) fn stream(mut logs: Logs) -> Response<LogStream> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                next = logs.next() => next,
                () = sender.closed() => return,
            };
            let sent = match next {
                Ok(Some(told)) => sender.send(Ok(told_to_proto(told))).await,
                Ok(None) => return,
                Err(error) => {
                    let _nobody = sender.send(Err(to_status(&error))).await;
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Response::new(ReceiverStream::new(receiver))
}

fn told_to_proto(told: Told) -> v1::LogLine {
    match told {
        Told::Line(line) => line_to_proto(line),
        Told::Notice(notice) => v1::LogLine { notice, ..v1::LogLine::default() },
    }
}

fn line_to_proto(line: LogLine) -> v1::LogLine {
    v1::LogLine {
        time: format!("{:.3}", line.time),
        component: line.component.to_string(),
        source: line.source,
        line: line.text,
        notice: String::new(),
    }
}
