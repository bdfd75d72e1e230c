//! Workers that are tasks of this process and do what a test says: they speak the real worker
//! protocol, if they speak at all.

use std::{io, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::task::{AbortHandle, JoinHandle};

use super::{Error, Exit, Running, Runtime, Spec};

/// The acts of a worker, from its start to its end; `None`: it cannot be started.
pub type Script = Arc<dyn Fn(Spec) -> Option<BoxFuture<'static, Exit>> + Send + Sync>;

/// Runs workers that are tasks of this process.
#[derive(Clone)]
pub struct Scripted(Script);

struct Task {
    task: JoinHandle<Exit>,
    abort: AbortHandle,
    exit: Option<Exit>,
}

impl Scripted {
    /// Every worker follows the script.
    pub fn new(
        script: impl Fn(Spec) -> Option<BoxFuture<'static, Exit>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(script))
    }
}

#[async_trait]
impl Runtime for Scripted {
    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, Error> {
        let program = spec.artifact.program().unwrap_or(&spec.folder).into();
        let script = (self.0)(spec).ok_or_else(|| Error::Start {
            program,
            source: io::ErrorKind::NotFound.into(),
        })?;
        let task = tokio::spawn(script);
        Ok(Box::new(Task {
            abort: task.abort_handle(),
            task,
            exit: None,
        }))
    }
}

#[async_trait]
impl Running for Task {
    async fn ended(&mut self) -> Exit {
        if self.exit.is_none() {
            // One that was killed, or that has panicked, gives no exit.
            let exit = (&mut self.task).await.unwrap_or(Exit::Signal(9));
            self.exit = Some(exit);
        }
        self.exit.unwrap_or(Exit::Unknown)
    }

    fn kill(&mut self) {
        self.abort.abort();
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.kill();
    }
}
