//! A task for a running worker, a task for one that must be started first, and bursts with and
//! without a reserve; workers as processes and as containers, compared with Docker's own `exec` and
//! `run`.

use std::{
    fs,
    io::Read,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use utakata_api::{
    apply::{Apply, Document},
    client::Client,
};
use utakata_benches::{
    containers::{self, Containers},
    echo,
    figures::Figures,
    system::{System, repository},
};
use utakata_model::{Outcome, PoolStatus, Target};

/// The maximum age of a pool's status.
const TOLD_WITHIN: Duration = Duration::from_millis(300);
/// Tasks in a burst, and workers in a reserve.
const BURST: usize = 4;
/// Pools release spare workers at once, so that each start is a cold one.
const FORGETFUL: &str = "[execution]\nwarm_for = \"1ms\"\nidle_after = \"1ms\"\n";
/// The kinds, and the sizes of their pools.
const POOLS: [(&str, &str); 6] = [
    ("warm", "min = 1\nmax = 1"),
    ("cold", "min = 0\nmax = 1"),
    ("kept", "min = 0\nmax = 4"),
    ("kept-reserve", "min = 0\nmax = 5\nreserve = 4"),
    ("once", "min = 0\nmax = 4\nlifetime = \"task\""),
    (
        "once-reserve",
        "min = 0\nmax = 8\nreserve = 4\nlifetime = \"task\"",
    ),
];

/// Warm dispatch, cold starts and bursts.
#[derive(Parser)]
struct Arguments {
    /// Number of runs of everything
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Tasks for a running worker in one run.
    #[arg(long, default_value_t = 300)]
    warm: usize,
    /// Number of cold starts in a run
    #[arg(long, default_value_t = 15)]
    cold: usize,
    /// Bursts for each pool in one run.
    #[arg(long, default_value_t = 10)]
    bursts: usize,
}

/// The results of one pool.
#[derive(Default)]
struct Bursts {
    /// Milliseconds until the last task of a burst had its outcome.
    whole: Figures,
    /// Tasks that waited for a worker to start.
    waited: usize,
    tasks: usize,
}

/// A completed read.
struct Asked {
    /// Milliseconds from the request to its answer.
    took: f64,
    outcomes: Vec<Outcome>,
}

/// A system whose workers are all of one type.
struct Site<'a> {
    what: &'static str,
    containers: Option<&'a Containers>,
    client: Client,
    _system: System,
    _folder: tempfile::TempDir,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    measure(&Site::open("process", None).await?, &arguments).await?;
    match Containers::start() {
        Ok(containers) => {
            let site = Site::open("container", Some(&containers)).await?;
            measure(&site, &arguments).await
        }
        Err(error) => {
            println!("containers were not measured, no engine can be started: {error:#}");
            Ok(())
        }
    }
}

async fn measure(site: &Site<'_>, arguments: &Arguments) -> Result<()> {
    let [mut warm, mut cold, mut enter, mut fresh] = [(); 4].map(|()| Figures::default());
    let [mut dispatch, mut start] = [(); 2].map(|()| Figures::default());
    let mut bursts: [Bursts; 4] = Default::default();
    for run in 0..arguments.runs {
        let seen = [
            site.warm(arguments.warm).await?,
            site.cold(arguments.cold).await?,
            site.enter(arguments.cold)?,
            site.fresh(arguments.cold)?,
        ];
        let [in_warm, in_cold, in_enter, in_fresh] = seen.each_ref().map(Figures::median);
        println!(
            "{}, run {run}: warm {in_warm:.2} ms, cold {in_cold:.1} ms; peers: into what is there \
             {in_enter:.1} ms, new {in_fresh:.1} ms",
            site.what
        );
        dispatch.add(in_enter / in_warm);
        start.add(in_cold / in_fresh);
        for (all, one) in [&mut warm, &mut cold, &mut enter, &mut fresh]
            .into_iter()
            .zip([in_warm, in_cold, in_enter, in_fresh])
        {
            all.add(one);
        }
        // A quarter of a start is far longer than a task otherwise waits in an environment.
        let waits = Duration::from_secs_f64(in_cold / 4000.0);
        for (seen, (kind, _)) in bursts.iter_mut().zip(&POOLS[2..]) {
            for _ in 0..arguments.bursts {
                site.burst(kind, waits, seen).await?;
            }
        }
    }
    let sort = match site.containers {
        Some(_) => [
            "docker exec into a container",
            "docker run to its first output",
        ],
        None => ["spawn of a program, to its first output", "the same"],
    };
    println!(
        "workers are a {} each, medians of {} runs, milliseconds:",
        site.what, arguments.runs
    );
    println!("  a task for a warm worker, to its outcome      {warm:.2}");
    println!("  no worker, to the outcome of the first task   {cold:.1}");
    println!("  {:<45} {enter:.1}", sort[0]);
    println!("  {:<45} {fresh:.1}", sort[1]);
    println!("  that into what is there / warm task, times    {dispatch:.1}");
    println!("  first task / what is new, times               {start:.2}");
    for (seen, (kind, pool)) in bursts.iter().zip(&POOLS[2..]) {
        println!(
            "  bursts of {BURST}, {kind:<12} {} of {} tasks waited for a start; whole burst {:.1} \
             [{}]",
            seen.waited,
            seen.tasks,
            seen.whole,
            pool.replace('\n', ", ")
        );
    }
    Ok(())
}

impl<'a> Site<'a> {
    async fn open(what: &'static str, containers: Option<&'a Containers>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut releases = Vec::new();
        for (kind, pool) in POOLS {
            let release = release(folder.path().join(kind), kind, pool)?;
            if let Some(containers) = containers {
                containers.publish(&release)?;
            }
            releases.push(release);
        }
        let releases: Vec<_> = releases.iter().map(PathBuf::as_path).collect();
        let engine = containers.map(Containers::settings).unwrap_or_default();
        let system = System::start_with(&releases, &format!("{FORGETFUL}{engine}"))?;
        let client = Client::new(&system.url, &system.token)?;
        let site = Self {
            what,
            containers,
            client,
            _system: system,
            _folder: folder,
        };
        site.declare().await?;
        Ok(site)
    }

    async fn declare(&self) -> Result<()> {
        let mut documents = Vec::new();
        for (kind, _) in POOLS {
            for at in 0..BURST {
                let name = format!("{kind}-{at}").parse()?;
                let mut target = Target::new(name, kind.parse()?, "nowhere".into());
                target.labels.insert("pool".into(), kind.into());
                documents.push(Document::Target(target));
            }
            self.until(kind, |_| true).await?;
        }
        let dry_run = false;
        self.client
            .apply(&Apply {
                documents,
                delete: Vec::new(),
                dry_run,
            })
            .await?;
        Ok(())
    }

    /// Waits until a fresh status shows that a pool satisfies a condition.
    async fn until(&self, kind: &str, is_so: impl Fn(&PoolStatus) -> bool) -> Result<()> {
        tokio::time::sleep(TOLD_WITHIN).await;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            let environments = self.client.environments().await?;
            let mut pools = environments.iter().flat_map(|one| &one.status.pools);
            if pools.any(|pool| pool.release.kind.as_str() == kind && is_so(pool)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("the pool of {kind} does not become as it should within 60 s")
    }

    /// Reads all targets of a selector.
    async fn ask(&self, selector: &str, expect: usize) -> Result<Asked> {
        let mut read = echo::read(selector, 300, 200)?;
        read.wait = Duration::from_secs(20);
        let begun = Instant::now();
        let answer = self.client.read(&read).await?;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        ensure!(
            answer.counts.succeeded == expect as u64,
            "not all of {selector} was read: {answer:?}"
        );
        let tasks = answer.tasks.into_iter();
        let outcomes: Vec<Outcome> = tasks.filter_map(|task| task.outcome).collect();
        ensure!(outcomes.len() == expect, "not all outcomes are told");
        Ok(Asked { took, outcomes })
    }

    async fn warm(&self, tasks: usize) -> Result<Figures> {
        self.until("warm", |pool| pool.ready == 1).await?;
        self.ask("name=warm-0", 1).await?;
        let mut milliseconds = Figures::default();
        for _ in 0..tasks {
            milliseconds.add(self.ask("name=warm-0", 1).await?.took);
        }
        Ok(milliseconds)
    }

    async fn cold(&self, starts: usize) -> Result<Figures> {
        let (mut milliseconds, mut last) = (Figures::default(), None);
        for _ in 0..starts {
            self.until("cold", is_empty).await?;
            let asked = self.ask("name=cold-0", 1).await?;
            let worker = asked.outcomes[0]
                .ran_by
                .as_ref()
                .map(|ran| ran.worker.clone());
            ensure!(
                worker.is_some() && worker != last,
                "the worker was there before"
            );
            last = worker;
            milliseconds.add(asked.took);
        }
        Ok(milliseconds)
    }

    async fn burst(&self, kind: &str, waits: Duration, seen: &mut Bursts) -> Result<()> {
        if kind.ends_with("reserve") {
            self.until(kind, is_reserved).await?;
        } else {
            self.until(kind, is_empty).await?;
        }
        let asked = self.ask(&format!("pool={kind}"), BURST).await?;
        let outcomes = asked.outcomes.iter();
        seen.whole.add(asked.took);
        seen.waited += outcomes.filter(|one| one.timings.waited > waits).count();
        seen.tasks += BURST;
        Ok(())
    }

    /// Runs a program in an existing container.
    fn enter(&self, times: usize) -> Result<Figures> {
        let Some(containers) = self.containers else {
            return self.fresh(times);
        };
        let run = [
            "run",
            "--detach",
            "--network=none",
            containers::BASE,
            "/sleep",
            "3600",
        ];
        let started = containers.docker(&run).output()?;
        ensure!(started.status.success(), "no container can be started");
        let id = String::from_utf8(started.stdout)?;
        let exec = ["exec", id.trim(), "/echo", "x"];
        let milliseconds = first_outputs(times, || containers.docker(&exec));
        let removed = containers.docker(&["rm", "--force", id.trim()]).output()?;
        ensure!(removed.status.success(), "a container is left");
        milliseconds
    }

    /// Runs a program in a new container, or for processes: just the program.
    fn fresh(&self, times: usize) -> Result<Figures> {
        first_outputs(times, || match self.containers {
            Some(containers) => {
                let run = [
                    "run",
                    "--rm",
                    "--network=none",
                    containers::BASE,
                    "/echo",
                    "x",
                ];
                containers.docker(&run)
            }
            None => {
                let mut echo = Command::new("/bin/echo");
                echo.arg("x");
                echo
            }
        })
    }
}

fn is_empty(pool: &PoolStatus) -> bool {
    pool.starting + pool.ready + pool.draining + pool.running == 0
}

fn is_reserved(pool: &PoolStatus) -> bool {
    pool.ready as usize == BURST && pool.starting + pool.draining + pool.running == 0
}

/// Milliseconds from the start of a command to the first byte of its output.
fn first_outputs(times: usize, command: impl Fn() -> Command) -> Result<Figures> {
    let mut milliseconds = Figures::default();
    for _ in 0..times {
        let begun = Instant::now();
        let mut child = command().stdout(Stdio::piped()).spawn()?;
        let mut printed = child.stdout.take().context("its output is piped")?;
        printed.read_exact(&mut [0])?;
        milliseconds.add(begun.elapsed().as_secs_f64() * 1000.0);
        ensure!(child.wait()?.success(), "a peer failed");
    }
    Ok(milliseconds)
}

/// Creates a release folder: the echo worker under another kind, with another pool.
fn release(path: PathBuf, kind: &str, pool: &str) -> Result<PathBuf> {
    let manifest = repository().join("workers/echo/releases/echo/worker.toml");
    let manifest = fs::read_to_string(manifest)?
        .replace("kind = \"echo\"", &format!("kind = \"{kind}\""))
        .replacen("[[action]]", &format!("[pool]\n{pool}\n\n[[action]]"), 1);
    fs::create_dir_all(&path)?;
    fs::write(path.join("worker.toml"), manifest)?;
    Ok(path)
}
