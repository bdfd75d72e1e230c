//! Access rights of clients: whoever came in may subscribe below `utakata/v1/`, and nobody may publish.

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
    door::Entrance,
    pump::{self, Commands},
};

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
            if !may_subscribe(filter) {
                return false;
            }
            // The library asks before it looks for retained messages: now is the time to provide
            // them.
            pump::listen(&self.commands, filter.into()).await;
            true
        })
    }
}

fn may_subscribe(filter: &str) -> bool {
    filter.starts_with(topic::ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_our_root_can_be_subscribed_to() {
        for (filter, expect) in [
            ("utakata/v1/reading/#", true),
            ("utakata/v1/#", true),
            ("utakata/v1/+/pdu-a1/read", true),
            ("#", false),
            ("+/v1/reading/#", false),
            ("utakata/#", false),
            ("$SYS/#", false),
            ("utakata/v2/#", false),
        ] {
            assert_eq!(may_subscribe(filter), expect, "{filter}");
        }
    }
}
