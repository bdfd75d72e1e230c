//! The catalogue of releases: pushed over HTTP, fetched over the bus.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use utakata_api::{
    Client,
    client::Pushed,
    release::{NewRelease, ReleaseReference},
};
use utakata_interconnect::{
    Event, Events, Interest,
    message::content::{ContentPiece, ContentRequest, FetchBatch, MAX_PART},
};
use utakata_logic::http;
use utakata_model::{
    Content, ContentFile, EnvironmentId, FileDigest, Manifest, ReleaseDigest, target::Secret,
};
use utakata_tests::wait::soon;

use crate::room::{Room, TOKEN, config, target};

/// The files of a release by path, and whether they are executable.
#[derive(Clone)]
pub struct Release(pub BTreeMap<String, (Vec<u8>, bool)>);

impl Release {
    /// A release of the kind `pdu`, with a program slightly larger than two parts.
    pub fn new(version: &str) -> Self {
        let text = format!(
            "kind = \"pdu\"\nversion = \"{version}\"\nprotocol = 1\n[run]\nprogram = \"bin/run\"\n\
             [[action]]\nname = \"read\"\nclass = \"observe\"\n"
        );
        let program = (0..2 * MAX_PART + 77).map(|at| (at % 241) as u8).collect();
        Self(
            [
                ("bin/run".into(), (program, true)),
                ("empty".into(), (Vec::new(), false)),
                ("worker.toml".into(), (text.into_bytes(), false)),
            ]
            .into(),
        )
    }

    pub fn content(&self) -> Content {
        let file = |(path, (bytes, executable)): (&String, &(Vec<u8>, bool))| ContentFile {
            path: path.clone(),
            digest: FileDigest::of(bytes),
            size: bytes.len() as u64,
            executable: *executable,
        };
        Content {
            files: self.0.iter().map(file).collect(),
        }
    }

    fn digest(&self) -> ReleaseDigest {
        let text = std::str::from_utf8(&self.0["worker.toml"].0).unwrap();
        let manifest = Manifest::parse(text).unwrap();
        self.content().release_digest(&manifest.run)
    }

    fn with(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.into(), (text.into(), false));
        self
    }

    /// Replaces something in its manifest.
    fn declaring(self, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.0["worker.toml"].0.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        self.with("worker.toml", &text.replace(from, to))
    }
}

impl Room {
    async fn send_release(&self, release: &Release) -> (StatusCode, Value) {
        let body = json!({ "files": release.content().files });
        self.post("/v1/releases", body).await
    }

    async fn put_file(&self, digest: &str, bytes: &[u8]) -> (StatusCode, Value) {
        let request = Request::builder()
            .method("PUT")
            .uri(format!("/v1/release-files/{digest}"))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-length", bytes.len());
        self.answer(request.body(Body::from(bytes.to_vec())).unwrap())
            .await
    }

    async fn put_files(&self, release: &Release) {
        for (bytes, _) in release.0.values() {
            let digest = FileDigest::of(bytes);
            let (status, told) = self.put_file(digest.as_str(), bytes).await;
            assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
        }
    }

    /// Pushes a release with its files, which must succeed.
    pub async fn push(&self, release: &Release) -> Value {
        self.put_files(release).await;
        let (status, view) = self.send_release(release).await;
        assert_eq!(status, StatusCode::CREATED, "{view}");
        view
    }
}

#[tokio::test]
async fn a_release_is_pushed_once_its_files_are_there_and_the_same_again_is_fine() {
    let room = Room::served().await;
    let release = Release::new("2.0.0");
    let (status, told) = room.send_release(&release).await;
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
    assert_eq!(told["code"], "release-files-missing");
    let missing = told["problems"].as_array().unwrap();
    let paths: Vec<&str> = missing
        .iter()
        .map(|one| one["message"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["bin/run", "empty", "worker.toml"]);
    let subjects: Vec<&str> = missing
        .iter()
        .map(|one| one["subject"].as_str().unwrap())
        .collect();
    let content = release.content();
    let digests: Vec<&str> = content
        .files
        .iter()
        .map(|file| file.digest.as_str())
        .collect();
    assert_eq!(subjects, digests);
    let view = room.push(&release).await;
    assert_eq!(view["digest"], json!(release.digest()));
    assert_eq!(view["pushed_by"], "admin");
    assert_eq!((&view["files"], &view["runs_in"]), (&json!(3), &json!([])));
    assert_eq!(view["manifest"]["version"], "2.0.0");
    let (status, again) = room.send_release(&release).await;
    assert_eq!((status, &again), (StatusCode::OK, &view));
    let (_, list) = room.get("/v1/releases?kind=pdu").await;
    assert_eq!(list["items"][0]["digest"], view["digest"], "{list}");
    let (_, none) = room.get("/v1/releases?kind=ups").await;
    assert_eq!(none["items"], json!([]));
    for name in ["pdu@2.0.0", &release.digest().0, release.digest().short()] {
        let (status, one) = room.get(&format!("/v1/releases/{name}")).await;
        assert_eq!((status, &one), (StatusCode::OK, &view), "{name}");
    }
    room.end().await;
}

#[tokio::test]
async fn what_is_not_a_release_or_has_a_version_that_is_taken_is_refused_and_not_kept() {
    let room = Room::served().await;
    let release = Release::new("2.0.0");
    room.push(&release).await;
    let not_executable = {
        let mut release = Release::new("2.1.0");
        release.0.get_mut("bin/run").unwrap().1 = false;
        release
    };
    for (release, code, says) in [
        (
            release.clone().with("more", "more"),
            "release-version-taken",
            "give it another version",
        ),
        (
            Release::new("2.1.0").declaring("bin/run", "elsewhere"),
            "release-invalid",
            "brings all that it runs",
        ),
        (not_executable, "release-invalid", "not executable"),
        (
            Release::new("2.1.0").declaring("observe", "obsreve"), // typos: on purpose
            "release-invalid",
            "worker.toml cannot be read",
        ),
        (Release::new("x"), "release-invalid", "digits and dots"),
    ] {
        room.put_files(&release).await;
        let (status, told) = room.send_release(&release).await;
        assert!(status.is_client_error(), "{told}");
        assert_eq!(told["code"], code, "{told}");
        assert!(told.to_string().contains(says), "{told}");
    }
    for (files, says) in [
        (json!([]), "no worker.toml"),
        (
            json!([{ "path": "../a", "digest": FileDigest::of(b""), "size": 0 }]),
            "not a path inside a release",
        ),
        (
            json!([{ "path": "worker.toml", "digest": "beef", "size": 0 }]),
            "not a SHA-256",
        ),
    ] {
        let (status, told) = room.post("/v1/releases", json!({ "files": files })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        assert!(told.to_string().contains(says), "{told}");
    }
    let other = json!({ "files": release.content().files, "digest": "0".repeat(64) });
    let (_, told) = room.post("/v1/releases", other).await;
    assert_eq!(told["code"], "release-invalid", "{told}");
    let (_, list) = room.get("/v1/releases").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    room.end().await;
}

#[tokio::test]
async fn a_file_is_kept_only_under_the_digest_of_what_is_in_it() {
    let room = Room::served().await;
    let digest = FileDigest::of(b"foam");
    let (status, told) = room.put_file(digest.as_str(), b"water").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
    assert_eq!(told["code"], "release-file-wrong");
    let (status, told) = room.put_file("beef", b"foam").await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::BAD_REQUEST, &json!("name-invalid"))
    );
    let request = Request::builder()
        .method("PUT")
        .uri(format!("/v1/release-files/{digest}"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-length", 257 * 1024 * 1024);
    let (status, told) = room.answer(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{told}");
    assert!(
        told["detail"].as_str().unwrap().contains("256 MiB"),
        "{told}"
    );
    let file = ContentFile {
        path: "a".into(),
        digest,
        size: 4,
        executable: false,
    };
    let files = std::slice::from_ref(&file);
    let missing = room.handle.store().missing_files(files).await.unwrap();
    assert_eq!(missing.len(), 1);
    room.end().await;
}

#[tokio::test]
async fn who_asks_for_a_release_that_is_not_there_is_told_the_nearest() {
    let room = Room::empty(config()).await;
    let (status, told) = room.get("/v1/releases/pdu@1.0").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        told["cure"].as_str().unwrap().contains("worker push"),
        "{told}"
    );
    room.push(&Release::new("1.0.1")).await;
    for (name, status, says) in [
        ("pdu@1.0.0", 404, "did you mean \\\"1.0.1\\\"?"),
        ("pdus@1.0.1", 404, "did you mean \\\"pdu\\\"?"),
        ("abcdef", 404, "worker list"),
        ("pdu", 400, "KIND@VERSION"),
        ("pdu@latest", 400, "KIND@VERSION"),
    ] {
        let (found, told) = room.get(&format!("/v1/releases/{name}")).await;
        assert_eq!(found.as_u16(), status, "{told}");
        assert!(told.to_string().contains(says), "{name}: {told}");
        let path = format!("/v1/releases/{name}");
        let (deleted, _) = room.send("DELETE", &path, None).await;
        assert_eq!(deleted.as_u16(), status);
        let path = format!("/v1/releases/pdu@1.0.1/diff/{name}");
        assert_eq!(room.get(&path).await.0.as_u16(), status);
    }
    room.end().await;
}

#[tokio::test]
async fn releases_are_compared_and_what_one_would_break_is_named() {
    let room = Room::served().await;
    room.furnish(2).await;
    let schedule =
        json!({ "type": "schedule", "name": "all", "selector": "kind=pdu", "interval": "1h" });
    room.apply(json!([schedule])).await;
    room.push(&Release::new("2.0.0")).await;
    let action = "name = \"read\"\nclass = \"observe\"\n";
    let needs = format!(
        "{action}[action.parameters]\ntype = \"object\"\nrequired = [\"port\"]\n\
         properties = {{ port = {{ type = \"integer\" }} }}\n[credential]\ntype = \"object\"\n\
         required = [\"user\"]\n"
    );
    let next = Release::new("2.1.0").declaring(action, &needs);
    let view = room.push(&next).await;
    let broken = view["breaks"].as_array().unwrap();
    let broken: Vec<String> = broken
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one["what"].as_str().unwrap(),
                one["name"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        broken,
        ["schedule all", "target pdu-0", "target pdu-1"],
        "{view}"
    );
    let (_, diff) = room.get("/v1/releases/pdu@2.0.0/diff/pdu@2.1.0").await;
    assert_eq!(diff["to"]["digest"], view["digest"]);
    let whats: Vec<&str> = diff["manifest"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    assert_eq!(
        whats[..2],
        ["credential", "action read, parameter port"],
        "{diff}"
    );
    assert_eq!(
        diff["files"],
        json!([{ "path": "worker.toml", "change": "changed" }])
    );
    room.end().await;
}

#[tokio::test]
async fn what_is_left_of_an_operation_is_named_when_its_action_has_gone() {
    // Silent: its tasks stay as they are.
    let room = Room::scripted(Arc::new(|_| None)).await;
    room.furnish(3).await;
    let off = json!({
        "selector": "kind=pdu", "action": "outlet-off", "parameters": { "outlet": 1 }, "wait": "0s",
    });
    let (status, operation) = room.post("/v1/operations", off).await;
    assert!(status.is_success(), "{operation}");
    let view = room.push(&Release::new("2.0.0")).await;
    let broken = view["breaks"].as_array().unwrap();
    let found = broken.iter().find(|one| one["what"] == "operation");
    let found = found.unwrap_or_else(|| panic!("{view}"));
    assert_eq!(found["name"], operation["operation"]["id"]);
    assert!(
        found["why"].as_str().unwrap().starts_with("3 of its tasks"),
        "{found}"
    );
    room.end().await;
}

#[tokio::test]
async fn a_release_that_is_wanted_stays_and_one_that_is_not_goes_with_its_files() {
    let room = Room::served().await;
    let (old, new) = (Release::new("1.5.0"), Release::new("2.0.0"));
    room.push(&old).await;
    room.push(&new).await;
    let pins = json!({ "pins": [{ "selector": "firmware=2.1", "version": "2.0.0" }] });
    let (status, told) = room.send("PUT", "/v1/kinds/pdu/pins", Some(pins)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (_, view) = room.get("/v1/releases/pdu@2.0.0").await;
    assert_eq!(
        view["wanted_by"],
        json!(["targets of pdu are pinned to it"])
    );
    let delete = async |name: &str| {
        room.send("DELETE", &format!("/v1/releases/{name}"), None)
            .await
    };
    let (status, told) = delete("pdu@2.0.0").await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::CONFLICT, &json!("release-wanted"))
    );
    assert!(
        told["detail"].as_str().unwrap().contains("of pdu are"),
        "{told}"
    );
    room.furnish(1).await;
    let mut pinned = target("pdu-0");
    pinned["pin"] = "1.5.0".into();
    room.apply(json!([pinned])).await;
    let (_, told) = delete("pdu@1.5.0").await;
    assert!(
        told["detail"].as_str().unwrap().contains("pdu-0 is pinned"),
        "{told}"
    );
    room.furnish(1).await;
    assert_eq!(delete("pdu@1.5.0").await.0, StatusCode::NO_CONTENT);
    assert_eq!(delete("pdu@1.5.0").await.0, StatusCode::NOT_FOUND);
    let store = room.handle.store();
    let missing = store.missing_files(&old.content().files).await.unwrap();
    assert_eq!(missing, [FileDigest::of(&old.0["worker.toml"].0)]);
    assert_eq!(store.missing_files(&new.content().files).await.unwrap(), []);
    room.end().await;
}

#[tokio::test]
async fn the_client_puts_what_is_missing_and_pushes_again() {
    let room = Room::served().await;
    let listener = http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let cancel = CancellationToken::new();
    let serving = http::serve(
        listener,
        room.handle.clone(),
        Secret::new(TOKEN),
        cancel.clone(),
    );
    let serving = tokio::spawn(serving);
    let client = Client::new(&url, TOKEN).unwrap();
    let release = Release::new("2.0.0");
    let new = NewRelease {
        files: release.content().files,
        digest: Some(release.digest()),
    };
    let missing = match client.push_release(&new).await.unwrap() {
        Pushed::Missing(missing) => missing,
        Pushed::There(view) => panic!("{view:?}"),
    };
    assert_eq!(missing.len(), 3);
    for (bytes, _) in release.0.values() {
        let digest = FileDigest::of(bytes);
        assert!(missing.contains(&digest));
        client
            .put_release_file(&digest, bytes.clone())
            .await
            .unwrap();
    }
    let view = match client.push_release(&new).await.unwrap() {
        Pushed::There(view) => *view,
        Pushed::Missing(missing) => panic!("{missing:?}"),
    };
    let (reference, kind) = (
        ReleaseReference::from(&release.digest()),
        &view.summary.kind,
    );
    assert_eq!(client.release(&reference).await.unwrap(), view);
    let listed = client.releases(Some(kind)).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&view.summary));
    let diff = client.release_diff(&reference, &reference).await.unwrap();
    assert!(
        diff.manifest.is_empty() && diff.files.is_empty(),
        "{diff:?}"
    );
    client.delete_release(&reference).await.unwrap();
    let error = client.release(&reference).await.unwrap_err();
    assert_eq!(error.code(), Some("not-found"), "{error}");
    cancel.cancel();
    serving.await.unwrap().unwrap();
    room.end().await;
}

/// An environment that requests over the bus, one want after another.
struct Fetching<'r> {
    room: &'r Room,
    answers: Box<dyn utakata_interconnect::Subscription>,
}

impl<'r> Fetching<'r> {
    async fn new(room: &'r Room) -> Self {
        let interest = Interest {
            answers: Some(id()),
            ..Interest::NONE
        };
        let answers = room.bus.subscribe(interest).await.unwrap();
        Self { room, answers }
    }

    async fn fetch(&mut self, want: ContentRequest) -> ContentPiece {
        let batch = FetchBatch {
            environment: id(),
            wants: vec![want.clone()],
        };
        let requested = vec![Event::Fetch(Arc::new(batch))];
        self.room.bus.publish(requested).await.unwrap();
        let events = soon("the answer", self.answers.next()).await;
        match events.unwrap().as_slice() {
            [Event::Content(got)] => {
                assert_eq!((&got.environment, &got.want), (&id(), &want));
                got.found.clone()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Fetches a file from an offset to its end.
    async fn file(&mut self, digest: &FileDigest, size: u64, from: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while from + (bytes.len() as u64) < size {
            let want = ContentRequest::File {
                digest: digest.clone(),
                from: from + bytes.len() as u64,
            };
            match self.fetch(want).await {
                ContentPiece::Part(part) if !part.is_empty() && part.len() <= MAX_PART => {
                    bytes.extend_from_slice(&part);
                }
                other => panic!("{other:?}"),
            }
        }
        bytes
    }
}

fn id() -> EnvironmentId {
    EnvironmentId::new("wee-7").unwrap()
}

#[tokio::test]
async fn an_environment_fetches_a_release_byte_by_byte_and_its_digest_is_right() {
    let room = Room::served().await;
    let release = Release::new("2.0.0");
    room.push(&release).await;
    let mut fetching = Fetching::new(&room).await;
    let ContentPiece::Release(content) = fetching
        .fetch(ContentRequest::Release(release.digest()))
        .await
    else {
        panic!("the content is there");
    };
    assert_eq!(content, release.content());
    let mut fetched = Release(BTreeMap::new());
    for file in &content.files {
        let bytes = fetching.file(&file.digest, file.size, 0).await;
        assert_eq!(FileDigest::of(&bytes), file.digest, "{}", file.path);
        fetched
            .0
            .insert(file.path.clone(), (bytes, file.executable));
    }
    assert!(fetched.0 == release.0);
    assert_eq!(fetched.digest(), release.digest());
    // From the middle of a part, as after an interrupted start.
    let program = &content.files[0];
    let from = MAX_PART as u64 + 5;
    let rest = fetching.file(&program.digest, program.size, from).await;
    assert!(rest == release.0["bin/run"].0[MAX_PART + 5..]);
    room.end().await;
}

#[tokio::test]
async fn an_environment_that_asks_for_what_is_not_there_is_told_so() {
    let room = Room::served().await;
    let mut fetching = Fetching::new(&room).await;
    let release = Release::new("2.0.0");
    let file = &release.content().files[0];
    room.put_files(&release).await;
    let digest = file.digest.clone();
    let wants = [
        ContentRequest::Release(release.digest()),
        ContentRequest::File {
            digest: FileDigest::of(b"nothing has this"),
            from: 0,
        },
        ContentRequest::File {
            digest: digest.clone(),
            from: file.size + 1,
        },
        ContentRequest::File {
            digest,
            from: u64::MAX,
        },
    ];
    for want in wants {
        match fetching.fetch(want.clone()).await {
            ContentPiece::Nothing(problem) => assert_eq!(&*problem.code, "no-release"),
            other => panic!("{want:?}: {other:?}"),
        }
    }
    room.end().await;
}
