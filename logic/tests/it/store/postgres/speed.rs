//! How fast a ledger is written: printed, and bounded loosely.

use std::time::Instant;

use utakata_logic::store::{Page, Store};
use utakata_model::TaskState;
use utakata_tests::servers::Postgres;

use super::{super::conformance, open};

#[tokio::test]
async fn thousands_of_tasks_are_one_page() {
    let server = Postgres::start().unwrap();
    let store = open(&server.database().unwrap()).await.unwrap();
    for (count, pages) in [(100, 20), (2000, 10)] {
        let mut took = [std::time::Duration::ZERO; 2];
        for _ in 0..pages {
            let operation = conformance::operation();
            let tasks = conformance::tasks(&operation, count);
            let new = conformance::planned(&operation, &tasks);
            let mut queued = Page::default();
            for task in &tasks {
                let stands = conformance::stands(task, TaskState::Queued);
                queued.task_progress.extend(stands.task_progress);
            }
            for (page, took) in [new, queued].iter().zip(&mut took) {
                let began = Instant::now();
                store.write(page).await.unwrap();
                *took += began.elapsed();
            }
        }
        let rate = took.map(|took| (count * pages) as f64 / took.as_secs_f64());
        println!(
            "{count} a page: {:.0} new and {:.0} changed tasks a second",
            rate[0], rate[1]
        );
        assert!(rate[1] > 500.0, "{rate:?}");
    }
}
