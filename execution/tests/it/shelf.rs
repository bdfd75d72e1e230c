//! The logic environment's side of releases: it has their contents, answers requests, and can lie,
//! be silent, and count.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    sync::Arc,
};

use parking_lot::Mutex;
use utakata_interconnect::{
    Event, Events, Interest,
    message::content::{ContentPiece, ContentReply, ContentRequest, MAX_PART},
};
use utakata_model::{
    Content, ContentFile, Cure, Desired, FileDigest, Kind, KindDesired, Manifest, Problem,
    ReleaseDigest, ReleaseId, Zone,
};

use crate::site::{Site, programs};

/// The releases on the shelf, and the requests for them.
#[derive(Default)]
pub struct Stock {
    releases: HashMap<ReleaseDigest, Content>,
    files: HashMap<FileDigest, Arc<[u8]>>,
    /// All requests that arrived.
    pub asked: Vec<ContentRequest>,
    /// Answers with something false, or not at all.
    pub lie: Option<Lie>,
}

/// A false answer in place of the true one; `None` means no answer.
pub type Lie = Box<dyn Fn(&ContentRequest, ContentPiece) -> Option<ContentPiece> + Send>;

/// A shelf. Cheap to clone.
#[derive(Clone, Default)]
pub struct Shelf(pub Arc<Mutex<Stock>>);

/// A release with these files, executable where so marked.
pub struct Files(pub BTreeMap<&'static str, (Vec<u8>, bool)>);

fn data(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 253) as u8).collect()
}

impl Files {
    /// The echo worker, and data of this size.
    pub fn echo(version: &str, bytes: usize) -> Self {
        let program = programs().join("utakata-worker-echo");
        let program = format!("#!/bin/sh\nexec {} \"$@\"\n", program.display());
        let manifest = fs::read_to_string(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../workers/echo/releases/echo/worker.toml"),
        )
        .unwrap();
        let manifest = manifest
            .replace("0.1.0", version)
            .replace("\"utakata-worker-echo\"", "\"bin/worker\"");
        Self(BTreeMap::from([
            ("bin/worker", (program.into_bytes(), true)),
            ("data", (data(bytes), false)),
            ("worker.toml", (manifest.into_bytes(), false)),
        ]))
    }

    /// A small release whose worker does nothing, with data of this size.
    pub fn small(kind: &str, version: &str, bytes: usize) -> Self {
        let manifest = format!(
            "kind = \"{kind}\"\nversion = \"{version}\"\nprotocol = 1\n\
             run = {{ program = \"worker.sh\" }}\npool = {{ min = 0, max = 1 }}\n\
             [[action]]\nname = \"read\"\nclass = \"observe\"\n"
        );
        Self(BTreeMap::from([
            ("data", (data(bytes), false)),
            ("worker.sh", (b"#!/bin/sh\nexit 1\n".to_vec(), true)),
            ("worker.toml", (manifest.into_bytes(), false)),
        ]))
    }

    pub fn content(&self) -> Content {
        let file = |(path, (bytes, executable)): (&&str, &(Vec<u8>, bool))| ContentFile {
            path: (*path).into(),
            digest: FileDigest::of(bytes),
            size: bytes.len() as u64,
            executable: *executable,
        };
        Content {
            files: self.0.iter().map(file).collect(),
        }
    }

    pub fn id(&self) -> ReleaseId {
        let manifest = Manifest::parse(&String::from_utf8_lossy(&self.0["worker.toml"].0)).unwrap();
        ReleaseId {
            digest: self.content().release_digest(&manifest.run),
            kind: manifest.kind,
            version: manifest.version.into(),
        }
    }
}

impl Shelf {
    /// Answers on these events as long as they exist.
    pub async fn open(events: Arc<dyn Events>) -> Self {
        let shelf = Self::default();
        let interest = Interest {
            starts: true,
            ..Interest::NONE
        };
        let mut asks = loop {
            // It may be away for a moment.
            if let Ok(asks) = events.subscribe(interest.clone()).await {
                break asks;
            }
        };
        let stock = shelf.clone();
        tokio::spawn(async move {
            loop {
                let asked = match asks.next().await {
                    Ok(asked) => asked,
                    Err(utakata_interconnect::Error::Closed) => return,
                    Err(_) => continue,
                };
                let answers = asked.into_iter().flat_map(|event| match event {
                    Event::Fetch(batch) => {
                        let answer = |want: &ContentRequest| {
                            let found = stock.answer(want)?;
                            Some(Event::Content(Arc::new(ContentReply {
                                environment: batch.environment.clone(),
                                want: want.clone(),
                                found,
                                kept: None,
                            })))
                        };
                        batch.wants.iter().filter_map(answer).collect()
                    }
                    _ => Vec::new(),
                });
                // Lost answers are requested again.
                let _ = events.publish(answers.collect()).await;
            }
        });
        shelf
    }

    /// Puts a release on the shelf.
    pub fn put(&self, files: &Files) -> ReleaseId {
        let id = files.id();
        let mut stock = self.0.lock();
        stock.releases.insert(id.digest.clone(), files.content());
        for (bytes, _) in files.0.values() {
            let digest = FileDigest::of(bytes);
            stock.files.insert(digest, bytes.as_slice().into());
        }
        id
    }

    pub fn lie(
        &self,
        lie: impl Fn(&ContentRequest, ContentPiece) -> Option<ContentPiece> + Send + 'static,
    ) {
        self.0.lock().lie = Some(Box::new(lie));
    }

    pub fn be_honest(&self) {
        self.0.lock().lie = None;
    }

    /// Returns the offsets at which a file was requested.
    pub fn asked_for(&self, file: &FileDigest) -> Vec<u64> {
        let stock = self.0.lock();
        let from = stock.asked.iter().filter_map(|want| match want {
            ContentRequest::File { digest, from } if digest == file => Some(*from),
            _ => None,
        });
        from.collect()
    }

    fn answer(&self, want: &ContentRequest) -> Option<ContentPiece> {
        let mut stock = self.0.lock();
        stock.asked.push(want.clone());
        let truth = stock.truth(want);
        match &stock.lie {
            Some(lie) => lie(want, truth),
            None => Some(truth),
        }
    }
}

impl Stock {
    fn truth(&self, want: &ContentRequest) -> ContentPiece {
        let found = match want {
            // They are about the keys of environments.
            ContentRequest::Credential { .. } | ContentRequest::Acceptance(_) => None,
            ContentRequest::Release(digest) => self
                .releases
                .get(digest)
                .cloned()
                .map(ContentPiece::Release),
            ContentRequest::File { digest, from } => self.files.get(digest).map(|bytes| {
                let rest = bytes.get(usize::try_from(*from).unwrap()..).unwrap_or(&[]);
                ContentPiece::Part(rest[..rest.len().min(MAX_PART)].into())
            }),
        };
        let nothing = || Problem::new("no-release", Cure::Operator, "nobody has pushed it");
        found.unwrap_or_else(|| ContentPiece::Nothing(nothing()))
    }
}

/// Orders these releases to be kept in the zone of a site, each for targets pinned to it.
pub async fn want(site: &Site, revision: u64, releases: &[&ReleaseId]) {
    let mut kinds: BTreeMap<Kind, KindDesired> = BTreeMap::new();
    for release in releases {
        let kind = kinds.entry(release.kind.clone()).or_default();
        kind.kept.push((*release).clone());
    }
    ask(site, revision, kinds).await;
}

/// Publishes this desired state for the zone of a site.
pub async fn ask(site: &Site, revision: u64, kinds: BTreeMap<Kind, KindDesired>) {
    let desired = Desired {
        zone: Zone::default(),
        revision,
        environments: BTreeMap::new(),
        kinds,
        standing: utakata_model::desired::StandingOrders::default(),
        targets: None,
    };
    let event = Event::Desired(Arc::new(desired));
    site.bus.publish(vec![event]).await.unwrap();
}
