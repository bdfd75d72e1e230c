//! The Docker engine behind its socket: one request after the other, each with a deadline.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{
    API_DEFAULT_VERSION,
    container::{AttachContainerResults, LogOutput},
    errors::Error as Inner,
    models::{ContainerCreateBody, ContainerSummary, ImageInspect},
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptions, CreateImageOptionsBuilder,
        DownloadFromContainerOptionsBuilder, ImportImageOptions, ListContainersOptionsBuilder,
        RemoveContainerOptionsBuilder, StatsOptionsBuilder, StopContainerOptionsBuilder,
        WaitContainerOptionsBuilder,
    },
};
use futures::{Stream, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio_util::io::ReaderStream;
use utakata_execution::runtime::Exit;
use utakata_model::EnvironmentId;

use crate::{
    error::{Answer, Error},
    labels::ENVIRONMENT_LABEL,
    tar,
};

/// The deadline of an answer of the engine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The deadline of an answer that moves an image.
const IMAGE_TIMEOUT: Duration = Duration::from_secs(600);
/// The time between asking an orphan to end and killing it, in seconds.
const END_TIMEOUT_SECONDS: i32 = 2;

/// A Docker engine. The connection is made when needed, and made again after it was lost.
#[derive(Debug)]
pub(crate) struct Engine {
    socket: PathBuf,
    client: Mutex<Option<bollard::Docker>>,
}

/// The result of waiting for a container.
#[derive(Debug)]
pub(crate) enum Waited {
    /// It has ended.
    Exited(Exit),
    /// The engine no longer knows it.
    Gone,
    /// The engine does not answer.
    Away(Error),
}

/// The stream of a container's output.
pub(crate) type Output = std::pin::Pin<Box<dyn Stream<Item = Result<LogOutput, Inner>> + Send>>;

impl Engine {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            client: Mutex::new(None),
        }
    }

    /// Returns the error for a request whose answer was lost.
    pub(crate) fn lost() -> Answer {
        Answer::new("it is missing afterwards")
    }

    /// Connects to the engine, with a version of its API that both support.
    async fn client(&self) -> Result<bollard::Docker, Error> {
        if let Some(client) = self.client.lock().clone() {
            return Ok(client);
        }
        let path = self.socket.to_string_lossy();
        let within = ANSWER_TIMEOUT.as_secs();
        let client = bollard::Docker::connect_with_unix(&path, within, API_DEFAULT_VERSION);
        let client = client.map_err(|error| self.away(&error))?;
        let client = client.negotiate_version().await;
        let client = client.map_err(|error| self.away(&error))?;
        *self.client.lock() = Some(client.clone());
        Ok(client)
    }

    fn away(&self, error: &Inner) -> Error {
        Error::Away {
            socket: self.socket.clone(),
            source: answer(error),
        }
    }

    /// Converts a failure: the engine refused, or did not answer. Its successor may speak another
    /// version, so the connection is dropped.
    fn failed(&self, step: &'static str, error: &Inner) -> Error {
        match error {
            Inner::DockerResponseServerError { .. } | Inner::DockerStreamError { .. } => {
                let source = answer(error);
                Error::Refused { step, source }
            }
            _ => {
                *self.client.lock() = None;
                self.away(error)
            }
        }
    }

    /// Returns the platform for which it runs containers: `linux/amd64`.
    pub(crate) async fn platform(&self) -> Result<String, Error> {
        let version = self.client().await?.version().await;
        let version = version.map_err(|error| self.failed("say its version", &error))?;
        let os = version.os.unwrap_or_default();
        Ok(format!("{os}/{}", version.arch.unwrap_or_default()))
    }

    /// Returns an image of the engine.
    pub(crate) async fn image(&self, name: &str) -> Result<Option<ImageInspect>, Error> {
        match self.client().await?.inspect_image(name).await {
            Ok(image) => Ok(Some(image)),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(self.failed("show an image", &error)),
        }
    }

    /// Pulls an image from its registry.
    pub(crate) async fn pull(&self, image: &str) -> Result<(), Error> {
        let client = self.client().await?.with_timeout(IMAGE_TIMEOUT);
        let options = CreateImageOptionsBuilder::new().from_image(image).build();
        let pulled = client.create_image(Some(options), None, None);
        let pulled = pulled.try_for_each(|_| std::future::ready(Ok(()))).await;
        pulled.map_err(|error| match self.failed("pull", &error) {
            Error::Refused { source, .. } => Error::Pull {
                image: image.into(),
                source,
            },
            away => away,
        })
    }

    /// Returns the digest that a tag has in its registry now.
    pub(crate) async fn digest(&self, name: &str) -> Result<String, Error> {
        let asked = self
            .client()
            .await?
            .inspect_registry_image(name, None)
            .await;
        let found = asked.map_err(|error| match self.failed("ask a registry", &error) {
            Error::Refused { source, .. } => Error::Resolve {
                image: name.into(),
                source,
            },
            away => away,
        })?;
        Ok(found.descriptor.digest.unwrap_or_default())
    }

    /// Reads a file of an image, through a container that is never started.
    pub(crate) async fn file(&self, image: &str, path: &Path) -> Result<Option<Vec<u8>>, Error> {
        let body = ContainerCreateBody {
            image: Some(image.into()),
            // It must have one.
            entrypoint: Some(vec!["/".into()]),
            network_disabled: Some(true),
            ..ContainerCreateBody::default()
        };
        let id = self.create(body).await?;
        let found = self.file_of(&id, path).await;
        self.remove(&id).await?;
        found
    }

    async fn file_of(&self, container: &str, path: &Path) -> Result<Option<Vec<u8>>, Error> {
        let options = DownloadFromContainerOptionsBuilder::new().path(&path.to_string_lossy());
        let client = self.client().await?;
        let archive = client.download_from_container(container, Some(options.build()));
        let archive = archive.try_fold(Vec::new(), |mut all, part| {
            all.extend_from_slice(&part);
            std::future::ready(Ok(all))
        });
        match archive.await {
            Ok(archive) => Ok(tar::first_file(&archive).map(<[u8]>::to_vec)),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(self.failed("show a file of an image", &error)),
        }
    }

    /// Loads an archive, and returns the engine's report.
    pub(crate) async fn load(&self, archive: &Path) -> Result<String, Error> {
        let file = tokio::fs::File::open(archive).await;
        let file = file.map_err(|source| Error::Read {
            archive: archive.into(),
            source,
        })?;
        let client = self.client().await?.with_timeout(IMAGE_TIMEOUT);
        let options = ImportImageOptions::default();
        let mut told = client.import_image_stream(options, ReaderStream::new(file), None);
        let mut text = String::new();
        while let Some(info) = told.next().await {
            match info {
                Ok(info) => text.push_str(info.stream.as_deref().unwrap_or_default()),
                Err(error) => {
                    return Err(match self.failed("load", &error) {
                        Error::Refused { source, .. } => Error::Load {
                            archive: archive.into(),
                            source,
                        },
                        away => away,
                    });
                }
            }
        }
        Ok(text)
    }

    /// Creates a container and returns its id.
    pub(crate) async fn create(&self, body: ContainerCreateBody) -> Result<String, Error> {
        let client = self.client().await?;
        let created = client.create_container(None::<CreateContainerOptions>, body);
        let created = created.await;
        let created = created.map_err(|error| self.failed("create a container", &error))?;
        Ok(created.id)
    }

    /// Returns the output of a container from now on.
    pub(crate) async fn attach(&self, id: &str) -> Result<Output, Error> {
        let options = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdout(true)
            .stderr(true)
            .build();
        let client = self.client().await?;
        let attached = client.attach_container(id, Some(options)).await;
        let attached = attached.map_err(|error| self.failed("attach to a container", &error))?;
        let AttachContainerResults { output, .. } = attached;
        Ok(output)
    }

    pub(crate) async fn start(&self, id: &str) -> Result<(), Error> {
        let started = self.client().await?.start_container(id, None).await;
        started.map_err(|error| self.failed("start a container", &error))
    }

    /// Waits until a started container has ended.
    pub(crate) async fn wait(&self, id: &str) -> Waited {
        let client = match self.client().await {
            Ok(client) => client,
            Err(error) => return Waited::Away(error),
        };
        let options = WaitContainerOptionsBuilder::new()
            .condition("not-running")
            .build();
        let ended = client.wait_container(id, Some(options)).next().await;
        match ended {
            Some(Ok(ended)) => Waited::Exited(exit(ended.status_code)),
            Some(Err(Inner::DockerContainerWaitError { code, .. })) => Waited::Exited(exit(code)),
            Some(Err(error)) if is_unknown(&error) => Waited::Gone,
            Some(Err(error)) => Waited::Away(self.failed("wait for a container", &error)),
            None => {
                *self.client.lock() = None;
                let source = Answer::new("it ended the connection");
                Waited::Away(Error::Away {
                    socket: self.socket.clone(),
                    source,
                })
            }
        }
    }

    /// Returns the memory of a container, without the page cache; `None` if unknown.
    pub(crate) async fn memory(&self, id: &str) -> Option<u64> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true);
        let client = self.client().await.ok()?;
        let stats = client.stats(id, Some(options.build())).next().await?;
        let memory = stats.ok()?.memory_stats?;
        let of_files = memory.stats.unwrap_or_default();
        let of_files = of_files.get("inactive_file").copied().unwrap_or(0);
        memory.usage.map(|usage| usage.saturating_sub(of_files))
    }

    /// Kills a container, if it runs, and removes it, if it exists.
    pub(crate) async fn remove(&self, id: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
        let client = self.client().await?;
        match client.remove_container(id, Some(options.build())).await {
            Ok(()) => Ok(()),
            Err(error) if is_unknown(&error) || is_being_removed(&error) => Ok(()),
            Err(error) => Err(self.failed("remove a container", &error)),
        }
    }

    /// Asks a container to end, kills it a little later, and removes it.
    pub(crate) async fn end_politely(&self, id: &str) -> Result<(), Error> {
        let options = StopContainerOptionsBuilder::new().t(END_TIMEOUT_SECONDS);
        let client = self.client().await?;
        match client.stop_container(id, Some(options.build())).await {
            // Removing it kills it.
            Ok(()) | Err(Inner::DockerResponseServerError { .. }) => self.remove(id).await,
            Err(error) => Err(self.failed("stop a container", &error)),
        }
    }

    /// Returns all containers of an environment, running or not.
    pub(crate) async fn containers(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Vec<ContainerSummary>, Error> {
        let label = format!("{ENVIRONMENT_LABEL}={environment}");
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters);
        let client = self.client().await?;
        let listed = client.list_containers(Some(options.build())).await;
        listed.map_err(|error| self.failed("list containers", &error))
    }
}

fn answer(error: &Inner) -> Answer {
    Answer::new(match error {
        Inner::DockerResponseServerError { message, .. } => message.clone(),
        Inner::DockerStreamError { error } => error.clone(),
        other => utakata_model::chain(other),
    })
}

fn is_unknown(error: &Inner) -> bool {
    let Inner::DockerResponseServerError { status_code, .. } = error else {
        return false;
    };
    *status_code == 404
}

fn is_being_removed(error: &Inner) -> bool {
    let Inner::DockerResponseServerError { status_code, .. } = error else {
        return false;
    };
    *status_code == 409
}

/// Converts an exit status: containers report 128 plus the number of the signal that ended them.
fn exit(code: i64) -> Exit {
    match i32::try_from(code) {
        Ok(code @ 129..=192) => Exit::Signal(code - 128),
        Ok(code) => Exit::Code(code),
        Err(_) => Exit::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_a_signal_is_reported_as_such() {
        for (code, expect) in [
            (0, Exit::Code(0)),
            (99, Exit::Code(99)),
            (137, Exit::Signal(9)),
            (255, Exit::Code(255)),
            (i64::MAX, Exit::Unknown),
        ] {
            assert_eq!(exit(code), expect);
        }
    }
}
