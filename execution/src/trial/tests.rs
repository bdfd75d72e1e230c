use async_trait::async_trait;
use utakata_model::ReleaseId;

use super::*;
use crate::{Artifact, artifact::Image, endpoint::Entry, samples, worker::WorkerStream};

/// The fate of each worker.
#[derive(Debug, Clone)]
enum Fate {
    SaysHello,
    IsRefused,
    Ends(Exit),
    CannotBeHad,
    SaysNothing,
}

struct Stage {
    fate: Fate,
    admission: std::sync::OnceLock<Admission>,
    ended: Arc<std::sync::atomic::AtomicBool>,
}

struct Player {
    fate: Fate,
    ended: Arc<std::sync::atomic::AtomicBool>,
}

impl Stage {
    async fn play(&self, spec: &Spec) {
        assert!(spec.is_trial);
        let event = match self.fate {
            Fate::SaysHello => WorkerEvent::Ready {
                capacity: 1,
                can_hold: false,
                to: WorkerStream::clone(&mpsc::channel(1).0),
            },
            Fate::IsRefused => WorkerEvent::Parted(StreamEnd::Refused(Problem::new(
                "manifest",
                Cure::Operator,
                "another one",
            ))),
            _ => return,
        };
        let Entry::Admitted(ticket) = self.admission.get().unwrap().redeem(&spec.token) else {
            unreachable!("a token is good for one hello");
        };
        let worker = ticket.number;
        ticket.reports.send(Report { worker, event }).await.unwrap();
    }
}

#[async_trait]
impl Runtime for Stage {
    fn is_tried_first(&self, _: &Artifact) -> bool {
        true
    }

    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, Error> {
        self.play(&spec).await;
        Ok(Box::new(Player {
            fate: self.fate.clone(),
            ended: self.ended.clone(),
        }))
    }
}

#[async_trait]
impl Running for Player {
    async fn ended(&mut self) -> Exit {
        match self.fate {
            Fate::Ends(exit) => exit,
            Fate::CannotBeHad => Exit::Unknown,
            _ => std::future::pending().await,
        }
    }

    fn kill(&mut self) {
        self.ended.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn fault(&self) -> Option<Error> {
        matches!(self.fate, Fate::CannotBeHad).then(|| Error::Engine {
            problem: Problem::new("image-missing", Cure::Operator, "no such image"),
            is_of_environment: false,
        })
    }
}

/// The code of what is wrong with a release whose workers all have this fate.
async fn tried(fate: Fate) -> Option<String> {
    let stage = Arc::new(Stage {
        fate,
        admission: std::sync::OnceLock::new(),
        ended: Arc::default(),
    });
    let trials = samples::trials(stage.clone());
    stage.admission.set(trials.admission.clone()).unwrap();
    let release = samples::release("pdu", "1");
    let release = Release {
        artifact: Artifact::Image(Image::Archive("/image.tar".into())),
        ..(*release).clone()
    };
    let tried = trials.prepare(&release).await;
    let was_ended = stage.ended.load(std::sync::atomic::Ordering::Relaxed);
    assert!(was_ended, "a worker on trial is ended");
    tried.err().map(|problem| problem.code.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_release_is_ready_when_a_worker_of_it_has_said_a_good_hello() {
    assert_eq!(tried(Fate::SaysHello).await, None);
    for (fate, code) in [
        (Fate::IsRefused, "manifest"),
        (Fate::Ends(Exit::Code(65)), "worker-crashed"),
        (Fate::CannotBeHad, "image-missing"),
        (Fate::SaysNothing, "worker-no-hello"),
    ] {
        assert_eq!(tried(fate.clone()).await.as_deref(), Some(code), "{fate:?}");
    }
}

#[test]
fn a_worker_on_trial_has_a_name_of_its_own() {
    let release = samples::release("pdu", "1");
    let long = "k".repeat(NAME_MAX);
    let long = Release {
        id: Arc::new(ReleaseId {
            kind: long.parse().unwrap(),
            ..(*release.id).clone()
        }),
        ..(*release).clone()
    };
    assert!(worker_id(&release).as_str().starts_with("pdu-"));
    assert!(worker_id(&long).as_str().ends_with(SUFFIX));
}
