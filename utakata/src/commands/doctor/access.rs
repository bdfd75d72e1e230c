//! The chapter of access: people, services, tokens, wrong tokens, and the way there.

use std::time::Duration;

use jiff::Timestamp;
use utakata_api::{
    Client,
    client::{Error, server_now},
    person::{PersonView, WrongTokens},
    status::Status,
};
use utakata_model::{Binding, PersonName, Role, connection::ConnectionStatus};

use super::Finding;
use crate::{commands::Context, output::words};

/// The time before the end of a token from which it is worth a word.
const SOON: Duration = Duration::from_secs(14 * 86_400);
/// The time after which a token that nobody has used is worth a word.
const UNUSED: Duration = Duration::from_secs(90 * 86_400);
/// The number of names in a line.
const NAMED: usize = 5;

/// Looks at who can get in, as far as the caller may see it.
pub async fn look(context: &Context<'_>, status: &Status) -> Vec<Finding> {
    let mut found = vec![wrong_tokens(&status.wrong_tokens)];
    let Ok(client) = context.client() else {
        return found;
    };
    found.extend(transport(&client));
    found.extend(status.connections.iter().filter_map(broker));
    match client.people().await {
        Ok(people) => {
            found.extend(findings(&people, server_now()));
            found.extend(client.bindings().await.ok().and_then(|all| groups(&all)));
        }
        Err(Error::Refused(problem)) if problem.code == "forbidden" => found.push(Finding::right(
            "who can get in",
            "shown to those who may change people",
        )),
        Err(error) => {
            let cure = "see the log of `utakata up`";
            found.push(Finding::wrong("who can get in", error.to_string(), cure));
        }
    }
    found
}

/// Returns true if what follows the scheme of a URL is this machine.
fn is_here(rest: &str) -> bool {
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|here| rest.starts_with(here))
}

/// Returns a finding about a broker that the server reaches in plain.
fn broker(connection: &ConnectionStatus) -> Option<Finding> {
    let to = &connection.to;
    let plain = ["amqp://", "mqtt://"].into_iter();
    let rest = plain.filter_map(|scheme| to.strip_prefix(scheme)).next()?;
    let table = if to.starts_with("amqp") {
        "amqp"
    } else {
        "mqtt"
    };
    (!is_here(rest)).then(|| {
        Finding::doubtful(
            "transport",
            format!("{to} is reached without TLS: whoever listens on the way reads its password"),
            format!(
                "write {table}s:// in interconnect.{table}.url: docs/guide/large-sites.md; leave it \
                 where nobody else is on that network"
            ),
        )
    })
}

fn transport(client: &Client) -> Option<Finding> {
    let url = client.url();
    let rest = url.strip_prefix("http://")?;
    (!is_here(rest)).then(|| {
        Finding::doubtful(
            "transport",
            format!("{url} is reached without TLS: whoever listens on the way reads the tokens"),
            "set logic.http.tls, or put a proxy in front: docs/guide/trust.md",
        )
    })
}

fn wrong_tokens(wrong: &WrongTokens) -> Finding {
    const CHECK: &str = "wrong tokens";
    let Some(last) = wrong.last else {
        return Finding::right(CHECK, "none since the start");
    };
    let from = wrong
        .from
        .map_or_else(String::new, |from| format!(" from {from}"));
    let seen = format!(
        "{} since the start, the last {}{from}",
        wrong.count,
        words::ago(last)
    );
    Finding::doubtful(
        CHECK,
        seen,
        "see who that is: the log has a line for each address",
    )
}

fn findings(people: &[PersonView], now: Timestamp) -> Vec<Finding> {
    let admin = PersonName::admin();
    let others = people.iter().filter(|one| one.name != admin);
    let services = others.clone().filter(|one| one.service).count();
    let persons = others.clone().count() - services;
    let seen = format!("admin, by the file of the server; people: {persons}; services: {services}");
    let mut found = vec![Finding::right("who can get in", seen)];
    let is_admin = |one: &&PersonView| one.roles.iter().any(|role| role.grant.role == Role::Admin);
    let may_all = others.clone().filter(is_admin);
    found.extend(named(may_all).map(|names| {
        Finding::doubtful(
            "may do everything",
            names,
            "give them what they need (`utakata role give NAME ROLE`), and take this away \
             (`utakata role given`, `utakata role take NAME`); after an upgrade everybody has it",
        )
    }));
    // Who logs in may have roles by their groups.
    let without = others.filter(|one| one.roles.is_empty() && one.link.is_none());
    found.extend(named(without).map(|names| {
        let cure = "`utakata role give NAME ROLE`, or `utakata person remove NAME`";
        Finding::doubtful("no role", format!("{names}: they may do nothing"), cure)
    }));
    let is_past =
        |at: Timestamp, length: Duration| at.checked_add(length).is_ok_and(|until| until <= now);
    let tokens = people.iter().flat_map(|one| &one.tokens);
    // Those of logins are made, end and are forgotten by themselves.
    for token in tokens.filter(|token| !token.login) {
        let check = format!("token {} of {}", token.name, token.owner);
        let cure = format!(
            "`utakata token add {} {} --for 90d`",
            token.owner, token.name
        );
        match token.ends {
            Some(ends) if ends <= now => {
                let seen = format!("it has ended {}", words::ago(ends));
                found.push(Finding::doubtful(
                    &check,
                    seen,
                    format!("{cure}, or revoke it"),
                ));
                continue;
            }
            Some(ends) if now.checked_add(SOON).is_ok_and(|soon| ends <= soon) => {
                found.push(Finding::doubtful(
                    &check,
                    format!("it ends on {ends}"),
                    cure,
                ));
                continue;
            }
            _ => {}
        }
        if is_past(token.used.unwrap_or(token.made), UNUSED) {
            let cure = format!("`utakata token revoke {} {}`", token.owner, token.name);
            found.push(Finding::doubtful(
                &check,
                "nobody has used it for 90 days",
                cure,
            ));
        }
    }
    found
}

/// Returns a finding about groups of the identity provider whose members may do everything.
fn groups(bindings: &[Binding]) -> Option<Finding> {
    let all = bindings.iter().filter(|one| one.grant.role == Role::Admin);
    let groups = all.filter(|one| one.grant.who.principal().is_none());
    let names: Vec<String> = groups.map(|one| one.grant.who.to_string()).collect();
    (!names.is_empty()).then(|| {
        Finding::doubtful(
            "may do everything as a member",
            names.join(", "),
            "whoever takes care of these groups at the identity provider may do everything, too: \
             give them what they need (`utakata role given`, `utakata role take NAME`)",
        )
    })
}

/// Returns the names, if there are any.
fn named<'p>(people: impl Iterator<Item = &'p PersonView>) -> Option<String> {
    let names: Vec<&str> = people.map(|one| one.name.as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    let shown = names
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match (names.is_empty(), more) {
        (true, _) => None,
        (_, 0) => Some(shown),
        (_, more) => Some(format!("{shown} and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn a_broker_in_plain_is_told_with_what_to_do() {
        for (to, expect) in [
            (
                "amqp://rabbitmq:5672/utakata",
                Some("interconnect.amqp.url"),
            ),
            ("mqtt://192.0.2.1:1883", Some("interconnect.mqtt.url")),
            ("amqps://rabbitmq:5671/utakata", None),
            ("mqtt://127.0.0.1:1883", None),
            ("amqp://[::1]:5672/%2F", None),
            ("hub", None),
        ] {
            let connection = serde_json::from_value(json!({
                "name": "tasks", "to": to, "since": Timestamp::UNIX_EPOCH, "lost": 0, "waiting": 0,
                "dropped": 0,
            }));
            let found = broker(&connection.unwrap());
            let cure = found.map(|found| format!("{:?}", found.cure));
            match (cure, expect) {
                (None, None) => {}
                (Some(cure), Some(key)) => assert!(cure.contains(key), "{cure}"),
                (found, _) => panic!("{to}: {found:?}"),
            }
        }
    }

    #[test]
    fn what_somebody_should_know_of_tokens_and_roles_is_said() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365);
        let days = |days: i64| now + SignedDuration::from_hours(24 * days);
        let token = |name: &str, ends: Option<i64>, used: i64| {
            json!({
                "owner": "ana", "name": name, "made": days(-200), "by": "admin",
                "ends": ends.map(days), "used": days(used),
            })
        };
        let mut login = token("cli-1", Some(0), -1);
        login["login"] = json!(true);
        let ana = json!({
            "name": "ana", "made": days(-200), "by": "admin",
            "roles": [{ "name": "ana-admin", "who": "ana", "role": "admin", "made": days(-200), "by": "admin" }],
            "tokens": [
                token("fine", Some(30), -1), token("over", Some(-1), -2),
                token("soon", Some(3), -1), token("idle", None, -91), login,
            ],
        });
        let bo = json!({ "name": "bo", "made": days(-1), "by": "admin", "service": true });
        let link = json!({ "issuer": "https://id.example", "subject": "7", "by": "zoe" });
        let zoe = json!({ "name": "zoe", "made": days(-1), "by": "zoe", "link": link });
        let people: Vec<PersonView> =
            serde_json::from_value(json!([{ "name": "admin" }, ana, bo, zoe])).unwrap();
        let found = findings(&people, now);
        let told: Vec<(&str, bool)> = found
            .iter()
            .map(|one| (one.check.as_str(), one.result == Verdict::Right))
            .collect();
        assert_eq!(
            told,
            [
                ("who can get in", true),
                ("may do everything", false),
                ("no role", false),
                ("token over of ana", false),
                ("token soon of ana", false),
                ("token idle of ana", false),
            ]
        );
        assert!(found[0].seen.contains("people: 2; services: 1"));
        let bound = |who: &str, role: &str| json!({ "name": "b", "who": who, "role": role, "made": now, "by": "admin" });
        let bindings = json!([
            bound("group:a", "admin"),
            bound("group:b", "viewer"),
            bound("ana", "admin")
        ]);
        let bindings: Vec<Binding> = serde_json::from_value(bindings).unwrap();
        assert_eq!(groups(&bindings).unwrap().seen, "group:a");
        assert!(groups(&bindings[1..]).is_none());
    }
}
