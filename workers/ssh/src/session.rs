//! A connection to one host, logged in once. One command at a time is under way.

mod handler;

use std::{io, sync::Arc, time::Duration};

use parking_lot::Mutex;
use russh::{
    ChannelMsg, Disconnect, MethodKind,
    client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse as Interactive},
    keys::{PrivateKeyWithHashAlg, decode_secret_key},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use utakata_worker_sdk::address::Address;

use crate::{
    credential::{Credential, Login, Rule},
    decode::Output,
};
use handler::{Handler, Refusal};

/// The longest time for connecting and for logging in: a host may ask others who the user is.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest output of a command, and the longest text of its errors, in bytes.
const OUTPUT_MAX: usize = 1024 * 1024;
const ERRORS_MAX: usize = 4096;
/// The number of rounds in which a host may ask for passwords.
const ROUNDS_MAX: usize = 3;

/// The host keys that were seen first, of one host.
pub type Seen = Arc<Mutex<Option<String>>>;

/// The reason why a command has no output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name of the host cannot be resolved.
    #[error("its name cannot be resolved")]
    Name(#[source] io::Error),
    /// Nobody listens there, or there is no way to it.
    #[error("it cannot be reached")]
    Connect(#[source] io::Error),
    /// It speaks no SSH, or has no algorithm in common.
    #[error("there is no conversation by SSH")]
    Handshake(#[source] russh::Error),
    /// Its host key is another one than expected.
    #[error("it has the host key {found}, not {expected}")]
    OtherKey { found: String, expected: String },
    /// Nothing says which host key is the right one.
    #[error("it has the host key {found}, and nothing says that it is the right one")]
    UnknownKey { found: String },
    /// The private key of the credential is none.
    #[error("the private key of the credential cannot be read: {0}")]
    PrivateKey(String),
    /// The user is refused.
    #[error("it does not let the user in")]
    Refused,
    /// The user was refused lately, and nothing was sent.
    #[error("it refused the user {} min ago, so nothing was sent", ago.as_secs() / 60)]
    Locked { ago: Duration },
    /// The command was not accepted.
    #[error("it does not run commands for this user")]
    NotRun,
    /// The connection had ended before the command was sent.
    #[error("the connection had ended")]
    Unsent,
    /// No answer arrived in time.
    #[error("no answer arrived in time")]
    Silence,
    /// The connection broke while the command ran.
    #[error("the connection broke while the command ran")]
    Broken,
    /// The output is larger than permitted.
    #[error("the output is larger than {OUTPUT_MAX} bytes")]
    Large,
    /// The command was ended by a signal.
    #[error("the command was ended by the signal {0}")]
    Signal(String),
}

/// The result of a command.
#[derive(Debug)]
pub struct Done {
    pub output: Output,
    /// The beginning of what it wrote to standard error.
    pub errors: String,
}

/// A connection to a host.
pub struct Session {
    handle: Handle<Handler>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Error {
    /// Returns true if the host has certainly not begun the command.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Name(_)
            | Self::Connect(_)
            | Self::Handshake(_)
            | Self::OtherKey { .. }
            | Self::UnknownKey { .. }
            | Self::PrivateKey(_)
            | Self::Refused
            | Self::Locked { .. }
            | Self::NotRun
            | Self::Unsent => true,
            Self::Silence | Self::Broken | Self::Large | Self::Signal(_) => false,
        }
    }
}

impl Session {
    /// Connects to a host and logs in.
    ///
    /// # Errors
    /// It cannot be reached, is not the right one, or does not let the user in.
    pub async fn open(
        address: &Address,
        credential: &Credential,
        seen: &Seen,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let addresses = timeout_at(deadline, address.resolve()).await;
        let addresses = addresses.map_err(|_| Error::Unsent)?.map_err(Error::Name)?;
        let until = deadline.min(Instant::now() + PATIENCE);
        let stream = timeout_at(until, TcpStream::connect(addresses.as_slice())).await;
        let late = || Error::Connect(io::ErrorKind::TimedOut.into());
        let stream = stream.map_err(|_| late())?.map_err(Error::Connect)?;
        stream.set_nodelay(true).map_err(Error::Connect)?;
        let expected = match &credential.rule {
            Rule::Pinned(key) => Some(key.clone()),
            Rule::FirstSeen => seen.lock().clone(),
            Rule::Unsaid => None,
        };
        let takes_any = credential.rule == Rule::FirstSeen && expected.is_none();
        let (handler, shown) = Handler::new(expected, takes_any);
        let config = Arc::new(client::Config::default());
        let connecting = client::connect_stream(config, stream, handler);
        let connected = timeout_at(until, connecting).await.map_err(|_| late())?;
        let handle = connected.map_err(|refusal| match refusal {
            Refusal::OtherKey { found, expected } => Error::OtherKey { found, expected },
            Refusal::UnknownKey { found } => Error::UnknownKey { found },
            Refusal::Library(error) => Error::Handshake(error),
        })?;
        let mut session = Self { handle };
        let until = deadline.min(Instant::now() + PATIENCE);
        let entering = timeout_at(until, session.log_in(credential));
        entering.await.map_err(|_| late())??;
        if takes_any {
            // It is kept once the user is in: a host that nobody can enter is not the right one.
            *seen.lock() = shown.lock().clone();
        }
        Ok(session)
    }

    async fn log_in(&mut self, credential: &Credential) -> Result<(), Error> {
        let user = credential.user.as_str();
        let result = match &credential.login {
            Login::Nothing => {
                let result = self.handle.authenticate_none(user).await;
                result.map_err(Error::Handshake)?
            }
            Login::Password(password) => {
                let result = self.handle.authenticate_password(user, password).await;
                match result.map_err(Error::Handshake)? {
                    AuthResult::Failure {
                        remaining_methods, ..
                    } if remaining_methods.contains(&MethodKind::KeyboardInteractive)
                        && !remaining_methods.contains(&MethodKind::Password) =>
                    {
                        return self.answer(user, password).await;
                    }
                    result => result,
                }
            }
            Login::Key(text, passphrase) => {
                let key = decode_secret_key(text, passphrase.as_deref());
                let key = key.map_err(|error| Error::PrivateKey(error.to_string()))?;
                let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
                let result = self.handle.authenticate_publickey(user, key).await;
                result.map_err(Error::Handshake)?
            }
        };
        match result.success() {
            true => Ok(()),
            false => Err(Error::Refused),
        }
    }

    /// Logs in where the host asks for the password as a question (RFC 4256).
    async fn answer(&mut self, user: &str, password: &str) -> Result<(), Error> {
        let handle = &mut self.handle;
        let started = handle.authenticate_keyboard_interactive_start(user, None);
        let mut reply = started.await.map_err(Error::Handshake)?;
        for _ in 0..ROUNDS_MAX {
            match reply {
                Interactive::Success => return Ok(()),
                Interactive::Failure { .. } => return Err(Error::Refused),
                Interactive::InfoRequest { prompts, .. } => {
                    // A question that is echoed is not for a password.
                    let answers = prompts.iter().map(|prompt| match prompt.echo {
                        true => String::new(),
                        false => password.to_owned(),
                    });
                    let answered =
                        handle.authenticate_keyboard_interactive_respond(answers.collect());
                    reply = answered.await.map_err(Error::Handshake)?;
                }
            }
        }
        match reply {
            Interactive::Success => Ok(()),
            _ => Err(Error::Refused),
        }
    }

    /// Returns true if another command may be sent over it.
    pub fn is_open(&self) -> bool {
        !self.handle.is_closed()
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// It has no end in time, or none that is known; [`Error::is_unsent`] says whether it may have
    /// begun.
    pub async fn run(&self, command: &str, deadline: Instant) -> Result<Done, Error> {
        let opened = timeout_at(deadline, self.handle.channel_open_session()).await;
        let opened = opened.map_err(|_| Error::Unsent)?;
        let mut channel = opened.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(_) => Error::NotRun,
            _ => Error::Unsent,
        })?;
        let sent = timeout_at(deadline, channel.exec(true, command)).await;
        sent.map_err(|_| Error::Silence)?
            .map_err(|_| Error::Broken)?;
        let (mut output, mut errors, mut exit) = (Vec::new(), Vec::new(), None);
        loop {
            let message = timeout_at(deadline, channel.wait()).await;
            match message.map_err(|_| Error::Silence)? {
                Some(ChannelMsg::Data { data }) if output.len() + data.len() > OUTPUT_MAX => {
                    return Err(Error::Large);
                }
                Some(ChannelMsg::Data { data }) => output.extend_from_slice(&data),
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    let room = ERRORS_MAX.saturating_sub(errors.len());
                    errors.extend_from_slice(data.get(..room.min(data.len())).unwrap_or(&[]));
                }
                Some(ChannelMsg::Failure) => return Err(Error::NotRun),
                Some(ChannelMsg::ExitStatus { exit_status }) => exit = Some(exit_status),
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    return Err(Error::Signal(format!("{signal_name:?}")));
                }
                // The exit code may come after the end of the output.
                Some(ChannelMsg::Close) | None => break,
                Some(_) => {}
            }
        }
        let exit = exit.ok_or(Error::Broken)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Done {
            output: Output {
                exit,
                text: text(&output),
            },
            errors: text(&errors),
        })
    }

    /// Says goodbye, best effort.
    pub async fn close(self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "");
        let _ = goodbye.await;
    }
}
