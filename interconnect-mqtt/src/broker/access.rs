//! Access rights of clients: whoever came in may subscribe below `utakata/v1/`, or to readings alone,
//! and nobody may publish.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use mqtt5::{
    broker::{AuthProvider, AuthResult},
    packet::connect::ConnectPacket,
    types::ReasonCode,
};
use utakata_interconnect::{admission::Slot, topic};

use super::{
    door::{Entrance, Follows},
    pump::{self, Commands},
};

/// The beginning of the topics of readings, below the root.
const READINGS: &str = "reading/";

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The rights of one client.
pub(super) struct Access {
    commands: Commands,
    place: Arc<Slot<IpAddr>>,
    entrance: Arc<Entrance>,
}

impl Access {
    pub(super) fn new(
        commands: Commands,
        place: Arc<Slot<IpAddr>>,
        entrance: Arc<Entrance>,
    ) -> Self {
        Self {
            commands,
            place,
            entrance,
        }
    }
}

impl AuthProvider for Access {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        client: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        Box::pin(async move {
            let password = connect.password.as_deref();
            if !self.entrance.admits(password, client.ip()).await {
                return Ok(AuthResult::fail(ReasonCode::BadUsernameOrPassword));
            }
            // A client that has said this much no longer makes room for silent ones.
            self.place.keep();
            Ok(AuthResult::success())
        })
    }

    fn authorize_publish<'a>(
        &'a self,
        _client: &str,
        _user: Option<&'a str>,
        _topic: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(async { false })
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client: &str,
        _user: Option<&'a str>,
        filter: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let filter = mqtt5::strip_shared_subscription_prefix(filter);
            let follows = self.entrance.follows();
            if !follows.is_some_and(|follows| may_subscribe(follows, filter)) {
                return false;
            }
            // The library asks before it looks for retained messages: now is the time to provide
            // them.
            pump::listen(&self.commands, filter.into()).await;
            true
        })
    }
}

fn may_subscribe(follows: Follows, filter: &str) -> bool {
    let below = filter.strip_prefix(topic::ROOT);
    below.is_some_and(|below| match follows {
        Follows::Everything => true,
        // A filter that matches more begins with a wildcard.
        Follows::Readings => below.starts_with(READINGS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_our_root_can_be_subscribed_to() {
        for (filter, expect, of_readings) in [
            ("utakata/v1/reading/#", true, true),
            ("utakata/v1/reading/+/read", true, true),
            ("utakata/v1/#", true, false),
            ("utakata/v1/+/pdu-a1/read", true, false),
            ("utakata/v1/environment/#", true, false),
            ("utakata/v1/readings/#", true, false),
            ("utakata/v1/reading", true, false),
            ("#", false, false),
            ("+/v1/reading/#", false, false),
            ("utakata/#", false, false),
            ("$SYS/#", false, false),
            ("utakata/v2/#", false, false),
        ] {
            let found = may_subscribe(Follows::Everything, filter);
            assert_eq!(found, expect, "{filter}");
            let found = may_subscribe(Follows::Readings, filter);
            assert_eq!(found, of_readings, "{filter}");
        }
    }
}
