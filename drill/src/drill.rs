//! The drill: a site of simulated devices whose processes are killed all the time, and the proof
//! that no control is lost, done twice or reported wrongly.
//!
//! ```text
//!            Orders ─► Load ──HTTP──► le ◄─┐
//!                                          │ hub (loses, duplicates, delays, reorders)
//! Disasters ─► Crew ── kill -9, stop ► wee-1, wee-2 ─► workers ─► simulated devices
//!                                                                  │
//!                       count(sent, ledger, truth) ◄───────────────┘
//! ```

mod cut_off;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use utakata_model::Content;
use utakata_up::{
    demo::Room, drill::Settings, folder::Folder, release_folder::ReleaseFolder, signals::Signals,
};

use crate::{
    cluster::Pods,
    count,
    crew::{Boxes, Crew},
    cut::Cut,
    disaster::{Among, Disasters},
    disk::{self, Disk},
    engine::Engine,
    image::{Image, Images},
    invariants::{self, Broken},
    keys::Keys,
    ledger,
    load::Load,
    member,
    observed::Observed,
    order::Orders,
    place::{self, Place},
    report::{self, Report},
    roller::Roller,
    server::Server,
    servers::{self, Servers},
    show::{Phase, Show},
    site,
    told::Told,
    truth,
    watch::{self, Watch},
};

/// The interval between looks at the processes.
const TICK: Duration = Duration::from_millis(50);
/// The time within which the whole site must be ready.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

fn among(settings: &Settings) -> Among {
    match (&settings.servers, &settings.docker) {
        (Some(_), _) => Among::Servers,
        (None, Some(_)) => Among::Engine,
        (None, None) if settings.kubernetes => Among::Cluster,
        (None, None) => Among::Ourselves,
    }
}

/// A running drill.
struct Drill<'a> {
    settings: &'a Settings,
    crew: Crew,
    show: Show,
    signals: Signals,
    load: Arc<Load>,
    /// Rolls out releases, if requested.
    roller: Option<Roller>,
    /// The clients that send and follow operations; they end with this.
    clients: JoinSet<Result<()>>,
    stop: CancellationToken,
    /// The result of cutting environments off.
    cut: Option<Cut>,
    /// The receiver of alarms.
    told: Told,
    /// Looks at alarms and history.
    watch: Arc<Watch>,
}

/// Drills from the start to the comparison. When it returns, nothing is left running.
///
/// # Errors
/// The drill itself could not be carried out.
pub async fn run(settings: &Settings, signals: Signals) -> Result<Report> {
    let began = Instant::now();
    let mut place = Place::make(settings.keep.as_deref())?;
    let told = Told::listen(watch::RULE).await?;
    place.alarms = Some(told.url());
    let (mut crew, images) = crew(settings, &place).await?;
    if let Some(by) = settings.skew {
        let missing = "libfaketime is not installed (Debian: faketime): --skew needs it";
        crew.skew(&member::Clock::library().context(missing)?, by);
    }
    eprintln!(
        "seed {}: {} devices, something is killed every {:?} for {:?}",
        settings.seed, settings.devices, settings.kill_every, settings.time
    );
    let room = Room::start_with(&site::simulator(settings)).await?;
    let names = match &settings.servers {
        Some(_) => &place::LOGICS[..],
        None => &[place::LOGIC],
    };
    let folders = names.iter().map(|name| Folder::new(place.data(name)));
    let server = Arc::new(Server::new(folders.collect()));
    crew.hold(Keys::new(Arc::clone(&server)));
    let watch = Arc::new(Watch::new(Arc::clone(&server), settings.skew.is_some()));
    let mut drill = Drill {
        settings,
        told,
        watch,
        crew,
        show: Show::open(among(settings)),
        signals,
        load: Arc::new(Load::new(
            Arc::clone(&server),
            settings.in_flight,
            settings.rate,
        )),
        roller: settings
            .rolls
            .then(|| Roller::new(Arc::clone(&server), place.data("rolled"), images)),
        clients: JoinSet::new(),
        stop: CancellationToken::new(),
        cut: None,
    };
    let counts = drill.carry_out(&room, &server, &place).await;
    drill.show.close();
    let audit = match counts {
        Ok(_) => ledger::audit(&server).await,
        Err(_) => report::Audit::Failed("it took too long".into()),
    };
    drill.clients.shutdown().await;
    drill.crew.end().await;
    room.stop().await;
    let (counts, broken, observed) = counts?;
    Ok(Report {
        seed: settings.seed,
        among: among(settings),
        took: report::took(began.elapsed()),
        cut: drill.cut,
        rolled: drill.roller.as_ref().map(Roller::rolled),
        counts,
        broken,
        observed,
        audit,
        log: drill.crew.log,
        repeat: report::repeat(settings),
        kept: settings
            .keep
            .as_ref()
            .map(|path| path.display().to_string()),
    })
}

/// Writes all settings, and starts all processes; returns the image of the workers, if they are
/// containers.
async fn crew(settings: &Settings, place: &Place) -> Result<(Crew, Option<Images>)> {
    let unwritable = || format!("{} cannot be written", place.path().display());
    let Some(scripts) = &settings.servers else {
        place.write_release().with_context(unwritable)?;
        let (boxes, images) = boxes(settings, place)?;
        let room = disk::room(settings.time, rolled(settings, place)?.as_ref());
        let disk = Disk::mount(&place.data(place::LOGIC), room).with_context(unwritable)?;
        place.furnish(&boxes.settings()).with_context(unwritable)?;
        let crew = Crew::start(place, boxes, disk, settings)?;
        return Ok((crew, images));
    };
    place.write_release().with_context(unwritable)?;
    let room = disk::room_of_postgres(settings.time, rolled(settings, place)?.as_ref());
    // If nothing is killed, no disk is filled.
    let disk = match settings.cut {
        Some(_) => None,
        None => Disk::mount(&place.data(servers::Kind::Postgres.name()), room)
            .with_context(unwritable)?,
    };
    let servers = Servers::prepare(scripts, place).await?;
    let written = place.furnish_with(|name| servers.urls(name));
    written.with_context(unwritable)?;
    Ok((Crew::start_with(place, servers, disk, settings)?, None))
}

/// Returns the content that is rolled out repeatedly, if releases are.
fn rolled(settings: &Settings, place: &Place) -> Result<Option<Content>> {
    let read = || ReleaseFolder::read(&place.release());
    let release = settings.rolls.then(read).transpose()?;
    Ok(release.map(|release| release.content))
}

/// Prepares the place where workers run, and the images that they are of.
fn boxes(settings: &Settings, place: &Place) -> Result<(Boxes, Option<Images>)> {
    if let Some(scripts) = &settings.docker {
        let engine = Engine::prepare(scripts, place, settings.seed)?;
        let images = Images::Archive(image_of(place)?);
        return Ok((Boxes::Containers(Box::new(engine)), Some(images)));
    }
    if !settings.kubernetes {
        return Ok((Boxes::None, None));
    }
    let pods = Pods::start()?;
    let images = Images::Registry(pods.images(place.data("images")));
    let made = images.put_into(&place.release());
    made.context("the image of the worker cannot be made")?;
    Ok((Boxes::Pods(pods), Some(images)))
}

/// Turns the drilled release into an image.
fn image_of(place: &Place) -> Result<Image> {
    Image::pack(&place.data("image"), &place.release())
        .and_then(|image| image.put_into(&place.release()).map(|()| image))
        .context("the image of the worker cannot be built")
}

async fn wait_until_ready(crew: &Crew, room: &Room, server: &Server) -> Result<()> {
    site::furnish(room, server).await?;
    while !crew.servers_are_up() {
        sleep(TICK).await;
    }
    Ok(())
}

impl Drill<'_> {
    async fn carry_out(
        &mut self,
        room: &Room,
        server: &Server,
        place: &Place,
    ) -> Result<(count::Counts, Broken, Observed)> {
        tokio::select! {
            ready = wait_until_ready(&self.crew, room, server) => ready?,
            () = sleep(READY_TIMEOUT) => {
                bail!("nothing was ready within {READY_TIMEOUT:?}: keep the logs with --keep DIR")
            }
            signal = self.signals.end_requested() => bail!("{signal} before it began"),
        }
        let names = room.devices().iter().map(|device| device.name.to_string());
        let orders = Orders::new(self.settings.seed, names.collect());
        let (load, stop) = (Arc::clone(&self.load), self.stop.clone());
        self.clients.spawn(load.send(orders, stop));
        let load = Arc::clone(&self.load);
        self.clients.spawn(async move { load.follow().await });
        let watch = Arc::clone(&self.watch);
        self.clients.spawn(watch.run(self.stop.clone()));
        if let Some(roller) = self.roller.clone() {
            self.clients.spawn(roller.run(self.stop.clone()));
        }
        match self.settings.cut {
            Some(time) => self.cut = Some(self.cut_off(time, server).await?),
            None => self.rage().await?,
        }
        self.settle().await?;
        // A device that received a command last, and acts late, gets its time, as in a read-back.
        sleep(place::SETTLING).await;
        let control = room
            .control()
            .context("the simulator has no control port")?;
        let truth = truth::ask(control).await?;
        let tasks = ledger::tasks(server).await?;
        let observed = self.watch.compare(&self.told, control).await?;
        let broken = invariants::find(server, place).await?;
        let counts = count::count(&self.load.sent(), &tasks, &truth);
        Ok((counts, broken, observed))
    }

    /// Kills and restarts until time is over, or somebody asks to end.
    async fn rage(&mut self) -> Result<()> {
        let until = Instant::now() + self.settings.time;
        let mut disasters = Disasters::new(
            self.settings.seed,
            self.settings.kill_every,
            among(self.settings),
        );
        let mut next = disasters.next();
        let mut last = Instant::now();
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
            self.tend(Phase::Wild(until.saturating_duration_since(Instant::now())))?;
        }
        Ok(())
    }

    /// Lets everything come to rest.
    async fn settle(&mut self) -> Result<()> {
        self.stop.cancel();
        self.crew.calm();
        let until = Instant::now() + place::settled_within();
        let is_over = |drill: &Self| {
            drill.load.is_settled()
                && drill.roller.as_ref().is_none_or(Roller::is_over)
                && drill.crew.keys_are_accepted()
        };
        while !is_over(self) && Instant::now() < until {
            tokio::select! {
                () = sleep(TICK) => {}
                signal = self.signals.end_requested() => bail!("{signal}: not compared"),
            }
            let left = until.saturating_duration_since(Instant::now());
            self.tend(Phase::Settling(left))?;
        }
        let tally = self.load.tally();
        if tally.sending > 0 {
            let refusal = self.load.refusal().unwrap_or_default();
            bail!("{} operations were never accepted {refusal}", tally.sending);
        }
        Ok(())
    }

    fn tend(&mut self, phase: Phase) -> Result<()> {
        self.crew.keep()?;
        if let Some(Ok(Err(error))) = self.clients.try_join_next() {
            return Err(error);
        }
        self.show.tell(phase, &self.crew.log, &self.load.tally());
        Ok(())
    }
}
