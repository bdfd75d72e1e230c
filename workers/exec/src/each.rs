//! One process for each task.

use std::time::Duration;

use tokio::{
    io::AsyncWriteExt,
    process::ChildStdin,
    time::{Instant, timeout, timeout_at},
};
use utakata_worker_sdk::Task;

use crate::{
    child::{Child, Lines},
    line::Reply,
    settings::Command,
    trouble::{Trouble, how},
};

/// The time for reading remaining output after the process has exited.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// Starts the program, sends it the task, and reads its answer until it exits.
pub async fn ask(
    command: &Command,
    task: &Task,
    line: Vec<u8>,
    until: Instant,
) -> Result<Reply, Trouble> {
    if Instant::now() >= until {
        return Err(Trouble::NotRead);
    }
    let (mut child, stdin, lines) = Child::start(command, Some(task))?;
    let mut reply = None;
    let heard = async {
        let talk =
            async { tokio::try_join!(read(lines, &mut reply), write(stdin, line)).map(drop) };
        tokio::pin!(talk);
        let ended = tokio::select! {
            talked = &mut talk => {
                talked?;
                child.ended().await
            }
            ended = child.ended() => {
                // Processes it left running may keep its output open.
                timeout(LAST_WORDS_TIMEOUT, talk).await.unwrap_or(Ok(()))?;
                ended
            }
        };
        Ok(ended)
    };
    let ended = timeout_at(until, heard).await;
    let ended = ended.unwrap_or(Err(Trouble::Overdue))?;
    match (reply, ended) {
        (Some(reply), Ok(status)) if reply.is_success() && !status.success() => {
            let how = how(Ok(status));
            Err(Trouble::Contradiction { how })
        }
        (Some(reply), _) => Ok(reply),
        (None, ended) => Err(Trouble::ended(ended)),
    }
}

/// Writes the line. A program may ignore it, as its environment has what it needs.
async fn write(mut stdin: ChildStdin, line: Vec<u8>) -> Result<(), Trouble> {
    let _ = stdin.write_all(&line).await;
    Ok(())
}

/// Reads the single answer.
async fn read(mut lines: Lines, reply: &mut Option<Reply>) -> Result<(), Trouble> {
    while let Some(line) = lines.next().await? {
        let next = Reply::parse(&line).map_err(Trouble::Garbage)?;
        if reply.replace(next).is_some() {
            return Err(Trouble::Garbage("a second answer".into()));
        }
    }
    Ok(())
}
