//! Commands that change something.

use serde_json::json;
use utakata_tests::servers::Sshd;
use utakata_worker_sdk::model::OutcomeStatus;

use crate::host::Own;

fn own(folder: &str) -> Own {
    let action = |name: &str| {
        format!(
            "[[action]]\nname = \"{name}\"\nclass = \"control\"\ntimeout = \"10s\"\nrepeat = \
             \"once\"\nrisk = \"low\"\n[action.parameters]\ntype = \"object\"\nrequired = \
             [\"name\"]\n[action.parameters.properties.name]\ntype = \"string\"\n"
        )
    };
    let actions = ["make", "fail", "kill"].map(action).concat();
    let profile = format!(
        r#"
        description = "own"
        [control.make]
        argv = ["mkdir", "{folder}/{{name}}"]
        allow = {{ name = ["rack-*", "a.b"] }}
        exit = {{ refused = [1] }}
        [control.fail]
        argv = ["ls", "{folder}/{{name}}"]
        allow = {{ name = ["rack-*"] }}
        [control.kill]
        argv = ["sh", "-c", "kill -9 $PPID; kill -9 $$", "{{name}}"]
        allow = {{ name = ["rack-*"] }}
        "#
    );
    Own::new(&actions, &profile)
}

#[tokio::test]
async fn a_command_is_run_once_with_what_its_list_allows() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let sshd = Sshd::start().unwrap();
    let own = own(&place);
    let device = own.target(&sshd);
    let run = async |action: &str, name: &str| {
        let task = device.task(action, json!({ "name": name })).unwrap();
        match device.carry_out(task).await {
            Ok(_) => (Succeeded, String::new()),
            Err(failure) => (failure.status, failure.problem.to_string()),
        }
    };
    use OutcomeStatus::{Failed, Succeeded, Unknown};
    for (action, name, status, part) in [
        ("make", "rack-1", Succeeded, ""),
        // It is there: the profile says that 1 means nothing was done.
        ("make", "rack-1", Failed, "ended with 1"),
        ("make", "acb", Failed, "does not allow"),
        ("make", "rack-1; touch x", Failed, "does not allow"),
        ("make", "rack-$(touch x)", Failed, "does not allow"),
        ("make", "rack-../../x", Failed, "does not allow"),
        // Nothing is said of 2.
        ("fail", "rack-9", Unknown, "ended with 2"),
        ("kill", "rack-1", Unknown, "may have done it"),
        ("make", "rack-2", Succeeded, ""),
    ] {
        let (found, said) = run(action, name).await;
        assert_eq!(found, status, "{action} {name}: {said}");
        assert!(said.contains(part), "{action} {name}: {said}");
    }
    let made = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(made, 2);
}

#[tokio::test]
async fn what_cannot_be_reached_was_not_touched() {
    let mut sshd = Sshd::start().unwrap();
    let own = own("/tmp");
    let device = own.target(&sshd);
    sshd.kill().unwrap();
    let task = device.task("fail", json!({ "name": "rack-1" })).unwrap();
    let failure = device.carry_out(task).await.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
    assert_eq!(&*failure.problem.code, "unreachable");
}
