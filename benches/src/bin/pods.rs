//! A task for a worker in a pod beside one for a worker that is a process, the start of a pod, and
//! the requests to the API server of a site that is quiet, is busy, and rolls a release out. The
//! cluster is one of our own, whose pods are processes: the figures are those of utakata, without
//! what a real kubelet, registry and network take.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use utakata_api::{
    apply::{Apply, Document},
    client::Client,
    rollout::{NewRollout, RolloutState},
};
use utakata_benches::{
    echo,
    figures::Figures,
    pods::{Pods, Requests},
    system::{System, repository},
};
use utakata_model::{RolloutPlan, Target, WorkerId};

const HOUR: f64 = 3600.0;
/// Kinds with a worker that stays, and with one that is started for each task.
const POOLS: [(&str, &str); 2] = [("warm", "min = 1\nmax = 1"), ("cold", "min = 0\nmax = 1")];

/// Tasks through pods, and what they ask of an API server.
#[derive(Parser)]
struct Arguments {
    /// Number of runs of everything
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Tasks for a running worker in one run.
    #[arg(long, default_value_t = 300)]
    warm: usize,
    /// Starts of a pod in one run.
    #[arg(long, default_value_t = 10)]
    cold: usize,
    /// Seconds for which a site is left alone.
    #[arg(long, default_value_t = 120)]
    quiet: u64,
    /// Releases rolled out one after the other.
    #[arg(long, default_value_t = 10)]
    releases: usize,
}

struct Site {
    client: Client,
    system: System,
    folder: tempfile::TempDir,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let pods = Pods::start()?;
    let in_pods = Site::open(Some(&pods)).await?;
    let processes = Site::open(None).await?;
    let [mut ratio, mut in_pod, mut in_process, mut cold] = [(); 4].map(|()| Figures::default());
    for _ in 0..arguments.runs {
        let [pod, process] = [
            in_pods.warm(arguments.warm).await?.median(),
            processes.warm(arguments.warm).await?.median(),
        ];
        in_pod.add(pod);
        in_process.add(process);
        ratio.add(pod / process);
        cold.add(in_pods.cold(arguments.cold).await?.median());
    }
    println!("warm task through a pod, ms                 {in_pod:.2}");
    println!("warm task through a process, ms             {in_process:.2}");
    println!("pod / process                               {ratio:.2}");
    println!("cold task, a pod is started for it, ms      {cold:.1}");
    drop(processes);
    let before = pods.requests();
    for _ in 0..arguments.warm {
        in_pods.ask("warm").await?;
    }
    let busy = pods.requests() - before;
    let tasks = arguments.warm;
    println!("requests during {tasks} warm tasks              {busy:?}");
    let before = pods.requests();
    tokio::time::sleep(Duration::from_secs(arguments.quiet)).await;
    let quiet = pods.requests() - before;
    let per_hour = |count: u64| count as f64 * HOUR / arguments.quiet as f64;
    println!(
        "a quiet site, per hour                      {:.0} writes, {:.0} others",
        per_hour(quiet.writes),
        per_hour(quiet.others)
    );
    let before = pods.requests();
    let begun = Instant::now();
    for number in 1..=arguments.releases {
        in_pods.roll(&pods, number).await?;
    }
    let Requests { writes, others } = pods.requests() - before;
    let each = |count: u64| count as f64 / arguments.releases as f64;
    println!(
        "one rollout                                 {:.1} writes, {:.1} others, {:.2} s",
        each(writes),
        each(others),
        begun.elapsed().as_secs_f64() / arguments.releases as f64
    );
    Ok(())
}

impl Site {
    /// Starts a system whose workers are pods, or processes.
    async fn open(pods: Option<&Pods>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let releases: Vec<PathBuf> = POOLS
            .iter()
            .map(|(kind, pool)| release(folder.path(), (kind, pool, "0.1.0"), pods))
            .collect::<Result<_>>()?;
        let releases: Vec<&Path> = releases.iter().map(PathBuf::as_path).collect();
        let forgetful = "[execution]\nwarm_for = \"1ms\"\nidle_after = \"1ms\"\n";
        let settings = match pods {
            Some(pods) => pods.settings().replace("[execution]\n", forgetful),
            None => forgetful.to_owned(),
        };
        let system = System::start_with(&releases, &settings)?;
        let client = Client::new(&system.url, &system.token)?;
        declare(&client).await?;
        let site = Self {
            client,
            system,
            folder,
        };
        site.until("warm", |ready| ready == 1).await?;
        Ok(site)
    }

    async fn ask(&self, kind: &str) -> Result<f64> {
        Ok(self.ask_worker(kind).await?.0)
    }

    /// Has a target read; returns the milliseconds, and the worker that read it.
    async fn ask_worker(&self, kind: &str) -> Result<(f64, Option<WorkerId>)> {
        let mut read = echo::read(&format!("name={kind}-0"), 300, 200)?;
        read.wait = Duration::from_secs(20);
        let begun = Instant::now();
        let answer = self.client.read(&read).await?;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        ensure!(answer.counts.succeeded == 1, "not read: {answer:?}");
        let outcomes = answer.tasks.iter().filter_map(|task| task.outcome.as_ref());
        let mut workers =
            outcomes.filter_map(|outcome| Some(outcome.ran_by.as_ref()?.worker.clone()));
        Ok((took, workers.next()))
    }

    async fn warm(&self, tasks: usize) -> Result<Figures> {
        let mut milliseconds = Figures::default();
        for _ in 0..tasks {
            milliseconds.add(self.ask("warm").await?);
        }
        Ok(milliseconds)
    }

    async fn cold(&self, starts: usize) -> Result<Figures> {
        let mut milliseconds = Figures::default();
        let (mut last, mut cold) = (None, 0);
        while cold < starts {
            self.until("cold", |ready| ready == 0).await?;
            let (took, worker) = self.ask_worker("cold").await?;
            // What is known of the pool may be older than the start of its last worker.
            if worker != last {
                milliseconds.add(took);
                cold += 1;
            }
            last = worker;
        }
        Ok(milliseconds)
    }

    /// Waits until a pool has so many workers.
    async fn until(&self, kind: &str, is_right: impl Fn(u32) -> bool) -> Result<()> {
        for _ in 0..3000 {
            let environments = self.client.environments().await?;
            let pools = environments.iter().flat_map(|one| &one.status.pools);
            let mut pools = pools.filter(|pool| pool.release.kind.as_str() == kind);
            if pools.next().is_some_and(|pool| is_right(pool.ready)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("the pool of {kind} does not become as it should within 60 s")
    }

    /// Rolls out another release of the kind with a worker.
    async fn roll(&self, pods: &Pods, number: usize) -> Result<()> {
        let (kind, pool) = POOLS[0];
        let version = format!("0.2.{number}");
        let release = release(self.folder.path(), (kind, pool, &version), Some(pods))?;
        self.system.push(&release).await?;
        let mut rollout = self.client.begin_rollout(&asked(kind, &version)?).await?;
        while !rollout.state.is_over() {
            self.ask(kind).await?;
            rollout = self.client.rollout(rollout.id).await?;
        }
        ensure!(
            rollout.state == RolloutState::Done,
            "the rollout to {version} ended {:?}: {:?}",
            rollout.state,
            rollout.problem
        );
        Ok(())
    }
}

fn asked(kind: &str, version: &str) -> Result<NewRollout> {
    Ok(NewRollout {
        kind: kind.parse()?,
        to: version.into(),
        plan: RolloutPlan {
            shadow_answers: 10,
            canary_shares: vec![0.25],
            canary_tasks: 10,
            watch: Duration::ZERO,
            ..RolloutPlan::default()
        },
        waves: Vec::new(),
        why: None,
    })
}

/// Creates a release folder: the echo worker under another kind and version, with this pool.
fn release(
    folder: &Path,
    (kind, pool, version): (&str, &str, &str),
    pods: Option<&Pods>,
) -> Result<PathBuf> {
    let manifest = repository().join("workers/echo/releases/echo/worker.toml");
    let manifest = fs::read_to_string(manifest)?
        .replace("kind = \"echo\"", &format!("kind = \"{kind}\""))
        .replace("version = \"0.1.0\"", &format!("version = \"{version}\""))
        .replacen("[[action]]", &format!("[pool]\n{pool}\n\n[[action]]"), 1);
    let path = folder.join(format!("{kind}-{version}"));
    fs::create_dir_all(&path)?;
    fs::write(path.join("worker.toml"), manifest)?;
    if let Some(pods) = pods {
        pods.publish(&path)?;
    }
    Ok(path)
}

async fn declare(client: &Client) -> Result<()> {
    let documents: Vec<Document> = POOLS
        .iter()
        .map(|(kind, _)| {
            let name = format!("{kind}-0").parse()?;
            Ok(Document::Target(Target::new(
                name,
                kind.parse()?,
                "nowhere".into(),
            )))
        })
        .collect::<Result<_>>()?;
    for _ in 0..3000 {
        let served = client.kinds().await?;
        let is_served =
            |(kind, _): &(&str, &str)| served.iter().any(|one| one.kind.as_str() == *kind);
        if POOLS.iter().all(is_served) {
            client
                .apply(&Apply {
                    documents,
                    delete: Vec::new(),
                    dry_run: false,
                })
                .await?;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the kinds are not served after 60 s")
}
