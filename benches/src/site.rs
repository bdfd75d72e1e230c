//! A logic environment and a worker execution environment over RabbitMQ and Mosquitto, all on this
//! machine, for measuring.

use std::{path::Path, process::Child};

use anyhow::Result;
use tempfile::TempDir;
use utakata_tests::servers::{Mosquitto, Rabbitmq};

use crate::system::{self, System};

/// A running site. Dropping this ends everything in it.
pub struct Site {
    /// The logic environment; declared before the brokers, so that it ends first.
    pub logic: System,
    _environment: Environment,
    /// The broker of tasks.
    pub rabbitmq: Rabbitmq,
    _mosquitto: Mosquitto,
}

struct Environment {
    process: Child,
    _data: TempDir,
}

impl Site {
    /// Starts everything, with these releases in the environment.
    ///
    /// # Errors
    /// A broker or our own program does not start.
    pub fn start(releases: &[&Path]) -> Result<Self> {
        let (rabbitmq, mosquitto) = (Rabbitmq::start()?, Mosquitto::start()?);
        let data = system::data(releases)?;
        let secret = data.path().join("join.secret");
        std::fs::write(&secret, "j".repeat(40))?;
        let secret = secret.display().to_string();
        let brokers = [
            ("UTAKATA__INTERCONNECT__AMQP__URL", rabbitmq.url("%2F")),
            ("UTAKATA__INTERCONNECT__MQTT__URL", mosquitto.url()),
            ("UTAKATA__LOGIC__ENVIRONMENTS__JOIN_FILE", secret.clone()),
            ("UTAKATA__EXECUTION__JOIN_FILE", secret),
        ];
        let environment = ["wee", "--id", "bench"];
        let process = system::spawn(&environment, data.path(), &brokers)?;
        let environment = Environment {
            process,
            _data: data,
        };
        let logic = ["le", "--listen", "127.0.0.1:0"];
        Ok(Self {
            logic: System::start_as(&logic, system::data(&[])?, &brokers)?,
            _environment: environment,
            rabbitmq,
            _mosquitto: mosquitto,
        })
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        system::end(&mut self.process);
    }
}
