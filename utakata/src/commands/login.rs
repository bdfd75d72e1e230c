//! `utakata login`, `utakata logout`: a token by the identity provider, for one server.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde::Serialize;
use utakata_api::{
    Client,
    client::Error,
    login::{DeviceLogin, NewLogin},
};
use utakata_model::{GroupName, PersonName};

use super::Context;
use crate::{
    connection::{self, Server},
    exit::{Exit, Usage},
    logins::{Login, Logins},
    output::{Format, tell_lines},
};

/// The amount by which a pause grows that was too short (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest pause while nobody answers.
const MAX_PAUSE: Duration = Duration::from_secs(60);

pub const HELP: &str = "\
You agree in a browser, on any device. Commands of this user are then yours at this server, for eight
hours or until `utakata logout`. --token-file and UTAKATA_TOKEN still come first.

Example: utakata --url https://utakata.example login";

pub const LOGOUT_HELP: &str = "Example: utakata --url https://utakata.example logout";

/// A login, without its token.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    url: &'a str,
    name: &'a PersonName,
    ends: Timestamp,
    groups: &'a [GroupName],
}

pub async fn run(context: &Context<'_>) -> Result<Exit> {
    let server = connection::server(context.global, context.purpose)?;
    let logins = logins()?;
    let client = Client::stranger(&server.url, &server.trust)?;
    let device = client.begin_login().await?;
    show(&device);
    let new = wait_for(&client, &device).await?;
    end_previous(&logins, &server).await;
    logins.keep(&Login {
        url: server.url.clone(),
        name: new.name.clone(),
        token: new.token.clone(),
        ends: new.ends,
    })?;
    tell(&new, &server, context)?;
    Ok(Exit::Done)
}

pub async fn run_logout(context: &Context<'_>) -> Result<Exit> {
    let server = connection::server(context.global, context.purpose)?;
    let logins = logins()?;
    let url = &server.url;
    let Some(login) = logins.find(url) else {
        bail!(Usage(format!("you are not logged in at {url}")));
    };
    // Whatever the server says, this user is somebody no more.
    logins.forget(url)?;
    let client = Client::trusting(url, login.token.reveal(), &server.trust)?;
    match client.end_login().await {
        Ok(()) => {}
        // It has ended already.
        Err(error) if error.code() == Some("unauthorized") => {}
        Err(error) => {
            let ends = login.ends;
            return Err(error).with_context(|| {
                format!(
                    "the token is removed here; at {url} it ends by itself on {ends}, unless \
                     somebody revokes it (`utakata token list`)"
                )
            });
        }
    }
    tell!("{} is logged out at {url}", login.name);
    Ok(Exit::Done)
}

fn logins() -> Result<Logins> {
    Logins::of_user().context("there is no home directory for the login: set HOME")
}

fn show(device: &DeviceLogin) {
    let DeviceLogin {
        user_code,
        verification_uri,
        verification_uri_complete: complete,
        ..
    } = device;
    let with_code = complete.as_ref().map_or_else(String::new, |complete| {
        format!("\n\nor, with the code in it:\n\n  {complete}")
    });
    tell_lines(&format!(
        "to log in, open this in a browser, on any device, and agree to this code:\n\n  \
         {verification_uri}\n  {user_code}{with_code}\n"
    ));
}

/// Asks until somebody has agreed, no more often than the provider allows.
async fn wait_for(client: &Client, device: &DeviceLogin) -> Result<NewLogin> {
    let mut pause = Duration::from_secs(device.interval.max(1));
    loop {
        tokio::time::sleep(pause).await;
        match client.ask_login(&device.code).await {
            Ok(answer) => {
                if let Some(login) = answer.login {
                    return Ok(login);
                }
                if answer.slow_down {
                    pause += SLOWER;
                }
            }
            Err(error) if is_passing(&error) && Timestamp::now() < device.ends => {
                pause = (pause * 2).min(MAX_PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns true for an error that has nothing to do with this login.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::Silent { .. } => true,
        Error::Refused(problem) => problem.status == 503 || problem.status == 504,
        _ => false,
    }
}

/// Ends the login that this one replaces; it would end by itself.
async fn end_previous(logins: &Logins, server: &Server) {
    let Some(login) = logins.find(&server.url) else {
        return;
    };
    let token = login.token.reveal();
    if let Ok(client) = Client::trusting(&server.url, token, &server.trust) {
        let _ = client.end_login().await;
    }
}

fn tell(new: &NewLogin, server: &Server, context: &Context<'_>) -> Result<()> {
    let shown = Shown {
        url: &server.url,
        name: &new.name,
        ends: new.ends,
        groups: &new.groups,
    };
    if context.output.format != Format::Table {
        return context.output.one(&shown, String::new);
    }
    let groups: Vec<&str> = new.groups.iter().map(GroupName::as_str).collect();
    let groups = match groups.is_empty() {
        true => "in no group".to_owned(),
        false => format!("in the groups {}", groups.join(", ")),
    };
    tell!(
        "you are {} at {} until {}, {groups}",
        new.name,
        server.url,
        new.ends
    );
    tell!("`utakata role mine` shows what you may do");
    Ok(())
}

#[cfg(test)]
mod tests {
    use utakata_api::Problem;

    use super::*;

    #[test]
    fn a_server_that_is_away_is_waited_for_and_a_refusal_is_not() {
        let refused = |status: u16, code: &str| {
            let problem = serde_json::json!({
                "type": "", "title": "", "status": status, "code": code, "detail": "", "cure": "",
            });
            let problem: Problem = serde_json::from_value(problem).unwrap();
            Error::Refused(Box::new(problem))
        };
        assert!(is_passing(&refused(503, "login-away")));
        assert!(is_passing(&refused(503, "ledger-elsewhere")));
        assert!(!is_passing(&refused(403, "login-refused")));
        assert!(!is_passing(&refused(410, "login-expired")));
        assert!(!is_passing(&refused(502, "login-unfit")));
    }
}
