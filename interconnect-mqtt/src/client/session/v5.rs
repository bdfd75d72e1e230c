//! A session of MQTT 5.

use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, ClientError, ConnectionError, Event, EventLoop, MqttOptions, StateError,
        mqttbytes::{
            Error as FormError, QoS,
            v5::{
                ConnectProperties, ConnectReturnCode, DisconnectReasonCode,
                Filter as LibraryFilter, LastWill, Packet, PubAckReason, Publish,
                RetainForwardRule, SubscribeReasonCode,
            },
        },
    },
};

use super::{
    super::{client_name::ClientName, config::Config, filters::Filter, problem::Problem},
    CONNECT_SECONDS, IN_FLIGHT, KEEP_ALIVE, MAX_MESSAGE, MAX_UNACKNOWLEDGED, MAY_NOT_BE_READ,
    Message, NAME_REFUSED, NOT_LET_IN, Notice, REQUESTS, Received, Request, SESSION_SECONDS,
    transport,
};

pub(in super::super) struct Session {
    pub(super) client: AsyncClient,
    events: EventLoop,
}

impl Session {
    pub(super) async fn connect(
        config: &Config,
        name: &ClientName,
        will: Option<Message>,
    ) -> Result<Self, Problem> {
        let options = options(config, name, will)?;
        let (client, mut events) = AsyncClient::new(options, REQUESTS);
        // The first event is that there is a connection.
        let connected = events.poll().await;
        connected.map_err(|error| connect_problem(&error))?;
        Ok(Self { client, events })
    }

    pub(super) async fn poll(&mut self) -> Result<Notice, Problem> {
        let event = self.events.poll().await;
        Ok(seen(event.map_err(|error| problem(&error))?))
    }
}

fn options(
    config: &Config,
    name: &ClientName,
    will: Option<Message>,
) -> Result<MqttOptions, Problem> {
    let url = &config.url;
    let mut options = MqttOptions::new(name.text(), &url.host, url.port);
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = Some(SESSION_SECONDS);
    properties.receive_maximum = Some(MAX_UNACKNOWLEDGED);
    properties.max_packet_size = u32::try_from(MAX_MESSAGE).ok();
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_start(false)
        .set_manual_acks(true)
        .set_connect_properties(properties)
        .set_network_options(network)
        .set_outgoing_inflight_upper_limit(IN_FLIGHT)
        .set_connection_timeout(CONNECT_SECONDS);
    if let Some((user, password)) = &url.login {
        options.set_credentials(user, password);
    }
    if let Some(transport) = transport(config)? {
        options.set_transport(transport);
    }
    if let Some(will) = will {
        let (payload, retain) = (will.payload, will.is_retained);
        let will = LastWill::new(will.topic, payload, QoS::AtLeastOnce, retain, None);
        options.set_last_will(will);
    }
    Ok(options)
}

fn seen(event: Event) -> Notice {
    match event {
        Event::Outgoing(Outgoing::Publish(number)) if number != 0 => Notice::Sent(number),
        Event::Outgoing(Outgoing::Subscribe(number) | Outgoing::Unsubscribe(number)) => {
            Notice::Requested(number)
        }
        Event::Incoming(Packet::PubAck(ack)) => {
            let answer = match ack.reason {
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
                PubAckReason::NotAuthorized => {
                    Err("the broker refuses it: it may not be written".into())
                }
                other => Err(format!("the broker refuses it: {other:?}")),
            };
            Notice::Acknowledged(ack.pkid, answer)
        }
        Event::Incoming(Packet::UnsubAck(ack)) => Notice::Done(ack.pkid, Ok(())),
        Event::Incoming(Packet::SubAck(ack)) => {
            let refused = ack.return_codes.iter().find_map(refusal);
            Notice::Done(ack.pkid, refused.map_or(Ok(()), Err))
        }
        Event::Incoming(Packet::Publish(publish)) => came(&publish),
        _ => Notice::Nothing,
    }
}

fn refusal(code: &SubscribeReasonCode) -> Option<String> {
    match code {
        SubscribeReasonCode::Success(_) => None,
        SubscribeReasonCode::NotAuthorized => Some(MAY_NOT_BE_READ.into()),
        other => Some(format!("the broker refuses it: {other:?}")),
    }
}

fn came(publish: &Publish) -> Notice {
    Notice::Received(Received {
        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
        payload: publish.payload.clone(),
        is_retained: publish.retain,
        number: (publish.qos == QoS::AtLeastOnce).then_some(publish.pkid),
    })
}

pub(super) async fn send(client: &AsyncClient, request: Request) -> Result<(), ClientError> {
    match request {
        Request::Publish(message) => {
            let quality = if message.is_kept {
                QoS::AtLeastOnce
            } else {
                QoS::AtMostOnce
            };
            let (topic, payload) = (message.topic, message.payload);
            client
                .publish_bytes(topic, quality, message.is_retained, payload)
                .await
        }
        Request::Subscribe(filters) => {
            client
                .subscribe_many(filters.into_iter().map(library_filter))
                .await
        }
        Request::Unsubscribe(path) => client.unsubscribe(path).await,
        Request::Acknowledge(number) => {
            let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new(), None);
            publish.pkid = number;
            client.ack(&publish).await
        }
        Request::Disconnect => client.disconnect().await,
    }
}

fn library_filter(filter: Filter) -> LibraryFilter {
    let mut library = LibraryFilter::new(filter.path, QoS::AtLeastOnce);
    if !filter.retained {
        library.retain_forward_rule = RetainForwardRule::Never;
    }
    library
}

fn problem(error: &ConnectionError) -> Problem {
    match error {
        ConnectionError::ConnectionRefused(code) => refused(*code),
        ConnectionError::Timeout(_) => Problem::silent(),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            Problem::new(match reason_code {
                DisconnectReasonCode::SessionTakenOver => return Problem::Displaced,
                DisconnectReasonCode::ServerShuttingDown => "the broker is being stopped".into(),
                other => format!("the broker has hung up: {other:?}"),
            })
        }
        // It does not name this as its source.
        ConnectionError::MqttState(StateError::Deserialization(FormError::Io(error))) => {
            Problem::seen_in(error)
        }
        other => Problem::seen_in(other),
    }
}

fn connect_problem(error: &ConnectionError) -> Problem {
    match error {
        // An answer of version 3.1.1, which has fewer bytes.
        ConnectionError::MqttState(StateError::Deserialization(
            FormError::MalformedPacket | FormError::InvalidConnectReturnCode(_),
        )) => no_version_5(),
        other => problem(other),
    }
}

fn refused(code: ConnectReturnCode) -> Problem {
    Problem::new(match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
            NOT_LET_IN.into()
        }
        ConnectReturnCode::RefusedProtocolVersion
        | ConnectReturnCode::UnsupportedProtocolVersion => {
            return no_version_5();
        }
        ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => {
            NAME_REFUSED.into()
        }
        other => format!("the broker refuses: {other:?}"),
    })
}

fn no_version_5() -> Problem {
    Problem::new("the broker speaks no MQTT 5: set version = \"3.1.1\"")
}
