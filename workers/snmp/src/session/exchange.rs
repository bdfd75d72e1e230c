//! Repeats a request until it is answered; an answer to any of the tries counts.

use std::{
    future::{Future, pending},
    pin::{Pin, pin},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    Error, Repeat, Session,
    diagnose::{Diagnosis, diagnose},
    handle::Unexpected,
    odd::Odd,
    pace::Schedule,
    speaker::Speaker,
};

/// The minimum time, and the multiple of its usual response time, granted to a target that is
/// reachable but does not answer us.
const PATIENCE: (Duration, u32) = (Duration::from_secs(1), 4);

impl Session {
    /// Sends a request until it is answered, as often and as long as suits the target and the
    /// deadline allows. `ask` gets the number of the try, from 0, and the time to wait.
    pub(super) async fn exchange<T, F>(
        &self,
        speaker: &Speaker,
        deadline: Instant,
        repeat: Repeat,
        ask: impl Fn(u32, Instant) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let begun = Instant::now();
        let left = deadline.saturating_duration_since(begun);
        if left.is_zero() {
            return Err(Error::silent());
        }
        let schedule = self.pace.lock().schedule(repeat, left);
        let end = begun + schedule.listen;
        let mut first = pin!(timed(ask(0, end)));
        let wait = schedule.wait(0).unwrap_or(left);
        let first = match timeout_at((begun + wait).min(end), first.as_mut()).await {
            Ok((Err(Error::Silent { .. }), _)) => None,
            // The usual case.
            Ok(done) => return self.heard(done),
            Err(_) => Some(first.as_mut()),
        };
        let insisted = self.insist((speaker, repeat), begun, &schedule, first, &ask);
        match insisted.await {
            Ok(done) => self.heard(done),
            Err(why) => Err(self.silence(speaker, begun, why)),
        }
    }

    /// Makes further tries while the first one continues. Errors: none was answered, with what is
    /// known of the reason.
    async fn insist<T, F>(
        &self,
        (speaker, repeat): (&Speaker, Repeat),
        begun: Instant,
        schedule: &Schedule,
        mut first: Option<Pin<&mut impl Future<Output = Timed<T>>>>,
        ask: &impl Fn(u32, Instant) -> F,
    ) -> Result<Timed<T>, Why>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let end = begun + schedule.listen;
        let mut next = begun + schedule.wait(0).unwrap_or(schedule.listen);
        let mut later = FuturesUnordered::new();
        let mut doubt = pin!(diagnose(self.address, schedule.listen));
        let mut doubts = match repeat {
            Repeat::Adaptive => Doubts::None,
            Repeat::Never | Repeat::Seldom => Doubts::Settled(None),
        };
        let (mut give_up, mut odd, mut odds, mut sent) = (end, None, 0, 0);
        loop {
            let is_asking = matches!(doubts, Doubts::Asking(_));
            tokio::select! {
                biased;
                done = of_some(&mut first), if first.is_some() => match done {
                    (Err(Error::Silent { .. }), _) => first = None,
                    done => return Ok(done),
                },
                Some(done) = later.next(), if !later.is_empty() => match done {
                    (Err(Error::Silent { .. }), _) => {}
                    done => return Ok(done),
                },
                diagnosis = &mut doubt, if is_asking => {
                    let took = doubts.settle(diagnosis);
                    give_up = give_up.min(match diagnosis {
                        Diagnosis::Silence => end,
                        Diagnosis::AgentIsThere => {
                            Instant::now() + PATIENCE.0.max(took * PATIENCE.1)
                        }
                        _ => Instant::now(),
                    });
                }
                () = sleep_until(next.min(give_up)) => {
                    let now = Instant::now();
                    if now >= give_up {
                        return Err((odd, doubts.settled()));
                    }
                    match speaker.take_unexpected(Some(begun)) {
                        Some(Unexpected::Odd(found)) => {
                            odd = Some(found);
                            odds += 1;
                            // One may be an old answer; more means that it will not get better.
                            if odds > 1 {
                                give_up = give_up.min(now + PATIENCE.0);
                            }
                        }
                        Some(Unexpected::Late(after)) => self.pace.lock().answered(after),
                        None => {}
                    }
                    match schedule.wait(sent + 1) {
                        Some(wait) => {
                            sent += 1;
                            later.push(Box::pin(timed(ask(sent, end))));
                            next = now + wait;
                        }
                        None => next = end,
                    }
                    // The last try has been sent: diagnose the silence.
                    if sent + 1 >= schedule.tries && matches!(doubts, Doubts::None) {
                        doubts = Doubts::Asking(now);
                    }
                }
            }
        }
    }

    fn heard<T>(&self, (answer, after): Timed<T>) -> Result<T, Error> {
        if !matches!(answer, Err(Error::Send { .. } | Error::Silent { .. })) {
            self.pace.lock().answered(after);
        }
        answer
    }

    /// Returns the error for a silence: either something arrived that was not an answer, or nothing
    /// did.
    fn silence(&self, speaker: &Speaker, since: Instant, (odd, diagnosis): Why) -> Error {
        let mut pace = self.pace.lock();
        if let Some(odd) = odd {
            return Error::Odd { odd };
        }
        match speaker.take_unexpected(Some(since)) {
            Some(Unexpected::Odd(odd)) => return Error::Odd { odd },
            // It will be waited for the next time.
            Some(Unexpected::Late(after)) => {
                pace.answered(after);
                return Error::Late { after };
            }
            None => {}
        }
        pace.stayed_silent();
        Error::Silent { diagnosis }
    }
}

/// An answer and the time it took.
type Timed<T> = (Result<T, Error>, Duration);

/// The reason why there was no answer: what arrived instead, and the diagnosis.
type Why = (Option<Odd>, Option<Diagnosis>);

async fn timed<T>(ask: impl Future<Output = Result<T, Error>>) -> Timed<T> {
    let begun = Instant::now();
    let answer = ask.await;
    (answer, begun.elapsed())
}

/// Polls a future that may have completed.
async fn of_some<T>(future: &mut Option<Pin<&mut impl Future<Output = T>>>) -> T {
    match future {
        Some(future) => future.as_mut().await,
        None => pending().await,
    }
}

/// The state of the diagnosis of a silence.
enum Doubts {
    /// It was not tried.
    None,
    /// In progress since this moment.
    Asking(Instant),
    /// Complete, or not needed.
    Settled(Option<Diagnosis>),
}

impl Doubts {
    /// Returns the time that it took.
    fn settle(&mut self, diagnosis: Diagnosis) -> Duration {
        let took = match self {
            Self::Asking(since) => since.elapsed(),
            _ => Duration::ZERO,
        };
        *self = Self::Settled(Some(diagnosis));
        took
    }

    fn settled(self) -> Option<Diagnosis> {
        match self {
            Self::Settled(diagnosis) => diagnosis,
            Self::Asking(_) => Some(Diagnosis::Silence),
            Self::None => None,
        }
    }
}
