//! The drill of policies: a policy is armed in a simulated room, whose utility feed fails at random,
//! while all processes are killed and frozen. At the end the devices are held against the envelope.
//!
//! ```text
//! Weather ──► simulator: a feed is lost, a PDU is silent
//!                 │ SNMP
//! Disasters ─► Crew ── kill -9, stop ► le (policy, ledger), hub, wee-1, wee-2 ─► workers
//!                 │
//!                 └─► Losses (was the breaker relieved in time?), count(commands, ledger)
//! ```

mod count;
mod losses;
mod report;
mod site;
mod truth;
mod weather;

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};
use utakata_api::policy::{ArmPolicy, PolicyView, TestPolicy};
use utakata_model::{PolicyName, TaskState};
use utakata_up::{demo::Room, drill::Settings, folder::Folder, signals::Signals};

pub use self::report::Report;
use self::{
    count::{Counts, Task},
    losses::{Look, Losses},
    weather::Weather,
};
use crate::{
    crew::{Boxes, Crew},
    disaster::{Among, Disasters},
    disk::{self, Disk},
    invariants::{self, Broken},
    keys::Keys,
    ledger,
    place::{self, Place},
    report::{self as common, Audit},
    server::Server,
};

/// The interval between looks at the processes, and that between looks at the breaker.
const TICK: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(250);
/// The interval between lines about the progress.
const TELL: Duration = Duration::from_secs(10);
/// The time within which the whole site must be ready.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// The time for which the policy is armed: longer than any drill.
const ARMED_FOR: Duration = Duration::from_secs(7 * 86_400);
/// The heat of its bimetal, in percent, below which a breaker that has tripped is closed again.
const COOL: f64 = 80.0;

/// A running drill of policies.
struct Drill<'a> {
    settings: &'a Settings,
    crew: Crew,
    signals: Signals,
    server: Arc<Server>,
    /// The address of the simulator's control port.
    control: String,
    weather: Weather,
    began: Instant,
    losses: Losses,
    is_lost: bool,
    /// The PDU that is silent.
    silent: Option<&'static str>,
    silences: u64,
    looked: Instant,
    told: Instant,
}

/// The results at the end.
struct Results {
    counts: Counts,
    view: PolicyView,
    broken: Broken,
    audit: Audit,
}

/// Drills from the start to the comparison. When it returns, nothing is left running.
///
/// # Errors
/// The drill itself could not be carried out.
pub async fn run(settings: &Settings, signals: Signals) -> Result<Report> {
    let began = Instant::now();
    let mut place = Place::make(settings.keep.as_deref())?;
    place.needed = &site::KINDS;
    let unwritable = || format!("{} cannot be written", place.path().display());
    let (room_file, manifest) = (place.data("room.toml"), site::manifest()?);
    place
        .write_kind(site::KIND, &manifest)
        .with_context(unwritable)?;
    fs::write(&room_file, site::ROOM).with_context(unwritable)?;
    let disk = disk::room(settings.time, None);
    let disk = Disk::mount(&place.data(place::LOGIC), disk).with_context(unwritable)?;
    place.furnish("").with_context(unwritable)?;
    eprintln!(
        "seed {}: a policy is armed, and something is killed every {:?} for {:?}",
        settings.seed, settings.kill_every, settings.time
    );
    let file = room_file.display().to_string();
    let room = Room::start_with(&["room".to_owned(), "--room".to_owned(), file]).await?;
    let control = room
        .control()
        .context("the simulator has no control port")?;
    let folders = vec![Folder::new(place.data(place::LOGIC))];
    let server = Arc::new(Server::new(folders));
    let mut crew = Crew::start(&place, Boxes::None, disk, settings)?;
    crew.hold(Keys::new(Arc::clone(&server)));
    let mut drill = Drill {
        settings,
        crew,
        signals,
        server,
        control: control.to_owned(),
        weather: Weather::new(settings.seed, settings.time),
        began: Instant::now(),
        losses: Losses::default(),
        is_lost: false,
        silent: None,
        silences: 0,
        looked: Instant::now(),
        told: Instant::now(),
    };
    let results = drill.carry_out(&room, &place).await;
    drill.crew.end().await;
    room.stop().await;
    let Results {
        counts,
        view,
        broken,
        audit,
    } = results?;
    let changes = view.instances.iter().flat_map(|one| &one.changes);
    let open = changes.filter(|change| change.stage != "person").count();
    Ok(Report {
        seed: settings.seed,
        took: common::took(began.elapsed()),
        log: drill.crew.log,
        silences: drill.silences,
        losses: drill.losses.all().to_vec(),
        counts,
        stopped: view.stopped,
        not_handed_back: open as u64,
        broken,
        audit,
        repeat: common::repeat(settings),
        kept: settings
            .keep
            .as_ref()
            .map(|path| path.display().to_string()),
    })
}

impl Drill<'_> {
    async fn carry_out(&mut self, room: &Room, place: &Place) -> Result<Results> {
        let name: PolicyName = site::ARMED.parse()?;
        tokio::select! {
            armed = arm(&self.server, room, &name) => armed?,
            () = sleep(READY_TIMEOUT) => {
                bail!("nothing was ready within {READY_TIMEOUT:?}: keep the logs with --keep DIR")
            }
            signal = self.signals.end_requested() => bail!("{signal} before it began"),
        }
        self.rage().await?;
        self.calm(&name).await?;
        let (commands, off) = truth::outlets(&self.control).await?;
        let tasks: Vec<Task> = ledger::views(&self.server)
            .await?
            .iter()
            .filter_map(task)
            .collect();
        let counts = count::count(&commands, &off, &tasks, &site::rules());
        let client = self
            .server
            .client()
            .context("the logic environment has gone")?;
        Ok(Results {
            counts,
            view: client.policy(&name).await?,
            broken: invariants::find(&self.server, place).await?,
            audit: ledger::audit(&self.server).await,
        })
    }

    /// Kills and restarts, and loses the feed, until time is over, or somebody asks to end.
    async fn rage(&mut self) -> Result<()> {
        self.began = Instant::now();
        let until = self.began + self.settings.time;
        let mut disasters = Disasters::new(
            self.settings.seed,
            self.settings.kill_every,
            Among::Ourselves,
        );
        let mut next = disasters.next();
        let mut last = self.began;
        while Instant::now() < until {
            tokio::select! {
                () = sleep(TICK) => {}
                _ = self.signals.end_requested() => {
                    self.signals.let_pass().await;
                    return Ok(());
                }
            }
            if let Some(disaster) = &next
                && last + disaster.after <= Instant::now()
            {
                last += disaster.after;
                self.crew.strike(disaster);
                next = disasters.next();
            }
            let now = self.began.elapsed();
            let silent = self.weather.silent(now);
            let silent = silent.map(|which| site::PDUS[which % site::PDUS.len()]);
            self.befall(self.weather.is_lost(now), silent).await?;
            self.tend().await?;
        }
        Ok(())
    }

    /// Lets everything come to rest: a loss that is open is judged, and everything is handed back.
    async fn calm(&mut self, name: &PolicyName) -> Result<()> {
        self.crew.calm();
        self.befall(self.is_lost, None).await?;
        while !self.losses.is_judged() {
            self.rest().await?;
        }
        self.befall(false, None).await?;
        let until = Instant::now() + place::settled_within();
        while !self.is_handed_back(name).await && Instant::now() < until {
            self.rest().await?;
        }
        Ok(())
    }

    async fn rest(&mut self) -> Result<()> {
        tokio::select! {
            () = sleep(TICK) => {}
            signal = self.signals.end_requested() => bail!("{signal}: not compared"),
        }
        self.tend().await
    }

    /// Returns true if the policy has nothing to hand back, and none of its tasks is under way.
    async fn is_handed_back(&self, name: &PolicyName) -> bool {
        let Some(client) = self.server.client() else {
            return false;
        };
        let Ok(view) = client.policy(name).await else {
            return false;
        };
        let mut changes = view.instances.iter().flat_map(|one| &one.changes);
        let has_decided = view.instances.iter().all(|one| one.at.is_some());
        let is_over = has_decided && changes.all(|change| change.stage == "person");
        if !is_over {
            return false;
        }
        let tasks = ledger::views(&self.server).await.unwrap_or_default();
        tasks
            .iter()
            .all(|task| task.state.is_final() || task.state == TaskState::Unsettled)
    }

    /// Has the feed be lost or not, and one PDU or none be silent.
    async fn befall(&mut self, is_lost: bool, silent: Option<&'static str>) -> Result<()> {
        if silent != self.silent {
            if let Some(pdu) = self.silent.take() {
                truth::condition(&self.control, pdu, "none").await?;
            }
            if let Some(pdu) = silent {
                truth::condition(&self.control, pdu, "silent").await?;
                self.silences += 1;
            }
            self.silent = silent;
        }
        if is_lost != self.is_lost {
            self.is_lost = is_lost;
            let condition = if is_lost { "utility-lost" } else { "none" };
            truth::condition(&self.control, site::LOSES, condition).await?;
            let now = self.began.elapsed();
            match is_lost {
                true => self.losses.begin(now),
                false => self.losses.end(now),
            }
        }
        Ok(())
    }

    /// Restarts what was killed, and looks at the breaker when it is time.
    async fn tend(&mut self) -> Result<()> {
        self.crew.keep()?;
        if self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        let carrier = truth::carrier(&self.control).await?;
        let look = Look {
            trips: carrier.trips,
            trips_within: carrier.trips_within,
            is_whole: self.crew.is_whole(),
        };
        self.losses.look(look, self.began.elapsed());
        if carrier.is_open && carrier.heat_percent < COOL && !self.is_lost {
            // As a person does.
            truth::condition(&self.control, site::CARRIES, "none").await?;
        }
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            eprintln!(
                "{:.0} s: {} at {:.0} W, its breaker at {:.0} %{}; killed or frozen {} times",
                self.began.elapsed().as_secs_f64(),
                site::CARRIES,
                carrier.watts,
                carrier.heat_percent,
                if self.is_lost {
                    ", the other feed is lost"
                } else {
                    ""
                },
                self.crew.log.kills.values().sum::<u64>(),
            );
        }
        Ok(())
    }
}

/// Declares everything as soon as somebody listens, and arms the policy once it sees its inputs.
async fn arm(server: &Server, room: &Room, name: &PolicyName) -> Result<()> {
    let apply = site::documents(room)?;
    let mut is_applied = false;
    loop {
        if let Some(client) = server.client() {
            is_applied = is_applied || client.apply(&apply).await.is_ok();
            let view = client.policy(name).await;
            let sees = view.is_ok_and(|view| {
                let mut instances = view.instances.iter();
                instances.any(|one| one.conditions.get("when") == Some(&Some(false)))
            });
            if sees {
                let since = Duration::from_secs(60);
                let tested = client.test_policy(name, &TestPolicy { since }).await?;
                let arm = ArmPolicy {
                    token: tested.token.context("the test gave no token")?,
                    lasts: ARMED_FOR,
                    advise: false,
                    why: Some("a drill".into()),
                };
                client.arm_policy(name, &arm).await?;
                return Ok(());
            }
        }
        sleep(RETRY_AFTER).await;
    }
}

/// Returns a task for the comparison; nothing if it switches no outlet.
fn task(view: &utakata_api::task::TaskView) -> Option<Task> {
    let outlet = view.parameters.get("outlet")?.as_u64()?;
    let what = view.action.as_str().strip_prefix("outlet-")?;
    let attempts = view.attempts.iter();
    Some(Task {
        id: view.id.to_string(),
        outlet: (view.target.to_string(), outlet),
        what: what.to_owned(),
        state: view.state,
        permits: attempts.map(|one| one.permitted.as_millisecond()).collect(),
    })
}
