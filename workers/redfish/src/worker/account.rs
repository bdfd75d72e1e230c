//! The password of a user of the service: the account is found by its name, and the password goes
//! nowhere but to it.

use serde_json::{Value as Json, json};
use utakata_worker_http::Method;
use utakata_worker_sdk::{Answer, Failure, model::secret::MASK};

use super::{Conversation, control::Order};
use crate::{
    client::{Error, Fetched},
    document::{self, property},
};

/// The name of the action.
pub const SET_PASSWORD: &str = "set-password";
/// The largest number of pages of the accounts, and of accounts: most services have some 16 places.
const PAGES_MAX: usize = 8;
const ACCOUNTS_MAX: usize = 64;

impl Conversation<'_> {
    /// Gives a user another password: the one who is logged in, unless another is named.
    pub async fn set_password(&mut self) -> Result<Answer, Failure> {
        let given = |key: &str| self.task.parameters.get(key).and_then(Json::as_str);
        let own = self.task.credential.get("user").map(|user| user.reveal());
        let user = given("user").or(own).map(str::to_owned);
        let (Some(user), Some(password)) = (user, given("password").map(str::to_owned)) else {
            let why = "nobody logs in, and no user is named: nothing was sent";
            return Err(self.refused(why));
        };
        self.learn().await.map_err(|error| self.failed(&error))?;
        let (path, fetched) = self.account(&user).await?;
        let order = Order {
            method: Method::PATCH,
            path: path.clone(),
            body: json!({ "Password": password }),
            told: json!({ "Password": MASK }),
        };
        let response = self.patch(&order, &fetched).await;
        let result = json!({ "user": user, "resource": path });
        let answer = self.judge(&order, result, response).await?;
        // A session that the earlier password has opened is one of few, and of no more use.
        self.service.client.log_out().await;
        Ok(answer)
    }

    /// The account of a user, as it is now.
    async fn account(&mut self, user: &str) -> Result<(String, Fetched), Failure> {
        let found = self.look_for(user).await;
        let found = found.map_err(|error| self.failed(&error))?;
        found.ok_or_else(|| {
            self.refused(&format!(
                "it shows no account of the user \"{user}\": nothing was sent"
            ))
        })
    }

    async fn look_for(&mut self, user: &str) -> Result<Option<(String, Fetched)>, Error> {
        let learned = self.service.learned.as_ref();
        let service = learned.and_then(|learned| property(&learned.root, "AccountService"));
        let Some(service) = service else {
            return Ok(None);
        };
        let client = &mut self.service.client;
        let service = client.get(&service).await?.document;
        let mut page = property(&service, "Accounts");
        let mut looked = 0;
        for _ in 0..PAGES_MAX {
            let Some(path) = page.take() else { break };
            let collection = client.get(&path).await?.document;
            let members = document::members(&collection);
            page = members.next;
            for (path, _) in members.all {
                looked += 1;
                if looked > ACCOUNTS_MAX {
                    return Ok(None);
                }
                let fetched = match client.get(&path).await {
                    Ok(fetched) => fetched,
                    // A place for an account that does not exist.
                    Err(Error::Refused { .. }) => continue,
                    Err(error) => return Err(error),
                };
                if fetched.document.get("UserName").and_then(Json::as_str) == Some(user) {
                    return Ok(Some((path, fetched)));
                }
            }
        }
        Ok(None)
    }
}
