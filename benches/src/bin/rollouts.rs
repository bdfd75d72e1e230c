//! Releases of one kind rolled out one after the other, while that kind and two others are read and
//! controlled as fast as they answer: the effect on users of all three.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use tokio::task::JoinSet;
use utakata_api::{
    apply::{Apply, Document},
    client::Client,
    operation::{ControlAnswer, Counts},
    rollout::{NewRollout, Rollout, RolloutState},
};
use utakata_benches::{
    containers::Containers,
    echo,
    figures::Figures,
    load,
    pods::{Faults, Pods},
    system::{System, repository},
};
use utakata_model::{RolloutPlan, Target};

const KINDS: [&str; 3] = ["echo", "echo-b", "echo-c"];
/// The kind whose releases are rolled out.
const ROLLED: &str = KINDS[0];

/// Releases rolled out one after the other under load.
#[derive(Parser)]
struct Arguments {
    /// Number of releases in one run
    #[arg(long, default_value_t = 50)]
    releases: usize,
    /// Readers of each kind, and half as many controllers, each handling one target at a time.
    #[arg(long, default_value_t = 4)]
    readers: usize,
    /// Runs, each with equal time with and without rollouts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Answers compared in the shadow.
    #[arg(long, default_value_t = 10)]
    shadow: u32,
    /// Tasks of the canary, at a share of a quarter; 0: none.
    #[arg(long, default_value_t = 40)]
    canary: u32,
    /// The runtime of all workers.
    #[arg(long, value_enum, default_value_t = Runtime::Process)]
    runtime: Runtime,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Runtime {
    /// As processes of this machine.
    Process,
    /// Containers, in a Docker engine started for this purpose. Needs root.
    Docker,
    /// Pods, in a cluster of the benchmark's own, whose nodes are drained and whose pods are
    /// evicted during the rollouts.
    Kubernetes,
}

/// The folder in which releases are built.
struct Yard {
    folder: tempfile::TempDir,
    images: Images,
}

/// The place where releases become images.
enum Images {
    None,
    Docker(Box<Containers>),
    Kubernetes(Pods),
}

/// The results for the users of one kind.
#[derive(Default)]
struct Seen {
    milliseconds: Vec<f64>,
    errors: Vec<String>,
}

impl Seen {
    fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        figures.extend(self.milliseconds.iter().copied());
        figures
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let yard = Yard::open(arguments.runtime)?;
    let first: Vec<PathBuf> = KINDS
        .iter()
        .map(|kind| yard.release(kind, "0.1.0"))
        .collect::<Result<_>>()?;
    let first: Vec<&Path> = first.iter().map(PathBuf::as_path).collect();
    let system = System::start_with(&first, &yard.settings())?;
    let client = Client::new(&system.url, &system.token)?;
    declare(&client, arguments.readers).await?;
    let (mut ratios, mut took) = (Figures::default(), Figures::default());
    let mut version = 0;
    for run in 0..arguments.runs {
        // Built beforehand: building an image is its author's task.
        let releases: Vec<(String, PathBuf)> = (0..arguments.releases)
            .map(|_| {
                version += 1;
                let name = format!("0.1.{version}");
                Ok((name.clone(), yard.release(ROLLED, &name)?))
            })
            .collect::<Result<_>>()?;
        let load = Load::start(&client, arguments.readers);
        // The first tasks open connections and warm up the workers.
        tokio::time::sleep(Duration::from_secs(2)).await;
        load.take();
        let begun = Instant::now();
        let faults = yard.disturb();
        for (name, release) in &releases {
            took.add(roll(&client, &system, release, name, &arguments).await?);
        }
        let with = load.take();
        drop(faults);
        tokio::time::sleep(begun.elapsed()).await;
        let without = load.end().await?;
        ratios.add(with.figures().quantile(0.99) / without.figures().quantile(0.99));
        for (what, seen) in [("with rollouts", &with), ("without them", &without)] {
            let milliseconds = seen.figures();
            println!(
                "run {run}, {what}: {} tasks, {} errors, p50 {:.2} ms, p99 {:.2} ms, most {:.0} ms",
                milliseconds.count(),
                seen.errors.len(),
                milliseconds.median(),
                milliseconds.quantile(0.99),
                milliseconds.quantile(1.0),
            );
            if let Some(error) = seen.errors.first() {
                println!("  the first error: {error}");
            }
        }
    }
    println!(
        "{} releases of one kind rolled in a row, {} runs, {} readers and {} controllers of each \
         of 3 kinds:",
        arguments.releases,
        arguments.runs,
        arguments.readers,
        arguments.readers.div_ceil(2)
    );
    println!("  one rollout, push to done, seconds      {took:.2}");
    println!("  p99 with rollouts / without             {ratios:.2}");
    Ok(())
}

impl Yard {
    fn open(runtime: Runtime) -> Result<Self> {
        let images = match runtime {
            Runtime::Process => Images::None,
            Runtime::Docker => Images::Docker(Box::new(Containers::start()?)),
            Runtime::Kubernetes => Images::Kubernetes(Pods::start()?),
        };
        let folder = tempfile::tempdir()?;
        Ok(Self { folder, images })
    }

    /// The configuration with which an environment finds them.
    fn settings(&self) -> String {
        match &self.images {
            Images::None => String::new(),
            Images::Docker(containers) => containers.settings(),
            Images::Kubernetes(pods) => pods.settings(),
        }
    }

    /// Begins the faults of the cluster, if there is one.
    fn disturb(&self) -> Option<Faults> {
        match &self.images {
            Images::Kubernetes(pods) => Some(pods.disturb()),
            Images::None | Images::Docker(_) => None,
        }
    }

    /// Creates a release folder: the echo worker under another kind or version.
    fn release(&self, kind: &str, version: &str) -> Result<PathBuf> {
        let manifest = repository().join("workers/echo/releases/echo/worker.toml");
        let manifest = fs::read_to_string(manifest)?
            .replace("kind = \"echo\"", &format!("kind = \"{kind}\""))
            .replace("version = \"0.1.0\"", &format!("version = \"{version}\""));
        let path = self.folder.path().join(format!("{kind}-{version}"));
        fs::create_dir_all(&path)?;
        fs::write(path.join("worker.toml"), manifest)?;
        match &self.images {
            Images::None => {}
            Images::Docker(containers) => containers.publish(&path)?,
            Images::Kubernetes(pods) => pods.publish(&path)?,
        }
        Ok(path)
    }
}

async fn declare(client: &Client, readers: usize) -> Result<()> {
    let mut documents = Vec::new();
    for kind in KINDS {
        for at in 0..readers * 2 {
            let name = format!("{kind}-{at}").parse()?;
            let target = Target::new(name, kind.parse()?, "nowhere".into());
            documents.push(Document::Target(target));
        }
    }
    for _ in 0..1000 {
        let served = client.kinds().await?;
        let is_served = |kind: &&str| served.iter().any(|one| *one.kind.as_str() == **kind);
        if KINDS.iter().all(is_served) {
            let dry_run = false;
            client
                .apply(&Apply {
                    documents,
                    delete: Vec::new(),
                    dry_run,
                })
                .await?;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("the kinds are not served after 10 s")
}

/// Pushes a release as its author would, and rolls it out; returns the seconds from push to done.
async fn roll(
    client: &Client,
    system: &System,
    release: &Path,
    version: &str,
    arguments: &Arguments,
) -> Result<f64> {
    let begun = Instant::now();
    system.push(release).await?;
    let mut rollout = client.begin_rollout(&asked(version, arguments)?).await?;
    while !rollout.state.is_over() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        rollout = client.rollout(rollout.id).await?;
    }
    let Rollout { state, problem, .. } = &rollout;
    ensure!(
        *state == RolloutState::Done,
        "the rollout to {version} ended {state:?}: {problem:?}"
    );
    Ok(begun.elapsed().as_secs_f64())
}

fn asked(version: &str, arguments: &Arguments) -> Result<NewRollout> {
    let has_canary = arguments.canary > 0;
    Ok(NewRollout {
        kind: ROLLED.parse()?,
        to: version.into(),
        plan: RolloutPlan {
            shadow_answers: arguments.shadow,
            canary_shares: if has_canary { vec![0.25] } else { Vec::new() },
            canary_tasks: arguments.canary,
            watch: Duration::ZERO,
            ..RolloutPlan::default()
        },
        waves: Vec::new(),
        why: None,
    })
}

/// Users who send the next request as soon as they have an answer.
struct Load {
    users: JoinSet<Result<()>>,
    is_over: Arc<AtomicBool>,
    seen: Arc<std::sync::Mutex<Seen>>,
}

impl Load {
    fn start(client: &Client, readers: usize) -> Self {
        let (seen, is_over) = (Arc::default(), Arc::<AtomicBool>::default());
        let mut users = JoinSet::new();
        for kind in KINDS {
            for at in 0..readers + readers.div_ceil(2) {
                let user = User {
                    client: client.clone(),
                    target: format!("name={kind}-{at}"),
                    controls: at >= readers,
                    seen: Arc::clone(&seen),
                };
                let is_over = Arc::clone(&is_over);
                users.spawn(async move {
                    while !is_over.load(Ordering::Relaxed) {
                        user.ask().await?;
                    }
                    Ok(())
                });
            }
        }
        Self {
            users,
            is_over,
            seen,
        }
    }

    /// Returns the results since the last call.
    fn take(&self) -> Seen {
        let mut seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut seen)
    }

    async fn end(mut self) -> Result<Seen> {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.users.join_next().await {
            ended.context("a user of the system ended")??;
        }
        Ok(self.take())
    }
}

struct User {
    client: Client,
    target: String,
    controls: bool,
    seen: Arc<std::sync::Mutex<Seen>>,
}

impl User {
    async fn ask(&self) -> Result<()> {
        let begun = Instant::now();
        let counts = if self.controls {
            self.control().await?
        } else {
            self.read().await?
        };
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        let mut seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.milliseconds.push(took);
        if counts.succeeded != 1 {
            seen.errors.push(format!("{}: {counts:?}", self.target));
        }
        Ok(())
    }

    async fn read(&self) -> Result<Counts> {
        // Not `read`: it counts per worker, which the shadow would notice.
        let read = utakata_api::operation::Read {
            wait: Duration::from_secs(20),
            ..echo::read(&self.target, 300, 200)?
        };
        Ok(self.client.read(&read).await?.counts)
    }

    async fn control(&self) -> Result<Counts> {
        let mut control = load::set(&self.target, 1)?;
        control.wait = Duration::from_secs(20);
        match self.client.control(&control).await? {
            ControlAnswer::Operation(answer) => Ok(answer.counts),
            ControlAnswer::Plan(_) => bail!("only a plan came"),
        }
    }
}
