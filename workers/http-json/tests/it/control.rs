//! Switching outlets.

use serde_json::json;
use utakata_worker_sdk::model::OutcomeStatus;

use crate::pdu::Pdu;

#[tokio::test]
async fn an_outlet_is_switched_once_and_what_is_so_already_is_not_sent() {
    let pdu = Pdu::start().await;
    let device = pdu.of_release("servertech-pdu", "admin");
    let off = async || {
        let task = device.task("outlet-off", json!({ "outlet": "AA1" }));
        device.carry_out(task.unwrap()).await.unwrap().result
    };
    let first = off().await.unwrap();
    assert_eq!(first["sent"], "PATCH /jaws/control/outlets/AA1");
    assert!(!pdu.state.lock().outlets[0]);
    let second = off().await.unwrap();
    assert_eq!(second["already"], true);
    let changes = pdu.requests();
    let changes = changes.iter().filter(|one| one.starts_with("PATCH"));
    assert_eq!(changes.count(), 1);
}

#[tokio::test]
async fn doubt_is_told_and_a_refusal_is_certain() {
    for (answer, status, code) in [
        (404, OutcomeStatus::Failed, "device-refused"),
        (403, OutcomeStatus::Failed, "device-refused"),
        (500, OutcomeStatus::Unknown, "unreachable"),
        (0, OutcomeStatus::Unknown, "unreachable"),
    ] {
        let pdu = Pdu::start().await;
        let device = pdu.of_release("servertech-pdu", "admin");
        pdu.state.lock().answer = answer;
        let task = device.task("outlet-off", json!({ "outlet": "AA1" }));
        let failure = device.carry_out(task.unwrap()).await.unwrap_err();
        assert_eq!(failure.status, status, "{answer}");
        assert_eq!(&*failure.problem.code, code, "{answer}");
    }
}

#[tokio::test]
async fn an_outlet_that_is_not_there_is_not_touched() {
    let pdu = Pdu::start().await;
    let device = pdu.of_release("servertech-pdu", "admin");
    let task = device.task("outlet-off", json!({ "outlet": "AA9" }));
    let failure = device.carry_out(task.unwrap()).await.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed);
    assert!(failure.problem.message.contains("nothing was sent"));
    assert_eq!(pdu.requests(), ["GET /jaws/monitor/outlets/AA9"]);
}
