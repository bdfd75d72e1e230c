//! A cluster that runs: started, used, broken and ended by a test.

mod faults;
mod nodes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::admission::Rule;
use crate::controllers;
use crate::kubelet;
use crate::registry::Image;
use crate::resource;
use crate::serve::{self, Order};
use crate::store::Key;
use crate::timing::Timing;
use crate::tokens::Grant;
use crate::verbs;
use crate::world::{Shared, World};

/// The properties of a cluster.
#[derive(Debug, Clone)]
pub struct Options {
    pub timing: Timing,
    /// The number of nodes at the start.
    pub nodes: usize,
    /// The number of pods that each node takes.
    pub pods_per_node: usize,
    /// 0: any that is free.
    pub port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timing: Timing::default(),
            nodes: 1,
            pods_per_node: 110,
            port: 0,
        }
    }
}

/// A cluster. Its end, also in a panic, kills the processes of all pods.
pub struct Cluster {
    world: Shared,
    orders: Option<mpsc::UnboundedSender<Order>>,
    end: CancellationToken,
    runtime: Option<tokio::runtime::Handle>,
    thread: Option<JoinHandle<()>>,
    state: TempDir,
}

impl Cluster {
    /// Starts a cluster with one node.
    ///
    /// # Errors
    /// The port cannot be opened, or no key can be generated.
    pub fn start() -> Result<Self> {
        Self::start_with(Options::default())
    }

    /// Starts a cluster.
    ///
    /// # Errors
    /// The port cannot be opened, or no key can be generated.
    pub fn start_with(options: Options) -> Result<Self> {
        let state = TempDir::with_prefix("kube-for-tests-").context("making its folder")?;
        let (ready, started) = std::sync::mpsc::channel();
        let (orders, ordered) = mpsc::unbounded_channel();
        let end = CancellationToken::new();
        let (folder, stop) = (state.path().to_owned(), end.clone());
        let thread = std::thread::Builder::new()
            .name("kube-for-tests".into())
            .spawn(move || live(&options, folder, (&ready, ordered), &stop))
            .context("starting its thread")?;
        let started = started.recv().context("it ended while it started")?;
        let (world, runtime) = started.map_err(|error| anyhow!(error))?;
        let cluster = Self {
            world,
            orders: Some(orders),
            end,
            runtime: Some(runtime),
            thread: Some(thread),
            state,
        };
        cluster
            .write_kubeconfig()
            .context("writing its kubeconfig")?;
        Ok(cluster)
    }

    /// `https://127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.world.address
    }

    /// The certificate of its authority, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.world.authority.pem
    }

    /// The administrator's token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.world.token
    }

    /// The file for `KUBECONFIG`, with the administrator's token.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.state.path().join("kubeconfig")
    }

    /// The folder with volumes and logs of pods.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.state.path()
    }

    fn write_kubeconfig(&self) -> Result<()> {
        fs::write(self.state.path().join("ca.crt"), self.authority())?;
        let text = self.kubeconfig_of(self.token(), "default");
        fs::write(self.kubeconfig(), text)?;
        Ok(())
    }

    /// A kubeconfig for a token of one's own.
    #[must_use]
    pub fn kubeconfig_of(&self, token: &str, namespace: &str) -> String {
        let authority = self.state.path().join("ca.crt");
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {
                "server": self.address(), "certificate-authority": authority,
            }}],
            "users": [{"name": "tests", "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {
                "cluster": "tests", "user": "tests", "namespace": namespace,
            }}],
        });
        format!("{config:#}\n")
    }

    /// Issues a token of a service account for the API server itself.
    ///
    /// # Errors
    /// There is no such account.
    pub fn account_token(&self, namespace: &str, account: &str) -> Result<String> {
        let key = Key::new(resource::named("serviceaccounts"), namespace, account);
        let found = self.world.store().get(&key);
        let found = found.with_context(|| format!("no service account {namespace}/{account}"))?;
        self.world.tokens.grant(&Grant {
            namespace,
            account,
            account_uid: found["metadata"]["uid"].as_str().unwrap_or_default(),
            pod: None,
            node: None,
            audiences: vec![self.world.tokens.own_audience().to_owned()],
            seconds: 3_600,
        })
    }

    /// Creates a folder as a pod has it at `/var/run/secrets/kubernetes.io/serviceaccount`:
    /// `token`, `ca.crt`, `namespace`. The matching variables are `KUBERNETES_SERVICE_HOST` and
    /// `_PORT`.
    ///
    /// # Errors
    /// There is no such account, or the folder cannot be written.
    pub fn in_cluster(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        let folder = self
            .state
            .path()
            .join(format!("in-cluster-{namespace}-{account}"));
        fs::create_dir_all(&folder)?;
        fs::write(
            folder.join("token"),
            self.account_token(namespace, account)?,
        )?;
        fs::write(folder.join("ca.crt"), self.authority())?;
        fs::write(folder.join("namespace"), namespace)?;
        Ok(folder)
    }

    /// Makes an image known under its reference: `registry.example/a@sha256:...`.
    pub fn register(&self, reference: &str, image: Image) {
        self.world.registry.register(reference, image);
    }

    /// Takes an image out of the registry.
    pub fn unregister(&self, reference: &str) {
        self.world.registry.forget(reference);
    }

    /// Creates a namespace with labels, furnished as in a real cluster.
    ///
    /// # Errors
    /// It exists already.
    pub fn namespace(&self, name: &str, labels: &[(&str, &str)]) -> Result<()> {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let object = json!({
            "metadata": {"name": name, "labels": labels}, "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        let made = self.world.make("namespaces", "", object);
        let made = made.and_then(|()| verbs::furnish(&self.world, name));
        made.map_err(|refusal| anyhow!(refusal.message))
    }

    /// Creates an object, without a request.
    ///
    /// # Errors
    /// It exists already.
    pub fn put(&self, plural: &str, namespace: &str, object: Value) -> Result<()> {
        let made = self.world.make(plural, namespace, object);
        made.map_err(|refusal| anyhow!(refusal.message))
    }

    /// Takes an object out as it is, without a request, and without regard to what it owns.
    pub fn take(&self, plural: &str, namespace: &str, name: &str) {
        let key = Key::new(resource::named(plural), namespace, name);
        self.world.store().remove(&key);
    }

    /// Refuses objects of a resource for which the rule has something to say, as a
    /// ValidatingAdmissionPolicy does.
    pub fn refuse(
        &self,
        name: &str,
        plural: &str,
        rule: impl Fn(&Value) -> Option<String> + Send + Sync + 'static,
    ) {
        self.world.rules.lock().push(Rule {
            name: name.to_owned(),
            plural: plural.to_owned(),
            refuses: Arc::new(rule),
        });
    }

    /// An object as it is now, without a request.
    #[must_use]
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = Key::new(resource::named(plural), namespace, name);
        let found = self.world.store().get(&key)?;
        (found["kind"] == resource::named(plural).kind).then(|| (*found).clone())
    }

    /// All objects of a resource in a namespace (empty: in all), without a request.
    #[must_use]
    pub fn objects(&self, plural: &str, namespace: &str) -> Vec<Value> {
        let resource = resource::named(plural);
        let store = self.world.store();
        store
            .list(resource.plural, namespace)
            .map(|(_, object)| (**object).clone())
            .collect()
    }

    /// The number of requests, by verb and resource: `("create", "pods")`.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<(String, String), u64> {
        self.world.faults.counts()
    }

    /// The total number of requests.
    #[must_use]
    pub fn requests_in_all(&self) -> u64 {
        self.requests().values().sum()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end.cancel();
        self.orders = None;
        self.runtime = None;
        self.world.processes.kill_all();
        if let Some(thread) = self.thread.take() {
            // It was a panic of ours, and has been printed.
            let _ = thread.join();
        }
        // One may have been started while all were killed.
        self.world.processes.end_all();
    }
}

type Started = Result<(Shared, tokio::runtime::Handle), String>;

/// The cluster's thread: a runtime of its own, so that the test may have any or none.
fn live(
    options: &Options,
    folder: PathBuf,
    (ready, orders): (
        &std::sync::mpsc::Sender<Started>,
        mpsc::UnboundedReceiver<Order>,
    ),
    end: &CancellationToken,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("kube-for-tests")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error.to_string()))),
    };
    let handle = runtime.handle().clone();
    let begun = runtime.block_on(async { begin(options, folder, &handle) });
    let (world, listener) = match begun {
        Ok(begun) => begun,
        Err(error) => return drop(ready.send(Err(format!("{error:#}")))),
    };
    let serving = runtime.spawn(serve::serve(world.clone(), listener, orders));
    runtime.spawn(controllers::run(world.clone()));
    let _ = ready.send(Ok((world.clone(), handle)));
    runtime.block_on(end.cancelled());
    serving.abort();
    world.processes.kill_all();
    runtime.shutdown_timeout(Duration::from_secs(1));
}

fn begin(
    options: &Options,
    folder: PathBuf,
    runtime: &tokio::runtime::Handle,
) -> Result<(Shared, tokio::net::TcpListener)> {
    let socket = serve::bind(([127, 0, 0, 1], options.port).into())?;
    let listener = serve::listen(socket)?;
    let address = format!("https://{}", listener.local_addr()?);
    let world = Arc::new(World::new(address, folder, options.timing.clone())?);
    for number in 1..=options.nodes {
        add_node(
            &world,
            runtime,
            &format!("node-{number}"),
            options.pods_per_node,
        );
    }
    for name in ["default", "kube-system"] {
        let object = json!({"metadata": {"name": name}, "status": {"phase": "Active"}});
        let made = world.make("namespaces", "", object);
        let made = made.and_then(|()| verbs::furnish(&world, name));
        made.map_err(|refusal| anyhow!(refusal.message))?;
    }
    Ok((world, listener))
}

fn add_node(world: &Shared, runtime: &tokio::runtime::Handle, name: &str, max_pods: usize) {
    let frozen = watch::Sender::new(false);
    let receiver = frozen.subscribe();
    world.nodes.lock().insert(name.to_owned(), frozen);
    // One of that name may be there: then it is the same node.
    let _ = world.make("nodes", "", controllers::node_object(name, max_pods));
    runtime.spawn(kubelet::run(world.clone(), name.to_owned(), receiver));
}
