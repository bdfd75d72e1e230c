//! The troubles of channels out, for the status.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use utakata_model::{Cure, Problem};

/// The troubles of all channels, by channel.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<BTreeMap<String, Problem>>);

/// The trouble of one channel, which ends with it.
pub(super) struct Trouble {
    all: Arc<Troubles>,
    channel: String,
}

impl Troubles {
    /// Returns the troubles that there are now.
    pub fn problems(&self) -> Vec<Problem> {
        self.0.lock().values().cloned().collect()
    }
}

impl Trouble {
    pub fn new(all: &Arc<Troubles>, channel: &str) -> Self {
        Self {
            all: Arc::clone(all),
            channel: channel.to_owned(),
        }
    }

    /// Sets the reason why nothing is sent now; without one, all is well.
    pub fn set(&self, reason: Option<&str>) {
        let mut all = self.all.0.lock();
        let Some(reason) = reason else {
            all.remove(&self.channel);
            return;
        };
        let message = format!("alarms cannot be sent to {}: {reason}", self.channel);
        let problem = Problem::new("alarm-channel", Cure::Operator, message);
        all.insert(self.channel.clone(), problem);
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        self.set(None);
    }
}
