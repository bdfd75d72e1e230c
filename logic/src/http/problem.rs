//! Errors as `application/problem+json` (RFC 9457), each with a code, a cure and a page.

mod control;
mod login;

use std::error::Error as _;

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utakata_api::{Problem, problem::Detail, release::Break};
use utakata_model::{Cure, OperationId};

use super::Api;
use crate::{
    catalogue,
    code::Code,
    desired::{orders, rollouts},
    dispatch, environments, inventory, observe, people,
    rights::NotAnother,
    rotation, secrets, store,
};

pub(super) use self::login::InBrowser;

/// The largest number of single mistakes in an answer.
pub(super) const MAX_DETAILS: usize = inventory::MAX_PROBLEMS;

/// A request that was refused.
#[derive(Debug)]
pub struct Refused {
    code: Code,
    problem: Box<Problem>,
}

impl Refused {
    /// Creates a refusal with the status and title of its code.
    pub fn new(code: Code, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        let problem = Problem {
            kind: format!("/v1/errors/{code}"),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            code: code.to_string(),
            detail: detail.into(),
            cure: cure.into(),
            problems: Vec::new(),
        };
        if code.cure() == Cure::Bug {
            tracing::error!(%code, detail = problem.detail, "a request failed by a mistake");
        }
        Self {
            code,
            problem: Box::new(problem),
        }
    }

    /// Refuses a request about an operation of which nobody knows whether it exists.
    fn in_doubt(id: OperationId, detail: String) -> Self {
        let cure = format!(
            "look for it when the store answers again: `utakata operation show {id}`; or ask \
             again under the same key, so that it is done once"
        );
        Self::new(Code::StoreInDoubt, detail, cure)
    }

    /// Adds every single mistake.
    #[must_use]
    pub fn with(mut self, mut problems: Vec<Detail>) -> Self {
        problems.truncate(MAX_DETAILS);
        self.problem.problems = problems;
        self
    }

    /// Adds the brokers that are away, if that may be the reason: without reports from environments
    /// nobody knows what they serve.
    pub(super) fn and_away(mut self, api: &Api) -> Self {
        let is_unserved = |one: &Detail| one.message.contains("no environment");
        if !self.problem.problems.iter().any(is_unserved) {
            return self;
        }
        let connections = api.handle.status().connections;
        let away = connections.iter().find_map(|one| {
            let problem = one.problem.as_ref()?;
            Some(format!(
                "; the connection for {} to {} is lost: {problem}",
                one.name, one.to
            ))
        });
        if let Some(away) = away {
            self.problem.detail.push_str(&away);
            self.problem.cure =
                "nothing was sent: bring that broker back, and ask again; `utakata \
                           doctor` shows all connections"
                    .into();
        }
        self
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the problem to send.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = Json(&self.problem).into_response();
        *response.status_mut() = self.code.status();
        response.extensions_mut().insert(self.code);
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if self.code == Code::Unauthorized {
            let bearer = HeaderValue::from_static("Bearer realm=\"utakata\"");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&store::Error> for Refused {
    fn from(error: &store::Error) -> Self {
        tracing::error!(%error, cure = error.cure(), "the store failed");
        Self::new(error.code(), error.to_string(), error.cure())
    }
}

impl From<&secrets::Error> for Refused {
    fn from(error: &secrets::Error) -> Self {
        let detail = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        tracing::error!(
            detail,
            cure = error.cure(),
            "secrets cannot be sealed or opened"
        );
        Self::new(error.code(), detail, error.cure())
    }
}

impl From<inventory::Error> for Refused {
    fn from(error: inventory::Error) -> Self {
        let detail = error.to_string();
        match error {
            inventory::Error::Documents { problems } => {
                let cure = "correct what is listed and send everything again: nothing was changed";
                Self::new(Code::DocumentsInvalid, detail, cure).with(problems)
            }
            inventory::Error::None { hint, .. } => Self::new(Code::NotFound, detail, hint),
            inventory::Error::InUse { .. } => {
                let cure = "give these targets another credential, or delete them, first";
                Self::new(Code::CredentialInUse, detail, cure)
            }
            inventory::Error::Rotating { operation, .. } => {
                let cure = format!("it goes on by itself: `utakata operation explain {operation}`");
                Self::new(Code::CredentialRotation, detail, cure)
            }
            inventory::Error::Store(error) => Self::from(error),
            inventory::Error::Secrets(error) => Self::from(&error),
        }
    }
}

impl From<rotation::Error> for Refused {
    fn from(error: rotation::Error) -> Self {
        let detail = error.to_string();
        match error {
            rotation::Error::Unused { .. } => {
                let cure = "name it in a target, or change it as it is: `utakata apply`";
                Self::new(Code::CredentialRotation, detail, cure)
            }
            rotation::Error::Shared { .. } => {
                let cure = "give each of them a credential of its own, with the present values, \
                            and rotate each (`utakata error credential-rotation`)";
                Self::new(Code::CredentialRotation, detail, cure)
            }
            rotation::Error::InVault { .. } => {
                let cure = "change it on the device and in Vault, or let Vault rotate it";
                Self::new(Code::CredentialRotation, detail, cure)
            }
            rotation::Error::Control(error) => Self::from(error),
            rotation::Error::Inventory(error) => Self::from(error),
        }
    }
}

impl From<people::Error> for Refused {
    fn from(error: people::Error) -> Self {
        let detail = error.to_string();
        match error {
            people::Error::Admin => {
                let cure = "choose another name; for another token of admin, end the server, \
                            remove the file `token` of its data folder, and start it again";
                Self::new(Code::PersonAdmin, detail, cure)
            }
            people::Error::None { hint, .. } => Self::new(Code::NotFound, detail, hint),
            people::Error::OtherSort { .. } => {
                let cure = "choose another name for the service";
                Self::new(Code::PersonAdmin, detail, cure)
            }
            people::Error::Name(_) | people::Error::Taken { .. } | people::Error::Linked { .. } => {
                login::not_admitted(&error)
            }
            people::Error::Own { .. }
            | people::Error::OwnToken { .. }
            | people::Error::TooMuch { .. } => {
                let cure = "somebody else who may change people does it, or admin";
                Self::new(Code::OwnRights, detail, cure)
            }
            people::Error::Lasts { .. } => {
                Self::new(Code::QueryInvalid, detail, "give a shorter time: for=90d")
            }
            people::Error::Random { .. } => Self::new(
                Code::Internal,
                detail,
                "try again; if it persists, report it",
            ),
            people::Error::Store(error) => Self::from(error),
        }
    }
}

impl From<NotAnother> for Refused {
    fn from(error: NotAnother) -> Self {
        let cure = match &error {
            NotAnother::Younger { .. } => {
                "somebody does it who had the right before; or request it again".to_owned()
            }
            NotAnother::Own { .. } => {
                "somebody does it to whom another person has given the right".to_owned()
            }
            NotAnother::Given { first, by, .. } if first == by => {
                "somebody does it to whom another person has given the right".to_owned()
            }
            NotAnother::Given { first, .. } => format!(
                "somebody else who may change people confirms that {first} is a person of their own: \
                 `utakata token confirm {first} TOKEN`"
            ),
            NotAnother::Token { second, .. } => format!(
                "somebody else who may change people confirms that {second} is a person of their \
                 own: `utakata token confirm {second} TOKEN`"
            ),
            NotAnother::Maker { .. } => "somebody else does it".to_owned(),
        };
        Self::new(Code::ApproveGiven, error.to_string(), cure)
    }
}

impl From<orders::Error> for Refused {
    fn from(error: orders::Error) -> Self {
        let detail = error.to_string();
        match error {
            orders::Error::NoEnvironment { hint, .. }
            | orders::Error::NoKind { hint, .. }
            | orders::Error::Unknown { hint, .. } => Self::new(Code::NotFound, detail, hint),
            orders::Error::Unfit { id, unfit } => {
                let cure = match unfit {
                    orders::Unfit::AsAWhole(..) => {
                        format!("`utakata environment resume {id}` resumes everything")
                    }
                    orders::Unfit::Kinds(kinds) => {
                        let kinds: Vec<&str> = kinds.keys().map(|kind| kind.as_str()).collect();
                        let resume = |kind: &&str| {
                            format!("`utakata environment resume {id} --kind {kind}`")
                        };
                        let each: Vec<String> = kinds.iter().map(resume).collect();
                        format!("say which: {}", each.join(", or "))
                    }
                };
                Self::new(Code::OrderElsewhere, detail, cure)
            }
            orders::Error::Elsewhere { others, .. } => {
                let lifts = others.iter().map(|one| format!("`{}`", one.scope.lift()));
                let lifts: Vec<String> = lifts.collect();
                let cure = format!("lift the stop: {}", lifts.join(", or "));
                Self::new(Code::OrderElsewhere, detail, cure)
            }
            orders::Error::Store(error) => Self::from(error),
        }
    }
}

impl From<environments::Error> for Refused {
    fn from(error: environments::Error) -> Self {
        let detail = error.to_string();
        match error {
            environments::Error::None { hint, .. } => Self::new(Code::NotFound, detail, hint),
            environments::Error::There { id } => {
                let cure = format!(
                    "end it first; to keep it from beginning anything: `utakata environment drain {id}`"
                );
                Self::new(Code::EnvironmentThere, detail, cure)
            }
            environments::Error::OtherKey { id, .. } => {
                let cure = format!(
                    "compare it with what {id} logged when it started: if somebody else has taken \
                     its name, do not accept it"
                );
                Self::new(Code::EnvironmentKey, detail, cure)
            }
            environments::Error::NoKey { .. } => {
                let cure = "it is of an earlier version: update it";
                Self::new(Code::EnvironmentKey, detail, cure)
            }
            environments::Error::OtherZone { id, .. } => {
                let cure = format!(
                    "if it has moved, `utakata environment forget {id}`, and accept it afterwards"
                );
                Self::new(Code::EnvironmentKey, detail, cure)
            }
            environments::Error::Events { source, .. } => {
                let detail = format!("{detail}: {source}");
                let cure = "try again; over a broker, the user of the logic environments must be \
                            allowed to write utakata/v1/environment/#";
                Self::new(Code::InterconnectAway, detail, cure)
            }
            environments::Error::Store(error) => Self::from(error),
        }
    }
}

impl From<rollouts::Error> for Refused {
    fn from(error: rollouts::Error) -> Self {
        let detail = error.to_string();
        match error {
            rollouts::Error::NoKind { hint, .. } | rollouts::Error::NoRelease { hint, .. } => {
                Self::new(Code::NotFound, detail, hint)
            }
            rollouts::Error::Ambiguous { .. } => {
                let cure = "give more digits of the digest: `utakata worker list`";
                Self::new(Code::ReleaseAmbiguous, detail, cure)
            }
            rollouts::Error::Serves { .. } => {
                let cure = "there is nothing to do; see what serves: `utakata worker list`";
                Self::new(Code::ReleaseServes, detail, cure)
            }
            rollouts::Error::Open { rollout } => {
                let id = rollout.id;
                let cure = format!(
                    "wait until it has ended (`utakata rollout show {id}`), or take it back first: \
                     `utakata rollout abort {id}`"
                );
                Self::new(Code::RolloutOpen, detail, cure)
            }
            rollouts::Error::Breaks { breaks, .. } => {
                let cure = "change what is named so that it works with both releases, or bring a \
                            release that can still do it";
                let detail_of = |one: Break| Detail {
                    subject: format!("{} {}", one.what.as_str(), one.name),
                    message: one.why,
                };
                let problems = breaks.into_iter().map(detail_of).collect();
                Self::new(Code::RolloutBreaks, detail, cure).with(problems)
            }
            rollouts::Error::Plan(_) => {
                let cure = "correct what is listed: nothing was changed";
                Self::new(Code::BodyInvalid, detail, cure)
            }
            rollouts::Error::None { .. } => {
                Self::new(Code::NotFound, detail, "see all: `utakata rollout list`")
            }
            rollouts::Error::State { id, .. } => {
                let cure = format!("see how it is: `utakata rollout show {id}`");
                Self::new(Code::RolloutState, detail, cure)
            }
            rollouts::Error::Store(error) => Self::from(error),
        }
    }
}

impl From<catalogue::Error> for Refused {
    fn from(error: catalogue::Error) -> Self {
        use catalogue::Error;
        let detail = error.to_string();
        match error {
            Error::Invalid { .. } => {
                let cure = "set it right and push it again: `utakata worker test DIR` says what a \
                            worker must keep to";
                Self::new(Code::ReleaseInvalid, detail, cure)
            }
            Error::Missing { files } => {
                let cure = "upload each of them (PUT /v1/release-files/{sha256}), then send this again; \
                            `utakata worker push` does both";
                Self::new(Code::ReleaseFilesMissing, detail, cure).with(files)
            }
            Error::Taken { .. } => {
                let cure =
                    "give it another version, in its worker.toml: what was pushed stays as it is";
                Self::new(Code::ReleaseVersionTaken, detail, cure)
            }
            Error::OtherFile { .. } => {
                let cure = "send the file again, under the SHA-256 of its content";
                Self::new(Code::ReleaseFileWrong, detail, cure)
            }
            Error::None { hint, .. } => Self::new(Code::NotFound, detail, hint),
            Error::Several { .. } => {
                Self::new(Code::ReleaseAmbiguous, detail, "write more digits of it")
            }
            Error::Wanted { .. } => {
                let cure = "let another release serve first, everywhere, and unpin the targets that \
                            are pinned to this one";
                Self::new(Code::ReleaseWanted, detail, cure)
            }
            Error::Store(error) => Self::from(error),
        }
    }
}

impl From<dispatch::Error> for Refused {
    fn from(error: dispatch::Error) -> Self {
        let detail = error.to_string();
        match error {
            dispatch::Error::Busy { .. } => {
                let cure = "wait until some have ended, or raise logic.observe.pending_limit";
                Self::new(Code::TooBusy, detail, cure)
            }
            dispatch::Error::Ending => {
                Self::new(Code::Ending, detail, "try again when it runs again")
            }
        }
    }
}

const NOTHING_SELECTED: &str =
    "see which targets and labels there are: `utakata get targets` (GET /v1/targets)";
const ELSEWHERE: &str = "nothing was done: try again in some seconds, when its keeper is known";
const WAITS: &str = "ask again when the store answers: `utakata status` says what is wrong with it";
const WAIT: &str = "give a shorter wait, and look at the operation for the rest: `utakata operation show ID` \
                    (GET /v1/operations/{id})";

impl From<observe::Error> for Refused {
    fn from(error: observe::Error) -> Self {
        let detail = error.to_string();
        match error {
            observe::Error::SelectsNothing { .. } => {
                Self::new(Code::SelectsNothing, detail, NOTHING_SELECTED)
            }
            observe::Error::Impossible { problems } => {
                let cure = "what each kind can do, and where it is served: `utakata get kinds` (GET \
                            /v1/kinds), `utakata environment list`";
                Self::new(Code::CannotBeDone, detail, cure).with(problems)
            }
            observe::Error::Wait => Self::new(Code::WaitTooLong, detail, WAIT),
            observe::Error::Dispatch(error) => Self::from(error),
        }
    }
}
