//! `notification`: datagrams that devices sent unasked, understood and answered. No device is
//! reached for it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Value as Json, json};
use utakata_worker_sdk::{Answer, Failure, Task};

use super::{SnmpWorker, raw::wrong};
use crate::{
    credential::{self, Credential},
    notification::{Engine, Opened, User, open},
};

impl SnmpWorker {
    /// Opens `datagrams` for a `receiver`, with the task's credential. The result has an entry for
    /// each: its `event`, the `reply` that it awaits, or a `problem`.
    pub(super) async fn notifications(&self, task: &Task) -> Result<Answer, Failure> {
        let parameters = &task.parameters;
        let receiver = parameters.get("receiver").and_then(Json::as_str);
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = seconds.unwrap_or_default().as_secs();
        let engine = Engine::of(receiver.unwrap_or_default(), seconds);
        let user = self.receiving_user(task).await.map_err(wrong)?;
        let given = parameters.get("datagrams").and_then(Json::as_array);
        let results = given.into_iter().flatten().map(|datagram| {
            let opened =
                bytes(datagram).and_then(|bytes| open(&bytes, user.as_ref(), &engine, &self.names));
            told(opened)
        });
        Ok(Answer {
            result: Some(results.collect()),
            ..Answer::default()
        })
    }

    /// Returns the user of the credential; none if it is a community.
    async fn receiving_user(&self, task: &Task) -> Result<Option<User>, String> {
        let credential = credential::parse(&task.credential).map_err(|error| error.to_string())?;
        let Credential::User(user) = credential else {
            return Ok(None);
        };
        let secrets = self.pool.receiving(&user).await;
        let (secrets, salts) = secrets.map_err(|error| error.to_string())?;
        Ok(Some(User { secrets, salts }))
    }
}

fn bytes(datagram: &Json) -> Result<Bytes, String> {
    let text = datagram.as_str().unwrap_or_default();
    let bytes = BASE64_STANDARD.decode(text);
    bytes.map(Bytes::from).map_err(|error| error.to_string())
}

fn told(opened: Result<Opened, String>) -> Json {
    let encoded = |reply: &[u8]| BASE64_STANDARD.encode(reply);
    match opened {
        Err(problem) => json!({ "problem": problem }),
        Ok(Opened::Question { reply }) => json!({ "reply": encoded(&reply) }),
        Ok(Opened::Sealed { sender, problem }) => {
            json!({ "problem": problem, "is_sealed": true, "sender": encoded(&sender) })
        }
        Ok(Opened::Event { event, reply }) => json!({
            "reply": reply.map(|reply| encoded(&reply)),
            "event": {
                "name": event.name,
                "key": event.key,
                "values": event.values,
                "agent": event.agent,
                "proven": event.proven,
                "number": event.number,
            },
        }),
    }
}
