//! What every command needs: the global flags, the terminal, the environment, and the way to the daemon.

use deployer_proto::endpoint::{Endpoint, EndpointError};
use deployer_proto::v1::{CallContext, Mode};
use tonic::transport::Channel;

use crate::args::Globals;
use crate::commands::Command;
use crate::connect::{Ahead, Way};
use crate::context::Surroundings;
use crate::output::Terminal;
use crate::report::Report;
use crate::{Outcome, interrupt};

/// One run of the program.
#[derive(Debug)]
pub struct Guest {
    /// The flags that every command has.
    pub globals: Globals,
    /// Where answers go.
    pub terminal: Terminal,
    /// Where the program was started.
    pub surroundings: Surroundings,
    /// The way to the daemon.
    pub way: Way,
}

/// What does not depend on the program's arguments, and is under way while they are read.
#[derive(Debug)]
pub struct Found {
    surroundings: Surroundings,
    endpoint: Result<Endpoint, EndpointError>,
    ahead: Option<Ahead>,
}

impl Found {
    /// Looks around, and calls the daemon where one will be asked.
    pub fn look(asks_the_daemon: bool) -> Self {
        let surroundings = Surroundings::read();
        let endpoint = surroundings.endpoint();
        let ahead = match &endpoint {
            Ok(endpoint) if asks_the_daemon && !surroundings.in_ci() => Ahead::call(endpoint),
            _ => None,
        };
        Self { surroundings, endpoint, ahead }
    }
}

impl Guest {
    /// Looks around once; what was `found` before the flags were read is used.
    pub fn new(mut globals: Globals, found: Found) -> Self {
        let Found { surroundings, endpoint, ahead } = found;
        globals.no_daemon = Some(surroundings.private(&globals));
        let terminal = Terminal::new(&globals, &surroundings);
        let way = surroundings.way(&globals, endpoint);
        way.ahead.replace(ahead.filter(|_| way.private.is_none()));
        Self { globals, terminal, surroundings, way }
    }

    /// Runs a command until it is done or Ctrl-C ends it.
    pub async fn run(&self, command: Command) -> Outcome {
        let outcome = tokio::select! {
            outcome = command.run(self) => outcome,
            report = interrupt::unclaimed() => Err(report),
        };
        self.way.finish().await;
        outcome
    }

    /// Connects to the daemon, starting it where needed.
    pub async fn channel(&self) -> Result<Channel, Report> {
        self.way.channel().await
    }

    /// Connects to the daemon if one is running; never starts one.
    pub async fn existing(&self) -> Result<Option<Channel>, Report> {
        self.way.existing().await
    }

    /// Answers where the daemon's socket and files are.
    pub fn endpoint(&self) -> Result<Endpoint, Report> {
        self.way.endpoint().cloned()
    }

    /// Builds the context of a call in a mode; `Mode::Unspecified` for calls that need no session.
    pub fn call(&self, mode: Mode) -> Result<Option<CallContext>, Report> {
        self.surroundings.call(&self.globals, mode).map(Some)
    }

    /// The same for calls that run commands.
    pub fn call_with_commands(&self, mode: Mode) -> Result<Option<CallContext>, Report> {
        self.surroundings.call_with_commands(&self.globals, mode).map(Some)
    }
}
