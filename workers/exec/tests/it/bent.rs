//! Whatever a program does, each task ends in time, and only explicit statements are believed.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use tempfile::TempDir;
use utakata_worker_exec::Exec;
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    model::{ActionName, Class, Kind, OutcomeStatus, TargetName, TaskId, TaskKey, target::Secret},
};

const TIMEOUT: Duration = Duration::from_secs(2);

/// A release whose program is this script.
struct Bent {
    folder: TempDir,
    worker: Exec,
}

impl Bent {
    fn new(process: &str, script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("script"), script).unwrap();
        let manifest = format!(
            "kind = \"bent\"\nversion = \"1\"\nprotocol = 1\n\
             run.program = \"utakata-worker-exec\"\n\
             settings = {{ command = [\"bash\", \"script\"], process = \"{process}\" }}\n\
             [[action]]\nname = \"read\"\nclass = \"observe\"\n"
        );
        fs::write(folder.path().join("worker.toml"), manifest).unwrap();
        let release = Release::read(folder.path()).unwrap();
        let worker = Exec::build(&release).unwrap();
        Self { folder, worker }
    }

    async fn ask(&self, class: Class) -> Result<Answer, Failure> {
        self.worker.run(task(class), Context::alone(TIMEOUT)).await
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

fn task(class: Class) -> Task {
    Task {
        key: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        target: TargetName::new("one").unwrap(),
        kind: Kind::new("bent").unwrap(),
        address: "127.0.0.1:9".into(),
        credential: BTreeMap::from([("password".into(), Secret::new("hunter2"))]),
        action: ActionName::new("read").unwrap(),
        class,
        parameters: serde_json::json!({ "outlet-name": "a b", "n": 3 }),
        timeout: TIMEOUT,
    }
}

/// Reads the number of each incoming task, for programs that handle several.
const FOR_EACH: &str = "while read -r line; do task=${line#*'\"task\":\"'}; task=${task%%'\"'*}\n";
const FINE: &str = "echo \"{\\\"task\\\":\\\"$task\\\",\\\"status\\\":\\\"succeeded\\\"}\"";

#[tokio::test]
async fn only_an_explicit_success_is_a_success() {
    let long = "head -c 1200000 /dev/zero | tr '\\0' x; echo";
    for (script, code, says) in [
        ("exit 0", "worker-crashed", "gave no answer"),
        ("exit 3", "worker-crashed", "exit status: 3"),
        ("kill -SEGV $$", "worker-crashed", "signal: 11"),
        (
            "echo hello",
            "worker-malformed",
            "\"hello\" is not the line",
        ),
        ("yes", "worker-malformed", "\"y\" is not"),
        ("yes | tr -d '\\n'", "worker-flood", "1048576 bytes"),
        (long, "worker-flood", "1048576 bytes"),
        ("sleep 600", "deadline", "was killed"),
        (
            "trap '' TERM INT; while :; do sleep 1; done",
            "deadline",
            "was killed",
        ),
        ("exec >&-; sleep 600", "deadline", "was killed"),
        ("printf '{\"status\":\"succe'", "worker-malformed", "EOF"),
        (
            "echo '{\"status\":\"succeeded\"}'; exit 1",
            "worker-malformed",
            "exit status: 1",
        ),
        (
            "echo '{\"status\":\"succeeded\"}'; echo",
            "worker-malformed",
            "is not the line",
        ),
        (
            "echo '{\"status\":\"failed\"}'; echo '{\"status\":\"succeeded\"}'",
            "worker-malformed",
            "a second answer",
        ),
        (
            "echo '{\"status\":\"done\"}'",
            "worker-malformed",
            "unknown variant",
        ),
    ] {
        for (class, status) in [
            (Class::Observe, OutcomeStatus::Failed),
            (Class::Control, OutcomeStatus::Unknown),
        ] {
            let failure = Bent::new("task", script).ask(class).await.unwrap_err();
            assert_eq!(failure.status, status, "{script}: {failure:?}");
            assert_eq!(&*failure.problem.code, code, "{script}: {failure:?}");
            let message = &failure.problem.message;
            assert!(message.contains(says), "{script}: {message}");
        }
    }
}

#[tokio::test]
async fn what_is_said_is_believed() {
    let bent = Bent::new("task", "echo '{\"status\":\"failed\"}'; exit 4");
    let failure = bent.ask(Class::Control).await.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
    // Processes it left running are not waited for.
    let bent = Bent::new(
        "task",
        "sleep 600 & echo '{\"status\":\"succeeded\",\"result\":7}'",
    );
    let answer = bent.ask(Class::Control).await.unwrap();
    assert_eq!(answer.result, Some(7.into()));
}

#[tokio::test]
async fn a_program_that_cannot_be_started_has_surely_done_nothing() {
    let mut bent = Bent::new("task", "");
    for process in ["task", "worker"] {
        let manifest = fs::read_to_string(bent.path("worker.toml")).unwrap();
        let manifest = manifest.replace("\"bash\"", "\"no-such-program\"");
        let manifest = manifest.replace("\"task\"", &format!("\"{process}\""));
        fs::write(bent.path("worker.toml"), manifest).unwrap();
        bent.worker = Exec::build(&Release::read(bent.folder.path()).unwrap()).unwrap();
        let failure = bent.ask(Class::Control).await.unwrap_err();
        assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
        assert_eq!(&*failure.problem.code, "worker-not-started");
    }
}

#[tokio::test]
async fn secrets_come_by_standard_input_and_by_nothing_else() {
    let script = "cat >line; tr '\\0' '\\n' </proc/$$/environ >environ\n\
                  tr '\\0' '\\n' </proc/$$/cmdline >arguments\necho '{\"status\":\"succeeded\"}'";
    let bent = Bent::new("task", script);
    bent.ask(Class::Observe).await.unwrap();
    let read = |name: &str| fs::read_to_string(bent.path(name)).unwrap();
    assert!(read("line").contains("\"credential\":{\"password\":\"hunter2\"}"));
    for file in ["environ", "arguments"] {
        assert!(!read(file).contains("hunter2"), "{file}");
        assert!(!read(file).contains("UTAKATA_TOKEN"), "{file}");
    }
    for variable in ["UTAKATA_PARAMETER_OUTLET_NAME=a b", "UTAKATA_PARAMETER_N=3"] {
        assert!(read("environ").contains(variable), "{variable}");
    }
}

#[tokio::test]
async fn a_process_of_many_tasks_answers_each_and_is_the_same_one() {
    let bent = Bent::new(
        "worker",
        &format!("echo x >>starts\n{FOR_EACH}{FINE}; done"),
    );
    let asks = (0..20).map(|_| bent.ask(Class::Control));
    for answered in futures(asks.collect()).await {
        answered.unwrap();
    }
    assert_eq!(starts(&bent.path("starts")), 1);
}

#[tokio::test]
async fn a_process_of_many_tasks_that_goes_wrong_is_replaced_and_nothing_is_guessed() {
    // It fails at the first start, and works at the next.
    for (wrong, code) in [
        ("exit 3", "worker-crashed"),
        ("echo hello; sleep 600", "worker-malformed"),
        ("yes | tr -d '\\n'", "worker-flood"),
        ("sleep 600", "deadline"),
        (
            "echo '{\"task\":\"another\",\"status\":\"succeeded\"}'; sleep 600",
            "worker-malformed",
        ),
        (
            "echo '{\"status\":\"succeeded\"}'; sleep 600",
            "worker-malformed",
        ),
    ] {
        let script = format!(
            "echo x >>starts\n{FOR_EACH}if [ $(wc -l <starts) = 1 ]; then {wrong}; fi\n{FINE}; done"
        );
        let bent = Bent::new("worker", &script);
        let failure = bent.ask(Class::Control).await.unwrap_err();
        assert_eq!(
            failure.status,
            OutcomeStatus::Unknown,
            "{wrong}: {failure:?}"
        );
        assert_eq!(&*failure.problem.code, code, "{wrong}: {failure:?}");
        bent.ask(Class::Control).await.unwrap();
        assert_eq!(starts(&bent.path("starts")), 2, "{wrong}");
    }
}

#[tokio::test]
async fn what_a_process_was_not_told_it_has_surely_not_done() {
    // It reads nothing: what fits into the pipe counts as sent.
    let bent = Bent::new("worker", "sleep 600");
    let mut large = task(Class::Control);
    large.parameters = serde_json::json!({ "text": "x".repeat(300_000) });
    let first = bent.worker.run(large, Context::alone(TIMEOUT));
    let second = bent.ask(Class::Control);
    let (first, second) = tokio::join!(first, second);
    let failure = first.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Unknown, "{failure:?}");
    let failure = second.unwrap_err();
    assert_eq!(failure.status, OutcomeStatus::Failed, "{failure:?}");
    assert_eq!(&*failure.problem.code, "deadline");
}

fn starts(file: &Path) -> usize {
    fs::read_to_string(file).unwrap().lines().count()
}

/// Runs all at the same time.
async fn futures<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
