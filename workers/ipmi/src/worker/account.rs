//! The password of a user of the BMC (IPMI 2.0, 22.27 to 22.30).

use serde_json::{Value as Json, json};
use utakata_worker_sdk::{Answer, Failure, Proof, Reply};

use super::{Conversation, problem};
use crate::{
    lan::Request,
    session::{Error, Session},
};

/// The name of the action.
pub const SET_PASSWORD: &str = "set-password";
/// The network function of applications, and its commands for users.
const APP: u8 = 6;
const GET_USER_ACCESS: u8 = 0x44;
const GET_USER_NAME: u8 = 0x46;
const SET_USER_PASSWORD: u8 = 0x47;
/// The channel of this session.
const THIS_CHANNEL: u8 = 0x0e;
/// The operation of [`SET_USER_PASSWORD`] that sets one.
const SET: u8 = 2;
/// The bytes of a password, in the two forms that there are; the longer one is of IPMI 2.0.
const SHORT: usize = 16;
const LONG: usize = 20;
/// The mark of the longer form.
const IS_LONG: u8 = 0x80;

impl Conversation<'_> {
    /// Gives a user another password: the one who is logged in, unless another is named.
    pub async fn set_password(&mut self) -> Result<Answer, Failure> {
        let given = |key: &str| self.task.parameters.get(key).and_then(Json::as_str);
        let named = given("user").map(|user| user.as_bytes().to_vec());
        let user = named.unwrap_or_else(|| self.key.credential.user.clone());
        let shown = String::from_utf8_lossy(&user).into_owned();
        let password = given("password").unwrap_or_default().as_bytes().to_vec();
        if password.is_empty() || password.len() > LONG || password.contains(&0) {
            let why = format!("a password of a BMC has 1 to {LONG} bytes: nothing was sent");
            return Err(self.refused(&why));
        }
        let found = find(&mut self.session, &user).await;
        let id = found.map_err(|error| self.failed(&error))?;
        let id = id.ok_or_else(|| {
            self.refused(&format!("it has no user \"{shown}\": nothing was sent"))
        })?;
        // Nothing of the request is told: it has the password in it.
        let told = format!("to give the user \"{shown}\" ({id}) another password");
        match self.session.change(&request(id, &password)).await {
            Ok(_) => Ok(Answer {
                result: Some(json!({ "user": shown, "id": id })),
                ..Answer::default()
            }),
            Err(error) if error.is_certain() => {
                let problem = problem::of(self.task, self.address, &error);
                Err(Reply::Refused.proof().failure(problem))
            }
            Err(error) => {
                let problem = problem::doubtful(self.task, &told, &error.to_string());
                Err(Proof::Nothing.failure(problem))
            }
        }
    }
}

/// Returns the number of a user.
async fn find(session: &mut Session, user: &[u8]) -> Result<Option<u8>, Error> {
    let access = session
        .ask(&Request::new(APP, GET_USER_ACCESS, [THIS_CHANNEL, 1]))
        .await?;
    let max = access.first().map_or(0, |max| max & 0x3f);
    for id in 1..=max {
        let name = session.ask(&Request::new(APP, GET_USER_NAME, [id])).await;
        match name {
            Ok(name) if is_name(&name, user) => return Ok(Some(id)),
            // A place for a user that does not exist.
            Ok(_) | Err(Error::Code { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Returns true if the bytes are the name of the user, which zeros follow.
fn is_name(bytes: &[u8], user: &[u8]) -> bool {
    let end = bytes.iter().position(|byte| *byte == 0);
    let name = end.map_or(bytes, |end| &bytes[..end]);
    !user.is_empty() && name == user
}

fn request(id: u8, password: &[u8]) -> Request {
    let (mark, length) = match password.len() {
        0..=SHORT => (0, SHORT),
        _ => (IS_LONG, LONG),
    };
    let mut data = vec![mark | id, SET];
    data.extend_from_slice(password);
    data.resize(2 + length, 0);
    Request::new(APP, SET_USER_PASSWORD, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_sent_in_the_shortest_form_that_takes_it() {
        let short = request(3, b"0123456789abcdef");
        assert_eq!(short.data.len(), 18);
        assert_eq!(short.data[..2], [3, SET]);
        let long = request(3, b"0123456789abcdefg");
        assert_eq!(long.data.len(), 22);
        assert_eq!(long.data[..2], [0x83, SET]);
        assert!(long.data.ends_with(b"g\0\0\0"));
        assert!(is_name(b"admin\0\0\0", b"admin") && is_name(b"admin", b"admin"));
        assert!(!is_name(b"administrator\0", b"admin") && !is_name(b"\0\0", b""));
    }
}
