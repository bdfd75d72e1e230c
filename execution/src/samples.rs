//! Samples for tests.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use utakata_model::{
    Action, ActionName, Class, Kind, Manifest, OperationId, Origin, Parameters, ReleaseDigest,
    ReleaseId, Target, TargetName, Task, TaskId,
};

/// An observe task of an operation: ten seconds of timeout, a minute until it expires.
pub(crate) fn task(target: &str) -> Task {
    let name = TargetName::new(target).unwrap();
    let target = Target::new(name, Kind::new("echo").unwrap(), "127.0.0.1".into());
    Task {
        id: TaskId::generate(),
        attempt: 1,
        origin: Origin::Operation(OperationId::generate()),
        target: Arc::new(target),
        credential: None,
        action: ActionName::new("read").unwrap(),
        class: Class::Observe,
        parameters: Parameters::default(),
        timeout: Duration::from_secs(10),
        expires: Timestamp::now() + Duration::from_secs(60),
    }
}

pub(crate) fn control(target: &str) -> Task {
    Task {
        class: Class::Control,
        action: ActionName::new("set").unwrap(),
        ..task(target)
    }
}

pub(crate) fn manifest(kind: &str, version: &str) -> Manifest {
    let action = |name: &str, class| Action {
        name: ActionName::new(name).unwrap(),
        class,
        ..Manifest::parse(
            "kind = \"k\"\nversion = \"1\"\nprotocol = 1\nrun = { program = \"p\" }\n\
             [[action]]\nname = \"a\"\nclass = \"observe\"\n",
        )
        .unwrap()
        .actions
        .remove(0)
    };
    Manifest {
        kind: Kind::new(kind).unwrap(),
        version: version.into(),
        protocol: 1,
        description: String::new(),
        run: utakata_model::manifest::Run::program("program"),
        pool: utakata_model::manifest::PoolSize::default(),
        address: None,
        credential: None,
        settings: serde_json::Value::Null,
        actions: vec![
            action("read", Class::Observe),
            action("set", Class::Control),
        ],
    }
}

pub(crate) fn release(kind: &str, version: &str) -> Arc<crate::Release> {
    let manifest = manifest(kind, version);
    let id = ReleaseId {
        kind: manifest.kind.clone(),
        version: version.into(),
        digest: ReleaseDigest(format!("{kind}-{version}").into()),
    };
    Arc::new(crate::Release {
        id: Arc::new(id),
        manifest: Arc::new(manifest),
        folder: "/releases".into(),
        artifact: crate::Artifact::Program("/programs/program".into()),
        is_fetched: false,
    })
}

/// The needs of a trial of a release in this runtime. Must be called within a tokio runtime.
pub(crate) fn trials(runtime: Arc<dyn crate::runtime::Runtime>) -> crate::trial::Trials {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    crate::trial::Trials {
        life: crate::runtime::Life {
            environment: utakata_model::EnvironmentId::new("lab").unwrap(),
            incarnation: utakata_model::Incarnation::generate(),
        },
        runtime,
        admission: crate::endpoint::Admission::build(&listener, None).unwrap(),
        socket,
        loopback: None,
        door: None,
        variables: Vec::new(),
        within: Duration::from_secs(10),
    }
}
