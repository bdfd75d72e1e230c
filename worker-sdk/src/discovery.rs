//! Discovery: addresses asked what is there, one after the other, at a bounded pace.
//!
//! A worker says how it asks one address; the pace, the time and the answer are everybody's. An
//! address where nobody answers is no error: most of them are so.

mod maker;

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};
use utakata_model::{
    Cure, Discovered, DiscoveryAnswer, Problem,
    discovery::{ADDRESSES_MAX, FOUND_MAX, PER_SECOND_MAX},
};

pub use maker::maker;

use crate::{
    Answer, Failure, Task,
    address::{Address, Host},
};

/// The parameters of the action `discover`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    addresses: VecDeque<IpAddr>,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    per_second: Option<u32>,
}

/// An address to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The address, with the port that is asked.
    pub address: Address,
    /// True if the port is the usual one of the kind.
    pub is_usual: bool,
    /// The time at which its answer is given up.
    pub deadline: Instant,
}

/// The manners of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manners {
    /// The usual port.
    pub port: u16,
    /// The longest time for one address.
    pub patience: Duration,
}

impl Asked {
    /// Returns the address as people write it: without a port that is the usual one.
    pub fn shown(&self) -> String {
        match (&self.address.host, self.is_usual) {
            (Host::Ip(ip), true) => ip.to_string(),
            _ => self.address.to_string(),
        }
    }

    /// Returns the other forms in which people write it.
    pub fn also(&self) -> Vec<String> {
        let full = self.address.to_string();
        match full == self.shown() {
            true => Vec::new(),
            false => vec![full],
        }
    }
}

/// Asks each address of a task, beginning with a few a second, and returns what was found. What was
/// not asked before the deadline is not counted as asked.
///
/// # Errors
/// The parameters are none of the action `discover`.
pub async fn discover<F, A>(
    task: &Task,
    deadline: Instant,
    manners: Manners,
    ask: F,
) -> Result<Answer, Failure>
where
    F: Fn(Asked) -> A,
    A: Future<Output = Vec<Discovered>>,
{
    let Parameters {
        mut addresses,
        port,
        per_second,
    } = parameters(task)?;
    let per_second = per_second
        .unwrap_or(PER_SECOND_MAX)
        .clamp(1, PER_SECOND_MAX);
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = FuturesUnordered::new();
    let mut answer = DiscoveryAnswer::default();
    while !(addresses.is_empty() && under_way.is_empty()) {
        tokio::select! {
            biased;
            () = sleep_until(deadline) => break,
            Some(found) = under_way.next(), if !under_way.is_empty() => {
                answer.found.extend::<Vec<Discovered>>(found);
            }
            _ = ticks.tick(), if !addresses.is_empty() => {
                let Some(ip) = addresses.pop_front() else { continue };
                answer.asked += 1;
                let asked = Asked {
                    address: Address { host: Host::Ip(ip), port: port.unwrap_or(manners.port) },
                    is_usual: port.is_none_or(|port| port == manners.port),
                    deadline: deadline.min(Instant::now() + manners.patience),
                };
                under_way.push(within(asked.deadline, ask(asked)));
            }
        }
    }
    Ok(Answer {
        result: serde_json::to_value(&answer).ok(),
        ..Answer::default()
    })
}

async fn within(
    deadline: Instant,
    asking: impl Future<Output = Vec<Discovered>>,
) -> Vec<Discovered> {
    let found = timeout_at(deadline, asking).await.unwrap_or_default();
    let found = found.into_iter().filter_map(Discovered::bounded);
    found.take(FOUND_MAX).collect()
}

fn parameters(task: &Task) -> Result<Parameters, Failure> {
    let refused = |problem: String| {
        let message = format!("the parameters of discover are wrong: {problem}");
        Failure::failed(Problem::new("bad-parameters", Cure::Operator, message))
    };
    let parameters = Parameters::deserialize(&task.parameters);
    let parameters = parameters.map_err(|error| refused(error.to_string()))?;
    match parameters.addresses.len() {
        1..=ADDRESSES_MAX => Ok(parameters),
        count => Err(refused(format!(
            "{count} addresses, and a task has 1 to {ADDRESSES_MAX}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use serde_json::json;
    use utakata_model::{Class, TaskId, TaskKey};

    use super::*;

    const MANNERS: Manners = Manners {
        port: 623,
        patience: Duration::from_secs(3),
    };

    fn task(parameters: serde_json::Value) -> Task {
        Task {
            key: TaskKey {
                task: TaskId::generate(),
                attempt: 1,
            },
            target: "discovery".parse().unwrap(),
            kind: "bmc".parse().unwrap(),
            address: "-".into(),
            credential: Default::default(),
            action: "discover".parse().unwrap(),
            class: Class::Observe,
            parameters,
            timeout: Duration::from_secs(60),
        }
    }

    fn addresses(count: u8) -> Vec<IpAddr> {
        (1..=count).map(|last| [10, 0, 3, last].into()).collect()
    }

    fn answer(answer: Answer) -> DiscoveryAnswer {
        serde_json::from_value(answer.result.unwrap()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_are_asked_at_a_pace_and_a_silent_one_holds_nobody_up() {
        let began = Instant::now();
        let times = Mutex::new(Vec::new());
        let task = task(json!({ "addresses": addresses(30), "per_second": 5 }));
        let ask = async |asked: Asked| {
            times.lock().push(began.elapsed());
            if asked.shown() != "10.0.3.7" {
                std::future::pending::<()>().await;
            }
            vec![Discovered {
                address: asked.shown(),
                also: asked.also(),
                ..Discovered::default()
            }]
        };
        let deadline = began + Duration::from_secs(60);
        let found = discover(&task, deadline, MANNERS, ask).await.unwrap();
        let found = answer(found);
        assert_eq!(found.asked, 30);
        let [one] = found.found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(one.address, "10.0.3.7");
        assert_eq!(one.also, ["10.0.3.7:623"]);
        let times = times.into_inner();
        for (at, time) in times.iter().enumerate() {
            let earliest = Duration::from_millis(200) * u32::try_from(at).unwrap();
            assert!(*time >= earliest, "the {at}th was asked after {time:?}");
        }
        // The last one is asked after 5.8 s, and given up 3 s later.
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn what_there_is_no_time_for_is_not_asked() {
        let began = Instant::now();
        let task = task(json!({ "addresses": addresses(60), "port": 6230, "per_second": 10 }));
        let ask = async |asked: Asked| {
            assert!(!asked.is_usual);
            assert!(asked.shown().ends_with(":6230"));
            Vec::new()
        };
        let deadline = began + Duration::from_secs(1);
        let found = answer(discover(&task, deadline, MANNERS, ask).await.unwrap());
        assert!((9..=11).contains(&found.asked), "{found:?}");
    }

    #[tokio::test]
    async fn parameters_that_are_none_are_refused() {
        for parameters in [
            json!({}),
            json!({ "addresses": [] }),
            json!({ "addresses": ["bmc"] }),
            json!({ "addresses": addresses(61) }),
            json!({ "addresses": ["10.0.0.1"], "user": "admin" }),
        ] {
            let task = task(parameters.clone());
            let ask = async |_: Asked| Vec::new();
            let refused = discover(&task, Instant::now(), MANNERS, ask).await;
            let failure = refused.expect_err(&parameters.to_string());
            assert_eq!(failure.problem.code.as_ref(), "bad-parameters");
        }
    }
}
