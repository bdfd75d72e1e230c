//! The environment has no room for a worker: that is no fault of a release.

use super::*;

fn short() -> WorkerEvent {
    let cure = utakata_model::Cure::Operator;
    WorkerEvent::Hindered(Problem::new(
        "environment-short",
        cure,
        "too many open files",
    ))
}

#[test]
fn a_worker_for_which_there_is_no_room_is_not_counted_and_is_tried_again_soon() {
    let mut world = World::new();
    for _ in 0..10 {
        let started = world.started();
        assert_eq!(started.len(), 1, "one at a time");
        world.report(started[0], short());
        let status = world.status();
        assert_eq!(&*status.problem.unwrap().code, "environment-short");
        assert_eq!(status.lost, 0);
        world.pass(5);
    }
    // There is room again, and nothing is held against the release.
    let worker = world.started()[0];
    world.hello(worker, 8);
    let status = world.status();
    assert_eq!((status.ready, status.lost, status.problem), (1, 0, None));
    world.ends(worker);
    world.pass(1);
    assert_eq!(world.status().lost, 1);
    assert_eq!(world.started().len(), 1);
}
