//! The way to a cluster, and the address by which it finds this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use utakata_execution::{config, runtime::Listen};

use crate::error::Error;

/// The variable by which a pod learns its own address (downward API: `status.podIP`).
const POD_IP: &str = "POD_IP";
/// The variable that every pod has.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";
const IN_CLUSTER_PORT: &str = "KUBERNETES_SERVICE_PORT";

/// Reads how the cluster is reached: as set, or as the pod that this is in, or as the user's
/// kubeconfig says.
pub(crate) async fn cluster(settings: &config::Kubernetes) -> Result<Config, Error> {
    let config = match kubeconfig(settings)? {
        Some(kubeconfig) => {
            let options = KubeConfigOptions {
                context: settings.context.clone(),
                ..KubeConfigOptions::default()
            };
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
            config.map_err(|error| wrong(&error))?
        }
        None => Config::incluster().map_err(|error| wrong(&error))?,
    };
    Ok(config)
}

/// Returns where the manager has to listen for pods.
pub(crate) fn listen(settings: &config::Kubernetes) -> Result<Listen, Error> {
    let told = settings.address.clone().or_else(|| variable(POD_IP));
    let host = match told {
        Some(host) => host,
        None => route(settings)?.ok_or(Error::Address)?.to_string(),
    };
    // Only where pods find it, if that is an address of this machine.
    let own = host.parse::<IpAddr>().ok();
    let at = own.filter(|address| is_own(*address));
    let at = at.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Ok(Listen {
        at: SocketAddr::new(at, settings.port),
        host,
    })
}

fn kubeconfig(settings: &config::Kubernetes) -> Result<Option<Kubeconfig>, Error> {
    let read = match &settings.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None if settings.context.is_none() && variable(IN_CLUSTER).is_some() => return Ok(None),
        None => Kubeconfig::read(),
    };
    read.map(Some).map_err(|error| wrong(&error))
}

/// Returns the address from which packets to the API server leave: nothing is sent.
fn route(settings: &config::Kubernetes) -> Result<Option<IpAddr>, Error> {
    let server = match kubeconfig(settings)? {
        Some(kubeconfig) => server(&kubeconfig, settings.context.as_deref()),
        None => variable(IN_CLUSTER)
            .zip(variable(IN_CLUSTER_PORT))
            .map(|(host, port)| format!("{host}:{port}")),
    };
    Ok(server.and_then(|server| local_address(&server)))
}

fn local_address(server: &str) -> Option<IpAddr> {
    let server = server.to_socket_addrs().ok()?.next()?;
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(server).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn server(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let name = context.or(kubeconfig.current_context.as_deref())?;
    let context = kubeconfig.contexts.iter().find(|one| one.name == name)?;
    let cluster = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|one| one.name == *cluster)?;
    Some(authority(cluster.cluster.as_ref()?.server.as_deref()?))
}

/// Returns host and port of a URL.
fn authority(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split('/').next().unwrap_or_default();
    let after_host = authority.rsplit(']').next().unwrap_or_default();
    let port = if scheme == "http" { 80 } else { 443 };
    match after_host.contains(':') {
        true => authority.into(),
        false => format!("{authority}:{port}"),
    }
}

fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn wrong(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::Config {
        problem: utakata_model::chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_a_port() {
        for (url, expect) in [
            ("https://127.0.0.1:6443", "127.0.0.1:6443"),
            ("https://api.example/k8s", "api.example:443"),
            ("http://[::1]", "[::1]:80"),
            ("https://[::1]:6443/", "[::1]:6443"),
        ] {
            assert_eq!(authority(url), expect);
        }
    }

    #[test]
    fn an_address_that_is_set_is_told_and_listened_at_where_it_is_ours() {
        let listen = |address: &str| {
            let settings = config::Kubernetes {
                address: Some(address.into()),
                port: 0,
                ..config::Kubernetes::default()
            };
            listen(&settings).unwrap()
        };
        let own = listen("127.0.0.1");
        assert_eq!(
            (own.at.ip().to_string(), &*own.host),
            ("127.0.0.1".into(), "127.0.0.1")
        );
        let outside = listen("wee.example");
        assert_eq!(
            (outside.at.ip().to_string(), &*outside.host),
            ("0.0.0.0".into(), "wee.example")
        );
    }
}
