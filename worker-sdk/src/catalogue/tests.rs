//! Tasks, checked against the manifest.

use super::*;

const MANIFEST: &str = r#"
kind = "pdu"
version = "1.0.0"
protocol = 1
run = { program = "x" }
[[action]]
name = "read"
class = "observe"
[[action]]
name = "off"
class = "control"
parameters = { type = "object", required = ["outlet"], properties.outlet = { type = "integer" } }
"#;

fn admit(change: impl FnOnce(&mut v1::Task)) -> Result<Task, Problem> {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let key = TaskKey {
        task: utakata_model::TaskId::generate(),
        attempt: 1,
    };
    let mut task = v1::Task {
        target: "pdu-1".into(),
        kind: "pdu".into(),
        address: "10.0.0.1".into(),
        credential: [("community".to_owned(), "hidden".to_owned())].into(),
        action: "off".into(),
        parameters: br#"{"outlet":3}"#.to_vec(),
        timeout_milliseconds: 1500,
        control: true,
        ..v1::Task::default()
    };
    change(&mut task);
    Catalogue::build(&manifest).unwrap().admit(key, task)
}

#[test]
fn a_task_that_fits_is_taken_as_it_came() {
    let task = admit(|_| {}).unwrap();
    assert_eq!(task.parameters, serde_json::json!({ "outlet": 3 }));
    assert_eq!(task.class, Class::Control);
    assert_eq!(task.timeout, std::time::Duration::from_millis(1500));
    assert_eq!(task.credential["community"].reveal(), "hidden");
    assert!(!format!("{task:?}").contains("hidden"));
    let read = admit(|task| {
        task.action = "read".into();
        task.control = false;
        task.parameters.clear();
    });
    assert_eq!(read.unwrap().parameters, serde_json::json!({}));
}

#[test]
fn a_task_that_does_not_fit_is_refused_with_a_code_and_a_reason() {
    type Change = fn(&mut v1::Task);
    let cases: [(&str, &str, Change); 7] = [
        ("wrong-kind", "serves pdu", |task| task.kind = "ups".into()),
        ("no-such-action", "its actions are off, read", |task| {
            task.action = "of".into();
        }),
        ("wrong-class", "declares it as control", |task| {
            task.control = false;
        }),
        ("bad-parameters", "are not JSON", |task| {
            task.parameters = b"{".to_vec();
        }),
        ("bad-parameters", "outlet", |task| {
            task.parameters = br#"{"outlet":"3"}"#.to_vec();
        }),
        ("bad-parameters", "is not an object", |task| {
            task.parameters = b"[]".to_vec();
        }),
        ("bad-target", "a/b", |task| task.target = "a/b".into()),
    ];
    for (code, reason, change) in cases {
        let problem = admit(change).unwrap_err();
        assert_eq!(&*problem.code, code, "{problem}");
        assert!(problem.message.contains(reason), "{problem}");
    }
}
