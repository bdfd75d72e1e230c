//! A cluster that runs: started, used, broken and ended by a test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::admission::Rule;
use crate::controllers;
use crate::fault::{Fault, Scope};
use crate::kubelet;
use crate::processes::Verdict;
use crate::registry::Image;
use crate::resource;
use crate::serve::{self, Order};
use crate::store::Key;
use crate::timing::Timing;
use crate::tokens::Grant;
use crate::verbs;
use crate::world::{Shared, World};

/// What a cluster is like.
#[derive(Debug, Clone)]
pub struct Options {
    pub timing: Timing,
    /// How many nodes it has at first.
    pub nodes: usize,
    /// How many pods each of them takes.
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
    /// When nothing can be listened on, or no key can be made.
    pub fn start() -> Result<Self> {
        Self::start_with(Options::default())
    }

    /// Starts a cluster.
    ///
    /// # Errors
    /// When nothing can be listened on, or no key can be made.
    pub fn start_with(options: Options) -> Result<Self> {
        let state = TempDir::with_prefix("kube-for-tests-").context("making its folder")?;
        let (ready, started) = std::sync::mpsc::channel();
        let (orders, ordered) = mpsc::unbounded_channel();
        let end = CancellationToken::new();
        let (folder, stop) = (state.path().to_owned(), end.clone());
        let thread = std::thread::Builder::new()
            .name("kube-for-tests".into())
            .spawn(move || live(&options, folder, (&ready, ordered), stop))
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

    /// Where volumes and logs of pods are.
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

    /// A token of a service account for the API server itself.
    ///
    /// # Errors
    /// When there is no such account.
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

    /// A folder as a pod has it at `/var/run/secrets/kubernetes.io/serviceaccount`: `token`,
    /// `ca.crt`, `namespace`. Its variables are `KUBERNETES_SERVICE_HOST` and `_PORT`.
    ///
    /// # Errors
    /// When there is no such account, or the folder cannot be written.
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

    /// Makes a namespace with labels, with what a real cluster puts into it.
    ///
    /// # Errors
    /// When it is there already.
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

    /// How often it was asked, by verb and resource: `("create", "pods")`.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<(String, String), u64> {
        self.world.faults.counts()
    }

    /// How often it was asked in all.
    #[must_use]
    pub fn requests_in_all(&self) -> u64 {
        self.requests().values().sum()
    }
}

/// Faults.
impl Cluster {
    /// The API server is away: whoever connects is refused, connections end. Pods run on.
    pub fn close(&self) {
        self.order(false);
    }

    /// It is back, on the same port.
    pub fn open(&self) {
        self.order(true);
    }

    fn order(&self, listens: bool) {
        let (done, ordered) = std::sync::mpsc::channel();
        if let Some(orders) = &self.orders
            && orders.send((listens, done)).is_ok()
        {
            // It fails when the server has ended: then it listens no more, either.
            let _ = ordered.recv();
        }
    }

    /// The API server accepts connections and answers nothing, watches included.
    pub fn freeze(&self) {
        self.world.faults.frozen.send_replace(true);
    }

    /// It goes on where it was.
    pub fn thaw(&self) {
        self.world.faults.frozen.send_replace(false);
    }

    /// The next requests of a scope go wrong.
    pub fn fail(&self, scope: Scope, fault: Fault, times: usize) {
        self.world.faults.plan(scope, fault, times);
    }

    /// Every answer takes so much longer.
    pub fn delay(&self, latency: Duration) {
        self.world.faults.set_latency(latency);
    }

    /// No more planned failures, no delay.
    pub fn heal(&self) {
        self.world.faults.clear();
    }

    /// All watches break off.
    pub fn cut_watches(&self) {
        self.world.faults.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// The past is forgotten: a watch from any version of before ends with 410.
    pub fn compact(&self) {
        self.world.store().forget();
    }

    /// The next watches end with 410, whatever their version.
    pub fn expire_watches(&self, times: usize) {
        self.world.faults.expire_watches(times);
    }

    /// A container of a pod takes more memory than its limit.
    pub fn run_out_of_memory(&self, namespace: &str, pod: &str) {
        self.end(namespace, pod, Verdict::OutOfMemory);
    }

    /// The node is short of something: the kubelet ends a pod (phase Failed, reason Evicted).
    pub fn evict_by_kubelet(&self, namespace: &str, pod: &str, message: &str) {
        self.end(namespace, pod, Verdict::Evicted(message.to_owned()));
    }

    fn end(&self, namespace: &str, pod: &str, verdict: Verdict) {
        if let Some(pod) = self.world.store().get(&Key::pod(namespace, pod)) {
            self.world
                .processes
                .end(pod["metadata"]["uid"].as_str().unwrap_or_default(), verdict);
        }
    }

    /// Sends a signal to the processes of a pod, past the API: nobody is told.
    pub fn signal(&self, namespace: &str, pod: &str, signal: Signal) {
        if let Some(pod) = self.world.store().get(&Key::pod(namespace, pod)) {
            self.world
                .processes
                .signal(pod["metadata"]["uid"].as_str().unwrap_or_default(), signal);
        }
    }

    /// The ids of all processes of all pods.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        self.world
            .processes
            .all()
            .into_iter()
            .map(|pid| pid.as_raw_pid())
            .collect()
    }
}

/// Nodes.
impl Cluster {
    /// Adds a node.
    pub fn add_node(&self, name: &str, most_pods: usize) {
        if let Some(runtime) = &self.runtime {
            add_node(&self.world, runtime, name, most_pods);
        }
    }

    /// A node freezes: its processes stop, its kubelet does nothing. After a while it is
    /// `Ready=Unknown` and its pods are told to go; they hang in Terminating.
    pub fn freeze_node(&self, name: &str) {
        self.world.processes.signal_node(name, Signal::STOP);
        if let Some(frozen) = self.world.nodes.lock().get(name) {
            frozen.send_replace(true);
        }
        if let Some(runtime) = &self.runtime {
            runtime.spawn(controllers::lose(self.world.clone(), name.to_owned()));
        }
    }

    /// It goes on: processes that nobody wants any more are ended then.
    pub fn thaw_node(&self, name: &str) {
        if let Some(frozen) = self.world.nodes.lock().get(name) {
            frozen.send_replace(false);
        }
        self.world.processes.signal_node(name, Signal::CONT);
        controllers::heal(&self.world, name);
    }

    /// A node takes no more pods, and those that it has are evicted, as `kubectl drain` does.
    /// Returns those that a disruption budget holds back.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn drain_node(&self, name: &str) -> Result<Vec<String>> {
        self.cordon_node(name)?;
        let of_node = |pod: &Value| pod["spec"]["nodeName"] == name;
        let pods = self.objects("pods", "").into_iter().filter(of_node);
        let mut held = Vec::new();
        for pod in pods {
            let text = |field: &str| {
                pod["metadata"][field]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            };
            let call = crate::request::Call {
                resource: resource::named("pods"),
                namespace: text("namespace"),
                name: Some(text("name")),
                subresource: Some("eviction".into()),
                query: crate::request::Query::default(),
            };
            if verbs::evict(&self.world, &call, &Value::Null).is_err_and(|why| why.code == 429) {
                held.push(text("name"));
            }
        }
        Ok(held)
    }

    /// A node takes no more pods.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn cordon_node(&self, name: &str) -> Result<()> {
        self.set_unschedulable(name, true)
    }

    /// A node takes pods again.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn uncordon_node(&self, name: &str) -> Result<()> {
        self.set_unschedulable(name, false)
    }

    fn set_unschedulable(&self, name: &str, is_unschedulable: bool) -> Result<()> {
        let key = Key::new(resource::named("nodes"), "", name);
        let node = self
            .world
            .store()
            .get(&key)
            .with_context(|| format!("no node {name}"))?;
        let uid = node["metadata"]["uid"].as_str().unwrap_or_default();
        self.world.change(&key, uid, |node| {
            node["spec"]["unschedulable"] = json!(is_unschedulable);
        });
        Ok(())
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
    end: CancellationToken,
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
    let (world, socket) = match begun {
        Ok(begun) => begun,
        Err(error) => return drop(ready.send(Err(format!("{error:#}")))),
    };
    let serving = runtime.spawn(serve::serve(world.clone(), socket, orders));
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
) -> Result<(Shared, tokio::net::TcpSocket)> {
    let socket = serve::bind(([127, 0, 0, 1], options.port).into())?;
    let address = format!("https://{}", socket.local_addr()?);
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
    Ok((world, socket))
}

fn add_node(world: &Shared, runtime: &tokio::runtime::Handle, name: &str, most_pods: usize) {
    let frozen = watch::Sender::new(false);
    let receiver = frozen.subscribe();
    world.nodes.lock().insert(name.to_owned(), frozen);
    // One of that name may be there: then it is the same node.
    let _ = world.make("nodes", "", controllers::node_object(name, most_pods));
    runtime.spawn(kubelet::run(world.clone(), name.to_owned(), receiver));
}
