//! Handing back: the newest first.

use crate::{
    request::HandBack,
    state::{Change, Episode, Stage, State},
};

/// Hands back the newest changes, at most so many at a time. What is only thought of is forgotten.
pub(crate) fn hand_back(
    state: &mut State,
    prefix: &str,
    max: u32,
    is_meant: impl Fn(&Change) -> bool,
) -> Vec<HandBack> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let mut requests = Vec::new();
    let Some(episode) = &mut state.episode else {
        return requests;
    };
    let mut at = episode.changes.len();
    while at > 0 && requests.len() < max {
        at -= 1;
        if is_waiting(episode, at) {
            break;
        }
        if !is_meant(&episode.changes[at]) {
            continue;
        }
        match episode.changes[at].stage {
            Stage::Would => drop(episode.changes.remove(at)),
            Stage::Done => {
                episode.steps += 1;
                let change = &mut episode.changes[at];
                let key = format!("{prefix}/{}/{}/back", episode.number, episode.steps);
                change.stage = Stage::Returning;
                change.is_back = true;
                change.latest.clone_from(&key);
                requests.push(HandBack {
                    undoes: change.key.clone(),
                    or_undoes: change.second.clone(),
                    key,
                    target: change.target.clone(),
                    outlet: change.outlet.clone(),
                });
            }
            Stage::Asked | Stage::Renewing | Stage::Returning | Stage::Person => {}
        }
    }
    requests
}

/// Returns true if a newer change has yet to end: the order is kept.
fn is_waiting(episode: &Episode, at: usize) -> bool {
    let newer = episode.changes.iter().skip(at + 1);
    newer
        .clone()
        .any(|change| matches!(change.stage, Stage::Asked | Stage::Renewing))
}
