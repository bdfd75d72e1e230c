//! What would cross a network in clear by accident: refused, unless the configuration says that it
//! may. Pure.

use std::net::{IpAddr, SocketAddr};

use super::{Config, Error};

/// Refuses to let the network read tokens, passwords, or readings by accident.
pub(super) fn refuse(config: &Config) -> Result<(), Error> {
    let refused = listeners(config).or_else(|| connections(config));
    refused.map_or(Ok(()), |message| Err(Error::Contradiction(message)))
}

/// Returns what is wrong with the addresses on which this process listens.
fn listeners(config: &Config) -> Option<String> {
    let is_beyond = |address: SocketAddr| !address.ip().to_canonical().is_loopback();
    let http = &config.logic.http;
    if is_beyond(http.listen) && http.tls.certificate.is_none() && !http.insecure {
        return Some(format!(
            "logic.http.listen = \"{}\" would be plain HTTP beyond this machine, and whoever \
             listens on the way would have all tokens: set logic.http.tls (`utakata pki init`, \
             `utakata pki issue NAME`), listen on 127.0.0.1, or say logic.http.insecure = true",
            http.listen
        ));
    }
    let mqtt = &config.mqtt;
    let is_safe = mqtt.tokens && mqtt.tls;
    if mqtt.enabled && is_beyond(mqtt.listen) && !is_safe && !mqtt.insecure {
        return Some(format!(
            "mqtt.listen = \"{}\" would let others on the network read everything: set mqtt.tokens \
             and mqtt.tls, listen on 127.0.0.1, use a broker of your own, or say mqtt.insecure = \
             true",
            mqtt.listen
        ));
    }
    (mqtt.enabled && mqtt.tls && http.tls.certificate.is_none()).then(|| {
        "mqtt.tls needs the certificate of the API: set logic.http.tls (`utakata pki init`, \
         `utakata pki issue NAME`)"
            .into()
    })
}

/// Returns what is wrong with the connections to others.
fn connections(config: &Config) -> Option<String> {
    let http = &config.logic.http;
    let advertised = http.advertise.as_deref().filter(|_| !http.insecure);
    if let Some(url) = advertised.filter(|url| host_of_http(url).is_some_and(|host| !is_here(host)))
    {
        return Some(format!(
            "logic.http.advertise = \"{url}\" has other logic environments send tokens in clear: \
             set logic.http.tls and write https://, or say logic.http.insecure = true"
        ));
    }
    let store = &config.logic.store;
    let host = store.url.as_ref().and_then(|url| url.plain_host());
    if let Some(host) = host.filter(|host| !store.insecure && !is_here(host)) {
        return Some(format!(
            "logic.store.url lets the connection to {host} be without TLS, and whoever listens on \
             the way would have its password and everything stored: add ?sslmode=verify-full (and \
             sslrootcert=FILE), or say logic.store.insecure = true"
        ));
    }
    if let Some(amqp) = &config.interconnect.amqp
        && !amqp.insecure
        && let Some(host) = amqp.url.plain_host().filter(|host| !is_here(host))
    {
        return Some(format!(
            "interconnect.amqp.url would reach {host} without TLS, and whoever listens on the way \
             would have its password and see all tasks: write amqps://, or say \
             interconnect.amqp.insecure = true"
        ));
    }
    if let Some(mqtt) = &config.interconnect.mqtt
        && !mqtt.insecure
        && let Some(host) = mqtt.url.plain_host().filter(|host| !is_here(host))
    {
        return Some(format!(
            "interconnect.mqtt.url would reach {host} without TLS, and whoever listens on the way \
             would have its password and see everything: write mqtts://, or say \
             interconnect.mqtt.insecure = true"
        ));
    }
    None
}

/// Returns the host of a URL in plain HTTP.
fn host_of_http(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => authority.split(':').next(),
    }
}

/// Returns true if a host is this machine: nobody listens on the way.
fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}
