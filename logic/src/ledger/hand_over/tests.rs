use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;
use utakata_interconnect::Consumer;
use utakata_model::{Class, Origin, Parameters, Target, TaskId};
use utakata_tests::wait::soon;

use super::*;

/// One kind of it is stuck until it is let go; everything is noted in the order of its publish.
struct Stuck {
    kind: &'static str,
    is_stuck: watch::Receiver<bool>,
    published: watch::Sender<Vec<Task>>,
    /// Publishes of each zone and kind that are under way.
    under_way: Mutex<Vec<Route>>,
}

#[async_trait]
impl Tasks for Stuck {
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        let first = &tasks[0].target;
        let route = (first.zone.clone(), first.kind.clone());
        {
            let mut under_way = self.under_way.lock();
            assert!(!under_way.contains(&route), "two at a time: {route:?}");
            under_way.push(route.clone());
        }
        if tasks
            .iter()
            .any(|task| task.target.kind.as_str() == self.kind)
        {
            let mut is_stuck = self.is_stuck.clone();
            is_stuck.wait_for(|is_stuck| !is_stuck).await.unwrap();
        }
        self.under_way.lock().retain(|one| *one != route);
        self.published.send_modify(|all| all.extend(tasks));
        Ok(Vec::new())
    }

    async fn consume(&self, _: &Zone, _: &Kind) -> Result<Box<dyn Consumer>, Error> {
        Err(Error::Closed)
    }
}

fn task(kind: &str, target: &str, attempt: u32) -> Task {
    let target = Target::new(target.parse().unwrap(), kind.parse().unwrap(), "a".into());
    Task {
        id: TaskId::generate(),
        attempt,
        origin: Origin::Schedule("x".parse().unwrap()),
        target: Arc::new(target),
        credential: None,
        action: "off".parse().unwrap(),
        class: Class::Control,
        parameters: Parameters::new(&json!({})),
        timeout: Duration::from_secs(1),
        expires: Timestamp::now() + SignedDuration::from_mins(1),
    }
}

#[tokio::test]
async fn a_kind_that_is_stuck_holds_up_no_other_and_comes_in_its_order() {
    let (let_go, is_stuck) = watch::channel(true);
    let (published, mut seen) = watch::channel(Vec::new());
    let stuck = Arc::new(Stuck {
        kind: "stuck",
        is_stuck,
        published,
        under_way: Mutex::default(),
    });
    let (queue, batches) = mpsc::channel(1024);
    let handing = tokio::spawn(tasks(batches, stuck));
    let (mut expect, mut attempt) = (Vec::new(), 0);
    for round in 1..=50 {
        attempt += 1;
        let held = task("stuck", "s", attempt);
        let free = task("free", "f", attempt);
        expect.push(held.key());
        // The ledger publishes again what it hears nothing of.
        let batch = vec![held.clone(), free, held];
        queue.send(batch).await.unwrap();
        let all_free = seen.wait_for(|all| all.len() == round);
        drop(soon("the free kind is published", all_free).await.unwrap());
    }
    assert!(
        seen.borrow()
            .iter()
            .all(|task| task.target.kind.as_str() == "free")
    );
    let_go.send_replace(false);
    drop(queue);
    soon("all is handed over", handing).await.unwrap();
    let all = seen.borrow().clone();
    let keys = |kind: &str| {
        let of = all
            .iter()
            .filter(move |task| task.target.kind.as_str() == kind);
        of.map(Task::key).collect::<Vec<_>>()
    };
    assert_eq!(keys("free").len(), 50);
    // What was published at once may have been so twice; what waited is there once.
    let mut held = keys("stuck");
    held.dedup();
    assert_eq!(held, expect);
}

#[tokio::test]
async fn what_waits_behind_a_stuck_queue_is_bounded() {
    let mut waiting = Waiting::default();
    let first = waiting.take_in(std::iter::once(task("stuck", "s", 1)));
    assert_eq!(first.len(), 1);
    for _ in 0..3 {
        let many = (0..MAX_WAITING as u32).map(|at| task("stuck", "s", at));
        assert!(waiting.take_in(many).is_empty());
    }
    let (route, _) = &first[0];
    assert_eq!(waiting.next(route).unwrap().len(), MAX_WAITING);
    assert!(waiting.next(route).is_none());
    // Nothing is under way: the next is free.
    assert_eq!(
        waiting
            .take_in(std::iter::once(task("stuck", "s", 2)))
            .len(),
        1
    );
}
