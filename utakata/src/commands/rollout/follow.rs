//! The display of a rollout until it has ended: redrawn on a terminal, otherwise a line per step.

use std::{io::IsTerminal, time::Duration};

use anyhow::{Context as _, Result};
use console::Term;
use utakata_api::{Client, client, rollout::Rollout};

use super::view;
use crate::{
    interrupt,
    output::{Format, Output},
};

/// The interval between looks.
const LOOK: Duration = Duration::from_millis(250);

/// Follows a rollout to its end, and returns it.
pub async fn follow(client: &Client, mut rollout: Rollout, output: &Output) -> Result<Rollout> {
    let is_drawn = output.format == Format::Table && std::io::stdout().is_terminal();
    let terminal = Term::stdout();
    let (mut drawn, mut told) = (0, String::new());
    if !rollout.state.is_over() {
        interrupt::goes_on(goes_on(&rollout));
    }
    loop {
        if is_drawn {
            let page = view::page(&rollout, output.colours());
            terminal
                .clear_last_lines(drawn)
                .and_then(|()| terminal.write_str(&page))
                .context("the terminal cannot be written to")?;
            drawn = page.lines().count();
        } else {
            let line = view::step(&rollout);
            if line != told {
                tell!("{line}");
                told = line;
            }
        }
        if rollout.state.is_over() {
            break;
        }
        tokio::time::sleep(LOOK).await;
        rollout = match client.rollout(rollout.id).await {
            Ok(rollout) => rollout,
            // The rollout continues without us, and so do we once the server answers again.
            Err(client::Error::Unreachable { .. } | client::Error::Silent { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
    }
    interrupt::over();
    if !is_drawn {
        output.one(&rollout, || view::page(&rollout, output.colours()))?;
    }
    Ok(rollout)
}

/// Returns the message about a rollout that nobody watches any more.
fn goes_on(rollout: &Rollout) -> String {
    let Rollout { id, kind, .. } = rollout;
    format!(
        "the rollout of {kind} continues as {id}:\n  \
         utakata rollout show {id} --follow   its progress\n  \
         utakata rollout pause {id}           keep it where it is\n  \
         utakata rollout abort {id}           take it back"
    )
}
