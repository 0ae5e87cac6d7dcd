//! The client that heartbeats are sent with.

use std::sync::PoisonError;
use std::thread::{self, ThreadId};

use aws_credential_types::provider::SharedCredentialsProvider;
use deployer_domain::object::PortResult;

use super::Clients;
use super::clients::locks;
use super::error::credentials_error;
use super::same_role::{SameRole, Sources};

/// A client for one thread and one identity.
#[derive(Clone)]
pub(super) struct Separate {
    thread: ThreadId,
    client: aws_sdk_dynamodb::Client,
    held_to: Option<SameRole>,
}

impl Clients {
    /// A DynamoDB client with connections of its own, for the thread that asks and its runtime: connections live on
    /// the runtime that opened them. It never acts with another identity than whose credentials these are now. The
    /// same thread gets the same client again, so that a hundred locks of one caller share their connections.
    pub async fn separate_dynamodb(&self) -> PortResult<aws_sdk_dynamodb::Client> {
        let asking = thread::current().id();
        let made = self.separate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(made) = made.filter(|made| made.thread == asking) {
            let good = match &made.held_to {
                Some(identity) => identity.still().await,
                None => true,
            };
            if good {
                return Ok(made.client);
            }
        }
        let made = self.make_separate(asking).await?;
        *self.separate.lock().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made.client)
    }

    async fn make_separate(&self, thread: ThreadId) -> PortResult<Separate> {
        let http = self.route.connect()?;
        let mut config = self.config.to_builder().http_client(http.clone());
        let mut held_to = None;
        if let Some(own) = self.own_steady.clone() {
            let role = self.config.credentials_provider().filter(|_| self.role.is_some());
            let config_of_sts = self.own.to_builder().http_client(http).build();
            let sources = Sources { own, role, config: config_of_sts, known: self.identity.clone() };
            let same = SameRole::now(sources).await.map_err(|error| credentials_error(&error))?;
            config = config.credentials_provider(SharedCredentialsProvider::new(same.clone()));
            held_to = Some(same);
        }
        Ok(Separate { thread, client: locks(&config.build(), &self.clock), held_to })
    }
}
