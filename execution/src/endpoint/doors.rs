//! Who may come in: one door for each worker that was started, good for one hello.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_model::{Manifest, WorkerId};

use crate::worker::{Number, Report};

/// What awaits the worker that has the token of this door.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) number: Number,
    /// Its name.
    pub(crate) worker: WorkerId,
    /// What its release declares.
    pub(crate) manifest: Arc<Manifest>,
    /// Where everything that is heard of it goes.
    pub(crate) reports: mpsc::Sender<Report>,
    /// Cuts its stream.
    pub(crate) cut: CancellationToken,
}

/// The doors that are open. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doors(Arc<Mutex<House>>);

#[derive(Debug, Default)]
struct House {
    doors: HashMap<String, Door>,
    /// Whether nobody enters for a while.
    is_shut: bool,
}

/// What becomes of somebody with a token.
#[derive(Debug)]
pub(super) enum Entry {
    /// In through this door, which nobody uses again.
    In(Box<Door>),
    /// There is no such door.
    Stranger,
    /// Nobody enters now: the token stays good.
    Shut,
}

impl Doors {
    /// Opens a door; gives the token for it.
    pub(crate) fn open(&self, door: Door) -> String {
        // Two random identifiers: 244 bits that nobody can guess.
        let token = format!(
            "{}{}",
            uuid::Uuid::new_v4().simple(),
            uuid::Uuid::new_v4().simple()
        );
        self.open_again(token.clone(), door);
        token
    }

    /// Opens the door of a worker that has its token already.
    pub(crate) fn open_again(&self, token: String, door: Door) {
        self.0.lock().doors.insert(token, door);
    }

    /// Whose token it is; nobody's from then on.
    pub(super) fn enter(&self, token: &str) -> Entry {
        let mut house = self.0.lock();
        if house.is_shut {
            return Entry::Shut;
        }
        let door = house.doors.remove(token);
        door.map_or(Entry::Stranger, |door| Entry::In(Box::new(door)))
    }

    /// Whether nobody has come with this token yet.
    pub(crate) fn awaits(&self, token: &str) -> bool {
        self.0.lock().doors.contains_key(token)
    }

    /// Whether anybody enters from now on.
    pub(super) fn set_shut(&self, is_shut: bool) {
        self.0.lock().is_shut = is_shut;
    }

    /// Closes the door of a worker that will not come any more.
    pub(crate) fn close(&self, token: &str) {
        self.0.lock().doors.remove(token);
    }
}
