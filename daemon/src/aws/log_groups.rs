//! CloudWatch Logs with one caller's credentials in one region.

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use deployer_domain::logs::{LogEvent, LogGroups};
use deployer_domain::object::PortResult;
use jiff::Timestamp;

use super::Clients;
use super::error::port_error;

const PLACE: &str = "CloudWatch Logs";
/// How many events are asked for at once.
const PAGE: i32 = 1_000;
/// How many pages one question has: what is behind them is asked for from the last event on.
const PAGES: usize = 5;

/// CloudWatch Logs with one caller's credentials in one region.
#[derive(Debug, Clone)]
pub struct CloudwatchLogs {
    client: Client,
}

impl CloudwatchLogs {
    /// Asks with a caller's clients.
    pub fn new(clients: &Clients) -> Self {
        Self { client: clients.cloudwatch_logs() }
    }
}

#[async_trait]
impl LogGroups for CloudwatchLogs {
    async fn read(&self, group: &str, from: Timestamp) -> PortResult<Vec<LogEvent>> {
        let (mut events, mut page) = (Vec::new(), None);
        let mut pages = 0;
        while pages < PAGES {
            let call = self.client.filter_log_events().log_group_name(group).start_time(from.as_millisecond());
            let answer = match call.limit(PAGE).set_next_token(page).send().await {
                Ok(answer) => answer,
                Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(Vec::new()),
                Err(error) => return Err(port_error(error, PLACE)),
            };
            let found = answer.events.unwrap_or_default();
            // An empty page with a token is a stretch of time without events.
            pages += usize::from(!found.is_empty());
            events.extend(found.into_iter().filter_map(event));
            page = answer.next_token;
            if page.is_none() {
                break;
            }
        }
        events.sort_by_key(|event: &LogEvent| event.time);
        Ok(events)
    }
}

fn event(event: FilteredLogEvent) -> Option<LogEvent> {
    let time = Timestamp::from_millisecond(event.timestamp?).ok()?;
    let (stream, text) = (event.log_stream_name.unwrap_or_default(), event.message.unwrap_or_default());
    // Where there is no id, what is said by whom and when stands for it.
    let id = event.event_id.unwrap_or_else(|| format!("{stream} {} {text}", time.as_millisecond()));
    Some(LogEvent { id, time, stream, text })
}
