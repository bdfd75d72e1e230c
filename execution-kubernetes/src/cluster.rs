//! The requests to the API server: few, each with a deadline, and none for a task.

use std::{fmt, time::Duration};

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    coordination::v1::Lease,
    core::v1::Pod,
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams, Preconditions},
};
use rustls::crypto::aws_lc_rs;
use tokio::sync::OnceCell;
use utakata_execution::config;

use crate::{address, error::Error, token::Keys};

/// The time that an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The name under which the cluster knows whoever creates pods.
const MANAGER: &str = "utakata";

/// The API server of a cluster, which need not be there yet.
pub(crate) struct Cluster {
    config: config::Kubernetes,
    client: OnceCell<Client>,
}

/// A right, as it is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right {
    pub(crate) group: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) verb: &'static str,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    pub(crate) fn new(config: config::Kubernetes) -> Self {
        Self {
            config,
            client: OnceCell::new(),
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.config.namespace
    }

    async fn client(&self) -> Result<&Client, Error> {
        let connect = async || {
            // Where others bring a second provider along, its client would not know which to take.
            // One that is set already is as good.
            let _ = aws_lc_rs::default_provider().install_default();
            let mut config = address::cluster(&self.config).await?;
            // What is refused for a while is told, and tried again here.
            config.default_retry = false;
            Client::try_from(config).map_err(|error| Error::Config {
                problem: utakata_model::chain(&error),
            })
        };
        self.client.get_or_try_init(connect).await
    }

    /// Returns the pods of the namespace, to be watched.
    pub(crate) async fn pods(&self) -> Result<Api<Pod>, Error> {
        let client = self.client().await?.clone();
        Ok(Api::namespaced(client, self.namespace()))
    }

    async fn leases(&self) -> Result<Api<Lease>, Error> {
        let client = self.client().await?.clone();
        Ok(Api::namespaced(client, self.namespace()))
    }

    /// Asks for something. Errors: what was asked for (`step`), and why it was not had.
    async fn ask<T>(
        &self,
        step: &'static str,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(TIMEOUT, request).await {
            Ok(answer) => answer.map_err(|error| Error::of_request(step, self.namespace(), &error)),
            Err(_) => Err(Error::Away {
                step,
                problem: format!("no answer within {} s", TIMEOUT.as_secs()),
            }),
        }
    }

    /// Creates a pod. One of this name that is there already is taken for this one if it has the
    /// same labels: the answer to an earlier request was lost.
    pub(crate) async fn create(&self, pod: &Pod) -> Result<Pod, Error> {
        let pods = self.pods().await?;
        let step = "create pods";
        let post = PostParams {
            field_manager: Some(MANAGER.into()),
            ..PostParams::default()
        };
        let created = tokio::time::timeout(TIMEOUT, pods.create(&post, pod)).await;
        let error = match created {
            Ok(Ok(created)) => return Ok(created),
            Ok(Err(error)) => {
                let is_there = matches!(&error, kube::Error::Api(status) if status.code == 409);
                let error = Error::of_request(step, self.namespace(), &error);
                if !is_there && !matches!(error, Error::Away { .. }) {
                    return Err(error);
                }
                error
            }
            Err(_) => Error::Away {
                step,
                problem: format!("no answer within {} s", TIMEOUT.as_secs()),
            },
        };
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let found = self.ask("get pods", pods.get_opt(name)).await;
        match found {
            Ok(Some(found)) if found.metadata.labels == pod.metadata.labels => Ok(found),
            _ => Err(error),
        }
    }

    /// Lists the pods that a selector of labels matches.
    pub(crate) async fn list(&self, selector: &str) -> Result<Vec<Pod>, Error> {
        let pods = self.pods().await?;
        let wanted = ListParams::default().labels(selector);
        let found = self.ask("list pods", pods.list(&wanted)).await?;
        Ok(found.items)
    }

    /// Deletes a pod with so many seconds of grace; never with none, which would tell nobody how
    /// it ended. One that is gone, or is another one by now, is left alone. Returns the pod as it
    /// was at its deletion.
    pub(crate) async fn delete(
        &self,
        name: &str,
        uid: &str,
        grace: u32,
    ) -> Result<Option<Pod>, Error> {
        let pods = self.pods().await?;
        let how = DeleteParams::default()
            .grace_period(grace.max(1))
            .preconditions(Preconditions {
                uid: Some(uid.into()),
                resource_version: None,
            });
        let request = async {
            match pods.delete(name, &how).await {
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(None),
                other => other.map(|deleted| deleted.left()),
            }
        };
        self.ask("delete pods", request).await
    }

    /// Returns the Lease of this name, if it is there.
    pub(crate) async fn lease(&self, name: &str) -> Result<Option<Lease>, Error> {
        let leases = self.leases().await?;
        self.ask("get leases", leases.get_opt(name)).await
    }

    pub(crate) async fn create_lease(&self, lease: &Lease) -> Result<Lease, Error> {
        let leases = self.leases().await?;
        let post = PostParams::default();
        self.ask("create leases", leases.create(&post, lease)).await
    }

    /// Asks whether a Lease could be created, and creates none: only who makes something in a
    /// namespace is told that there is none.
    pub(crate) async fn try_lease(&self, lease: &Lease) -> Result<(), Error> {
        let leases = self.leases().await?;
        let post = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let tried = leases.create(&post, lease);
        self.ask("create leases", tried).await.map(drop)
    }

    /// Replaces a Lease that nobody else has changed meanwhile.
    pub(crate) async fn replace_lease(&self, name: &str, lease: &Lease) -> Result<Lease, Error> {
        let leases = self.leases().await?;
        let post = PostParams::default();
        self.ask("update leases", leases.replace(name, &post, lease))
            .await
    }

    async fn network_policies(&self) -> Result<Api<NetworkPolicy>, Error> {
        let client = self.client().await?.clone();
        Ok(Api::namespaced(client, self.namespace()))
    }

    /// Lists the network policies that a selector of labels matches.
    pub(crate) async fn policies(&self, selector: &str) -> Result<Vec<NetworkPolicy>, Error> {
        let policies = self.network_policies().await?;
        let wanted = ListParams::default().labels(selector);
        let found = self.ask("list networkpolicies", policies.list(&wanted));
        Ok(found.await?.items)
    }

    pub(crate) async fn create_policy(&self, policy: &NetworkPolicy) -> Result<(), Error> {
        let policies = self.network_policies().await?;
        let post = PostParams::default();
        let created = policies.create(&post, policy);
        self.ask("create networkpolicies", created).await.map(drop)
    }

    pub(crate) async fn replace_policy(&self, policy: &NetworkPolicy) -> Result<(), Error> {
        let policies = self.network_policies().await?;
        let name = policy.metadata.name.as_deref().unwrap_or_default();
        let post = PostParams::default();
        let replaced = policies.replace(name, &post, policy);
        self.ask("update networkpolicies", replaced).await.map(drop)
    }

    /// Deletes a policy. One that is gone is left alone.
    pub(crate) async fn delete_policy(&self, name: &str) -> Result<(), Error> {
        let policies = self.network_policies().await?;
        let how = DeleteParams::default();
        let request = async {
            match policies.delete(name, &how).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                other => other.map(drop),
            }
        };
        self.ask("delete networkpolicies", request).await
    }

    /// Returns the keys of the issuer of service account tokens.
    pub(crate) async fn keys(&self) -> Result<Keys, Error> {
        let client = self.client().await?;
        let step = "read the keys of service accounts (/openid/v1/jwks)";
        let request = http::Request::get("/openid/v1/jwks").body(Vec::new());
        let request = request.map_err(|error| Error::Away {
            step,
            problem: error.to_string(),
        })?;
        self.ask(step, client.request::<Keys>(request)).await
    }

    /// Returns whether this environment has a right in the namespace.
    pub(crate) async fn has(&self, right: Right) -> Result<bool, Error> {
        let client = self.client().await?.clone();
        let reviews: Api<SelfSubjectAccessReview> = Api::all(client);
        let (resource, part) = right
            .resource
            .split_once('/')
            .unwrap_or((right.resource, ""));
        let attributes = ResourceAttributes {
            namespace: Some(self.namespace().into()),
            group: Some(right.group.into()),
            resource: Some(resource.into()),
            subresource: (!part.is_empty()).then(|| part.into()),
            verb: Some(right.verb.into()),
            ..ResourceAttributes::default()
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes),
                non_resource_attributes: None,
            },
            ..SelfSubjectAccessReview::default()
        };
        let post = PostParams::default();
        let asked = reviews.create(&post, &review);
        let answer = self.ask("ask for its rights", asked).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}
