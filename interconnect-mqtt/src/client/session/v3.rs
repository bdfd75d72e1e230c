//! A session of MQTT 3.1.1.

use rumqttc::{
    AsyncClient, ClientError, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill,
    MqttOptions, Outgoing, Packet, Publish, QoS, SubscribeFilter, SubscribeReasonCode,
};

use super::{
    super::{client_name::ClientName, config::Config, problem::Problem},
    CONNECT_SECONDS, IN_FLIGHT, KEEP_ALIVE, MAX_PACKET, MAY_NOT_BE_READ, Message, NAME_REFUSED,
    NOT_LET_IN, Notice, REQUESTS, Received, Request, transport,
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
        let mut network = events.network_options();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(CONNECT_SECONDS);
        events.set_network_options(network);
        // The first event is that there is a connection.
        events.poll().await.map_err(|error| problem(&error))?;
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
    options
        .set_keep_alive(KEEP_ALIVE)
        // Nobody would return for the session of a name that is never used again.
        .set_clean_session(name.is_of_this_life())
        .set_manual_acks(true)
        .set_inflight(IN_FLIGHT)
        .set_max_packet_size(MAX_PACKET, MAX_PACKET);
    if let Some((user, password)) = &url.login {
        options.set_credentials(user, password);
    }
    if let Some(transport) = transport(config)? {
        options.set_transport(transport);
    }
    if let Some(will) = will {
        let (payload, retain) = (will.payload, will.is_retained);
        options.set_last_will(LastWill::new(will.topic, payload, QoS::AtLeastOnce, retain));
    }
    Ok(options)
}

fn seen(event: Event) -> Notice {
    match event {
        Event::Outgoing(Outgoing::Publish(number)) if number != 0 => Notice::Sent(number),
        Event::Outgoing(Outgoing::Subscribe(number) | Outgoing::Unsubscribe(number)) => {
            Notice::Requested(number)
        }
        Event::Incoming(Packet::PubAck(ack)) => Notice::Acknowledged(ack.pkid, Ok(())),
        Event::Incoming(Packet::UnsubAck(ack)) => Notice::Done(ack.pkid, Ok(())),
        Event::Incoming(Packet::SubAck(ack)) => {
            let is_refused = ack.return_codes.contains(&SubscribeReasonCode::Failure);
            let answer = if is_refused {
                Err(MAY_NOT_BE_READ.into())
            } else {
                Ok(())
            };
            Notice::Done(ack.pkid, answer)
        }
        Event::Incoming(Packet::Publish(publish)) => Notice::Received(Received {
            topic: publish.topic,
            payload: publish.payload,
            is_retained: publish.retain,
            number: (publish.qos == QoS::AtLeastOnce).then_some(publish.pkid),
        }),
        _ => Notice::Nothing,
    }
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
            let filters = filters
                .into_iter()
                .map(|filter| SubscribeFilter::new(filter.path, QoS::AtLeastOnce));
            client.subscribe_many(filters).await
        }
        Request::Unsubscribe(path) => client.unsubscribe(path).await,
        Request::Acknowledge(number) => {
            let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new());
            publish.pkid = number;
            client.ack(&publish).await
        }
        Request::Disconnect => client.disconnect().await,
    }
}

fn problem(error: &ConnectionError) -> Problem {
    match error {
        ConnectionError::ConnectionRefused(code) => Problem::new(refused(*code)),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => Problem::silent(),
        other => Problem::seen_in(other),
    }
}

fn refused(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => NOT_LET_IN,
        ConnectReturnCode::RefusedProtocolVersion => {
            "the broker speaks no MQTT 3.1.1: set version = \"5\""
        }
        ConnectReturnCode::BadClientId => NAME_REFUSED,
        ConnectReturnCode::ServiceUnavailable => "the broker takes no more clients now",
        ConnectReturnCode::Success => "the broker answers nonsense",
    }
}
