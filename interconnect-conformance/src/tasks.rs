//! The promises about task queues.

use std::{pin::pin, sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::sync::mpsc;
use utakata_interconnect::{Consumer, Delivery, Tag, Tasks};
use utakata_model::{Class, Task};

use super::{
    Deviation, Promise, expect,
    sample::{self, Queue},
};

/// Task queues to check: empty, and used by nobody else.
#[derive(Clone)]
pub struct Setup {
    /// The queues to test.
    pub tasks: Arc<dyn Tasks>,
    /// The number of observe tasks that a queue holds, if it is exactly defined; at least 10.
    pub observe_limit: Option<usize>,
    /// True if tasks that nobody has ever consumed are refused, instead of kept until somebody
    /// does.
    pub refuses_unserved: bool,
    /// The time that tasks may be under way to consumers. Zero: they are there at once.
    pub on_its_way: Duration,
}

impl Setup {
    /// Wraps queues in this process, without limits.
    pub fn new(tasks: Arc<dyn Tasks>) -> Self {
        Self {
            tasks,
            observe_limit: None,
            refuses_unserved: false,
            on_its_way: Duration::ZERO,
        }
    }

    /// Waits until published tasks can be fetched.
    async fn arrived(&self) {
        if !self.on_its_way.is_zero() {
            tokio::time::sleep(self.on_its_way).await;
        }
    }
}

/// All promises about task queues.
pub const PROMISES: [Promise<Setup>; 15] = [
    Promise {
        words: "what was published comes, each task once",
        check: |setup| Box::pin(everything_comes_once(setup)),
    },
    Promise {
        words: "a task comes as it was published",
        check: |setup| Box::pin(nothing_is_changed(setup)),
    },
    Promise {
        words: "control comes before observe, each class in its order",
        check: |setup| Box::pin(control_comes_first(setup)),
    },
    Promise {
        words: "no more come than were asked for",
        check: |setup| Box::pin(no_more_than_asked(setup)),
    },
    Promise {
        words: "fetching waits until there is a task",
        check: |setup| Box::pin(fetching_waits(setup)),
    },
    Promise {
        words: "fetching can be cancelled and nothing is lost",
        check: |setup| Box::pin(fetching_is_cancel_safe(setup)),
    },
    Promise {
        words: "of several consumers, each task goes to one",
        check: |setup| Box::pin(each_task_goes_to_one(setup)),
    },
    Promise {
        words: "control tasks wait until somebody consumes",
        check: |setup| Box::pin(control_waits_for_a_consumer(setup)),
    },
    Promise {
        words: "control tasks that a consumer leaves unacknowledged go to another, marked",
        check: |setup| Box::pin(unacknowledged_goes_to_another(setup)),
    },
    Promise {
        words: "an acknowledged task is never delivered again",
        check: |setup| Box::pin(acknowledged_is_gone(setup)),
    },
    Promise {
        words: "control tasks that are given back come first, in their order, marked",
        check: |setup| Box::pin(given_back_comes_first(setup)),
    },
    Promise {
        words: "zones and kinds have queues of their own",
        check: |setup| Box::pin(queues_are_apart(setup)),
    },
    Promise {
        words: "an expired observe task does not come, an expired control task does",
        check: |setup| Box::pin(only_observe_expires(setup)),
    },
    Promise {
        words: "of too many observe tasks the oldest go, and control tasks stay",
        check: |setup| Box::pin(the_oldest_observe_goes(setup)),
    },
    Promise {
        words: "what nobody has ever consumed comes back with the reason, where it is not kept",
        check: |setup| Box::pin(unserved_is_refused(setup)),
    },
];

async fn everything_comes_once(
    Setup {
        tasks,
        observe_limit,
        ..
    }: Setup,
) -> Result<(), Deviation> {
    let queue = queue()?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    let observe = observe_limit.unwrap_or(500).min(500);
    for from in (0..500).step_by(100) {
        publish(&tasks, queue.tasks(Class::Control, from..from + 100)).await?;
    }
    publish(&tasks, queue.tasks(Class::Observe, 500..500 + observe)).await?;
    let mut came = take(consumer.as_mut(), 500 + observe).await?;
    came.sort_unstable();
    expect("tasks", &came, &(0..500 + observe).collect())?;
    only_the_marker_is_left(&tasks, &queue, consumer.as_mut()).await
}

async fn nothing_is_changed(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    let queue = queue()?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    let task = queue.task(Class::Control, 7);
    publish(&tasks, vec![task.clone()]).await?;
    let fetched = fetch(consumer.as_mut(), 1).await?;
    let came: Vec<String> = fetched.iter().map(|d| written(&d.task)).collect();
    expect("the task", &came, &vec![written(&task)])?;
    expect("redelivered", &redelivered(&fetched), &vec![false])
}

async fn control_comes_first(setup: Setup) -> Result<(), Deviation> {
    let (queue, tasks) = (queue()?, &setup.tasks);
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    publish(tasks, queue.tasks(Class::Observe, 0..3)).await?;
    publish(tasks, queue.tasks(Class::Control, 3..6)).await?;
    setup.arrived().await;
    let mut came = take(consumer.as_mut(), 4).await?;
    came.extend(take(consumer.as_mut(), 2).await?);
    expect("order", &came, &vec![3, 4, 5, 0, 1, 2])
}

async fn no_more_than_asked(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    let queue = queue()?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    publish(&tasks, queue.tasks(Class::Control, 0..3)).await?;
    publish(&tasks, queue.tasks(Class::Observe, 3..6)).await?;
    let mut count = 0;
    while count < 6 {
        let came = consumer.fetch(2).await?.len();
        if came == 0 || came > 2 {
            return Err(Deviation(format!("asked for 2, {came} came")));
        }
        count += came;
    }
    Ok(())
}

async fn fetching_waits(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    let queue = queue()?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    for (number, class) in [Class::Observe, Class::Control].into_iter().enumerate() {
        let fetching = consumer.fetch(10);
        let publishing = publish(&tasks, vec![queue.task(class, number)]);
        // Joined, so that fetching begins first.
        let (fetched, published) = tokio::join!(fetching, publishing);
        published?;
        expect("tasks", &numbers(&fetched?), &vec![number])?;
    }
    Ok(())
}

async fn fetching_is_cancel_safe(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    const TASKS: usize = 200;
    let queue = queue()?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    let mut came = Vec::new();
    for number in 0..TASKS {
        let mut publishing = pin!(publish(&tasks, vec![queue.task(Class::Control, number)]));
        // Fetching begins first, and is cancelled as soon as the task is there.
        tokio::select! {
            biased;
            fetched = consumer.fetch(10) => {
                came.extend(numbers(&fetched?));
                publishing.await?;
            }
            published = &mut publishing => published?,
        }
    }
    let rest = TASKS.saturating_sub(came.len());
    came.extend(take(consumer.as_mut(), rest).await?);
    came.sort_unstable();
    expect("tasks", &came, &(0..TASKS).collect())
}

async fn each_task_goes_to_one(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    const TASKS: usize = 600;
    let queue = queue()?;
    let (sender, mut fetched) = mpsc::channel(TASKS);
    let mut consumers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
        let sender = sender.clone();
        consumers.spawn(async move {
            loop {
                let came = take_some(consumer.as_mut(), 7).await;
                if sender.send(came).await.is_err() {
                    return;
                }
            }
        });
    }
    for from in (0..TASKS).step_by(100) {
        publish(&tasks, queue.tasks(Class::Control, from..from + 100)).await?;
    }
    let mut came = Vec::new();
    while came.len() < TASKS {
        let some = fetched
            .recv()
            .await
            .unwrap_or_else(|| Err(Deviation("consumers ended".into())));
        came.extend(some?);
    }
    consumers.shutdown().await;
    while let Ok(some) = fetched.try_recv() {
        came.extend(some?);
    }
    came.sort_unstable();
    expect("tasks", &came, &(0..TASKS).collect())
}

async fn control_waits_for_a_consumer(
    Setup {
        tasks,
        refuses_unserved,
        ..
    }: Setup,
) -> Result<(), Deviation> {
    let queue = queue()?;
    if refuses_unserved {
        drop(tasks.consume(&queue.zone, &queue.kind).await?);
    }
    publish(&tasks, queue.tasks(Class::Control, 0..3)).await?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    expect("tasks", &take(consumer.as_mut(), 3).await?, &vec![0, 1, 2])
}

async fn unacknowledged_goes_to_another(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    let queue = queue()?;
    let mut first = tasks.consume(&queue.zone, &queue.kind).await?;
    publish(&tasks, queue.tasks(Class::Control, 0..3)).await?;
    let fetched = fetch(first.as_mut(), 3).await?;
    first.acknowledge(&tags(&fetched[1..2])).await?;
    publish(&tasks, queue.tasks(Class::Control, 3..4)).await?;
    drop(first);
    let mut other = tasks.consume(&queue.zone, &queue.kind).await?;
    let mut fetched = fetch(other.as_mut(), 3).await?;
    fetched.sort_by_key(|delivery| sample::number(&delivery.task));
    expect("tasks", &numbers(&fetched), &vec![0, 2, 3])?;
    expect(
        "redelivered",
        &redelivered(&fetched),
        &vec![true, true, false],
    )
}

async fn acknowledged_is_gone(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    let queue = queue()?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    publish(&tasks, queue.tasks(Class::Control, 0..3)).await?;
    let mut acknowledged = tags(&fetch(consumer.as_mut(), 3).await?);
    // Unknown tags, and repeated ones, are ignored.
    acknowledged.push(Tag(u64::MAX));
    consumer.acknowledge(&acknowledged).await?;
    consumer.acknowledge(&acknowledged).await?;
    consumer.give_back(&acknowledged).await?;
    only_the_marker_is_left(&tasks, &queue, consumer.as_mut()).await?;
    drop(consumer);
    let mut other = tasks.consume(&queue.zone, &queue.kind).await?;
    only_the_marker_is_left(&tasks, &queue, other.as_mut()).await
}

async fn given_back_comes_first(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    let queue = queue()?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    publish(&tasks, queue.tasks(Class::Control, 0..5)).await?;
    let fetched = fetch(consumer.as_mut(), 3).await?;
    let [one, two, three] = tags(&fetched)[..] else {
        return Err(Deviation(format!("asked for 3, {} came", fetched.len())));
    };
    consumer.give_back(&[two, one]).await?;
    consumer.acknowledge(&[three]).await?;
    let fetched = fetch(consumer.as_mut(), 4).await?;
    expect("tasks", &numbers(&fetched), &vec![0, 1, 3, 4])?;
    expect(
        "redelivered",
        &redelivered(&fetched),
        &vec![true, true, false, false],
    )
}

async fn queues_are_apart(Setup { tasks, .. }: Setup) -> Result<(), Deviation> {
    let queues = [
        Queue::new("hall-1", "apc-pdu")?,
        Queue::new("hall-1", "snmp")?,
        Queue::new("hall-2", "apc-pdu")?,
    ];
    let mut consumers = Vec::new();
    for queue in &queues {
        consumers.push(tasks.consume(&queue.zone, &queue.kind).await?);
    }
    let mixed = (0..9).map(|n| queues[n % 3].task(Class::Control, n));
    publish(&tasks, mixed.collect()).await?;
    for (at, consumer) in consumers.iter_mut().enumerate() {
        let came = take(consumer.as_mut(), 3).await?;
        expect("tasks", &came, &vec![at, at + 3, at + 6])?;
    }
    Ok(())
}

async fn only_observe_expires(setup: Setup) -> Result<(), Deviation> {
    let (queue, tasks) = (queue()?, &setup.tasks);
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    let past = -SignedDuration::from_secs(1);
    publish(
        tasks,
        vec![
            queue.expiring(Class::Observe, 0, past),
            queue.expiring(Class::Control, 1, past),
            queue.task(Class::Observe, 2),
        ],
    )
    .await?;
    setup.arrived().await;
    expect("tasks", &take(consumer.as_mut(), 2).await?, &vec![1, 2])
}

async fn the_oldest_observe_goes(
    Setup {
        tasks,
        observe_limit,
        ..
    }: Setup,
) -> Result<(), Deviation> {
    let Some(limit) = observe_limit else {
        return Ok(());
    };
    let queue = queue()?;
    let mut consumer = tasks.consume(&queue.zone, &queue.kind).await?;
    publish(&tasks, queue.tasks(Class::Observe, 0..limit)).await?;
    publish(&tasks, queue.tasks(Class::Control, limit..2 * limit)).await?;
    publish(
        &tasks,
        queue.tasks(Class::Observe, 2 * limit..2 * limit + 3),
    )
    .await?;
    let came = take(consumer.as_mut(), 2 * limit).await?;
    let control = limit..2 * limit;
    let observe = (3..limit).chain(2 * limit..2 * limit + 3);
    expect("tasks", &came, &control.chain(observe).collect())
}

async fn unserved_is_refused(
    Setup {
        tasks,
        refuses_unserved,
        ..
    }: Setup,
) -> Result<(), Deviation> {
    if !refuses_unserved {
        return Ok(());
    }
    let queue = Queue::new("hall-9", "nothing")?;
    for class in [Class::Control, Class::Observe] {
        let published = queue.tasks(class, 0..3);
        let keys: Vec<_> = published.iter().map(Task::key).collect();
        let refused = tasks.publish(published).await?;
        let came: Vec<_> = refused.iter().map(|refusal| refusal.key).collect();
        expect("refused", &came, &keys)?;
        let reason = refused
            .first()
            .map_or("", |refusal| refusal.reason.as_str());
        if !(reason.contains("hall-9") && reason.contains("nothing")) {
            return Err(Deviation(format!(
                "the reason names no zone and kind: {reason}"
            )));
        }
    }
    Ok(())
}

fn queue() -> Result<Queue, Deviation> {
    Queue::new("hall-1", "apc-pdu")
}

async fn publish(queues: &Arc<dyn Tasks>, tasks: Vec<Task>) -> Result<(), Deviation> {
    let refused = queues.publish(tasks).await?;
    match refused.first() {
        None => Ok(()),
        Some(first) => Err(Deviation(format!("a task was refused: {}", first.reason))),
    }
}

/// Fetches that many tasks, and leaves them unacknowledged.
async fn fetch(consumer: &mut dyn Consumer, count: usize) -> Result<Vec<Delivery>, Deviation> {
    let mut fetched = Vec::new();
    while fetched.len() < count {
        fetched.extend(consumer.fetch(count - fetched.len()).await?);
    }
    Ok(fetched)
}

/// Fetches that many tasks, acknowledges them and returns their numbers.
async fn take(consumer: &mut dyn Consumer, count: usize) -> Result<Vec<usize>, Deviation> {
    let fetched = fetch(consumer, count).await?;
    consumer.acknowledge(&tags(&fetched)).await?;
    Ok(numbers(&fetched))
}

/// Fetches once, acknowledges and returns the numbers.
async fn take_some(consumer: &mut dyn Consumer, max: usize) -> Result<Vec<usize>, Deviation> {
    let fetched = consumer.fetch(max).await?;
    consumer.acknowledge(&tags(&fetched)).await?;
    Ok(numbers(&fetched))
}

/// Checks that nothing else is in the queue: the next task is the one published now.
async fn only_the_marker_is_left(
    tasks: &Arc<dyn Tasks>,
    queue: &Queue,
    consumer: &mut dyn Consumer,
) -> Result<(), Deviation> {
    const MARKER: usize = 4_711;
    publish(tasks, vec![queue.task(Class::Control, MARKER)]).await?;
    publish(tasks, vec![queue.task(Class::Observe, MARKER)]).await?;
    expect(
        "what is left",
        &take(consumer, 2).await?,
        &vec![MARKER, MARKER],
    )
}

fn tags(fetched: &[Delivery]) -> Vec<Tag> {
    fetched.iter().map(|delivery| delivery.tag).collect()
}

fn numbers(fetched: &[Delivery]) -> Vec<usize> {
    let number = |delivery: &Delivery| sample::number(&delivery.task).unwrap_or(usize::MAX);
    fetched.iter().map(number).collect()
}

fn redelivered(fetched: &[Delivery]) -> Vec<bool> {
    fetched
        .iter()
        .map(|delivery| delivery.redelivered)
        .collect()
}

/// Returns everything in a task as text.
fn written(task: &Task) -> String {
    serde_json::to_string(task).unwrap_or_else(|error| error.to_string())
}
