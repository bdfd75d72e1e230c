//! Problems of the broker, in words for people: the event, the place, the cure.

use lapin::{Error, ErrorKind, protocol::AMQPError};

use super::config::Url;

/// Describes an error. `doing` is what was attempted, as in "to publish control tasks"; empty while
/// connecting.
pub(super) fn words(error: &Error, url: &Url, doing: Option<&str>) -> String {
    let said = match error.kind() {
        ErrorKind::ProtocolError(error) => return protocol(error, url, doing),
        ErrorKind::IOError(error) => io(&error.to_string(), url),
        ErrorKind::MissingHeartbeatError => "it has said nothing for too long".to_owned(),
        ErrorKind::InvalidProtocolVersion(_) => {
            "it speaks no AMQP 0-9-1: is this the port of RabbitMQ's AMQP?".to_owned()
        }
        _ => error.to_string(),
    };
    format!("the broker {} cannot be used: {said}", url.place())
}

/// Returns true if the broker reports that there is no such thing.
pub(super) fn is_not_found(error: &Error) -> bool {
    code(error) == Some(404)
}

/// Returns true if the broker reports that the thing exists already with other properties.
pub(super) fn is_other(error: &Error) -> bool {
    code(error) == Some(406)
}

fn code(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

fn protocol(error: &AMQPError, url: &Url, doing: Option<&str>) -> String {
    let (user, vhost, place) = (url.user(), url.vhost(), url.place());
    let said = error.get_message().as_str();
    match (error.get_id(), doing) {
        (403, None) if said.contains("vhost") || said.contains("access to") => format!(
            "the user {user} may not use the vhost {vhost} of the broker {place}: \
             `rabbitmqctl set_permissions -p {vhost} {user} '^utakata' '^utakata' '^utakata'` \
             lets it"
        ),
        (403, None) => format!(
            "the broker {place} refuses the user {user}: is the password right, and may it come \
             from here?"
        ),
        (403, Some(doing)) => format!(
            "the user {user} has no right {doing} at the broker {place}: {said}; \
             `rabbitmqctl set_permissions -p {vhost} {user} CONFIGURE WRITE READ` gives rights"
        ),
        (402 | 530 | 404, None) => format!(
            "the broker {place} has no vhost {vhost}, or {user} may not use it: {said}; \
             `rabbitmqctl add_vhost {vhost}` makes it"
        ),
        (320, _) => format!("the broker {place} has ended the connection: {said}"),
        (_, None) => format!("the broker {place} refuses: {said}"),
        (_, Some(doing)) => format!("the broker {place} refuses {doing}: {said}"),
    }
}

fn io(said: &str, url: &Url) -> String {
    let lower = said.to_lowercase();
    if lower.contains("certificate") || lower.contains("unknownissuer") {
        return format!(
            "its certificate, or ours, is not good: {said}; see `ca`, `certificate` and `key`"
        );
    }
    if url.is_encrypted() && (lower.contains("corrupt") || lower.contains("eof")) {
        return format!("it does not speak TLS on this port: {said}; `amqp://` is without TLS");
    }
    said.to_owned()
}
