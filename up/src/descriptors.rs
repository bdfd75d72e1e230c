//! Open files: raises the limit as far as the system allows, and divides it up so that unknown
//! clients never take the descriptors that workers, the store and brokers need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Raises the limit as far as possible, and lowers the limits on clients to fit.
pub fn share_out(config: &mut Config) {
    let limit = raise();
    fit(config, limit);
    tracing::debug!(
        open_files = limit,
        http = config.logic.http.connections,
        streams = config.logic.http.streams,
        mqtt = config.mqtt.max_clients,
        "the limits of open files were adjusted"
    );
}

/// Raises the soft limit to the hard limit; returns the limit in effect.
fn raise() -> usize {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: now.maximum,
        maximum: now.maximum,
    };
    let holds = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => now.maximum,
        Err(error) => {
            let error = std::io::Error::from(error);
            tracing::warn!(%error, "the limit of open files cannot be raised");
            now.current
        }
    };
    // None means no limit.
    holds.map_or(usize::MAX, |count| {
        usize::try_from(count).unwrap_or(usize::MAX)
    })
}

/// Clients get nine sixteenths at most; the rest is for workers (six each), the store, brokers, and
/// files being read.
fn fit(config: &mut Config, limit: usize) {
    let sixteenths = |count: usize| (limit / 16).saturating_mul(count).max(1);
    let http = &mut config.logic.http;
    cut(
        &mut http.connections,
        &mut http.connections_per_address,
        sixteenths(4),
    );
    http.streams = http.streams.min(sixteenths(2));
    let mqtt = &mut config.mqtt;
    cut(
        &mut mqtt.max_clients,
        &mut mqtt.max_clients_per_address,
        sixteenths(2),
    );
    let unknown = &mut config.execution.unknown_connections;
    *unknown = (*unknown).min(sixteenths(1));
}

/// Lowers a total to a limit; one address then gets half of it.
fn cut(total: &mut usize, per_address: &mut usize, max: usize) {
    if *total > max {
        *total = max;
        *per_address = (*per_address).min(max.div_ceil(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_never_have_what_workers_need_and_no_less_than_was_wanted_where_there_is_room() {
        let mut config = Config::default();
        fit(&mut config, 1 << 20);
        assert_eq!(config, Config::default());
        fit(&mut config, 1024);
        let http = &config.logic.http;
        let of_http = (http.connections, http.connections_per_address, http.streams);
        assert_eq!(of_http, (256, 128, 128));
        let mqtt = &config.mqtt;
        assert_eq!((mqtt.max_clients, mqtt.max_clients_per_address), (128, 64));
        assert_eq!(config.execution.unknown_connections, 64);
    }
}
