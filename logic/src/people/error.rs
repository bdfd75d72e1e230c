//! The reasons why people are unchanged.

use std::time::Duration;

use utakata_model::{PersonName, Role, TokenName, duration};
use utakata_openid::BadName;

use crate::store;

/// A reason why people are unchanged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token of `admin` is the one in the file.
    #[error(
        "\"{}\" is built in: its token is the one in the server's token file, and it may do everything",
        PersonName::admin()
    )]
    Admin,
    /// There is nothing of that name.
    #[error("there is no {what} \"{name}\"")]
    None {
        what: &'static str,
        name: String,
        hint: String,
    },
    /// There is a person of the name of a service, or the other way round.
    #[error("{name} is a person, and cannot become a service")]
    OtherSort { name: PersonName },
    /// The name of somebody who logs in is another's here.
    #[error(
        "you are \"{name}\" at {issuer}, and {name} is somebody else here: your subject there is \
         {subject}"
    )]
    Taken {
        name: PersonName,
        issuer: String,
        subject: String,
    },
    /// The provider's name for somebody is no name here.
    #[error("you have no name here: {0}")]
    Name(#[from] BadName),
    /// Somebody at the provider is a person here already.
    #[error("{subject} at the identity provider is {name} here")]
    Linked { name: PersonName, subject: String },
    /// Somebody would give rights to themselves.
    #[error("{name} cannot change the roles of {name}")]
    Own { name: PersonName },
    /// Somebody would give more than they have.
    #[error("the role {role} can be given only by somebody who has all of its rights")]
    TooMuch { role: Role },
    /// Somebody would confirm what they could have made themselves.
    #[error(
        "the token of {owner} could be in the hands of {by}, who cannot confirm that it is not"
    )]
    OwnToken { owner: PersonName, by: PersonName },
    #[error("a token is accepted for a time of at most {}", duration::format(*max))]
    Lasts { max: Duration },
    /// The operating system has no random numbers.
    #[error("the system provides no random numbers: {reason}")]
    Random { reason: String },
    #[error(transparent)]
    Store(#[from] store::Error),
}

pub(super) fn refuse_admin(name: &PersonName) -> Result<(), Error> {
    if *name == PersonName::admin() {
        return Err(Error::Admin);
    }
    Ok(())
}

pub(super) fn name_of_token(word: &str) -> Result<TokenName, Error> {
    TokenName::new(word).map_err(|error| Error::None {
        what: "token",
        name: word.into(),
        hint: error.to_string(),
    })
}
