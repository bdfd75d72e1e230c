//! Asking until there is an answer: several tries, to all of which an answer is an answer.

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

/// A target that is there, and does not answer to us, is listened to at least as long, and as
/// many times as it takes for other answers.
const PATIENCE: (Duration, u32) = (Duration::from_secs(1), 4);

impl Session {
    /// Asks until there is an answer, as often and as long as the target deserves and the
    /// deadline allows. `ask` gets the number of the try, from 0, and waits no longer than it is
    /// told.
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
            // Nearly always there is nothing more to it.
            Ok(done) => return self.heard(done),
            Err(_) => Some(first.as_mut()),
        };
        let insisted = self.insist((speaker, repeat), begun, &schedule, first, &ask);
        match insisted.await {
            Ok(done) => self.heard(done),
            Err(why) => Err(self.silence(speaker, begun, why)),
        }
    }

    /// The tries after the first, which goes on. Errors: none was answered, and what is known of
    /// the reason.
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
                    match speaker.came(Some(begun)) {
                        Some(Unexpected::Odd(found)) => {
                            odd = Some(found);
                            odds += 1;
                            // Once it may be an old answer; it will not do better.
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
                    // The last one is sent: why is it silent?
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

    /// Returns what the silence is: something came that was no answer, or nothing did.
    fn silence(&self, speaker: &Speaker, since: Instant, (odd, diagnosis): Why) -> Error {
        let mut pace = self.pace.lock();
        if let Some(odd) = odd {
            return Error::Odd { odd };
        }
        match speaker.came(Some(since)) {
            Some(Unexpected::Odd(odd)) => return Error::Odd { odd },
            // To be waited for the next time.
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

/// An answer and how long it took.
type Timed<T> = (Result<T, Error>, Duration);

/// The reason there was no answer: what came in its place, and what the target says otherwise.
type Why = (Option<Odd>, Option<Diagnosis>);

async fn timed<T>(ask: impl Future<Output = Result<T, Error>>) -> Timed<T> {
    let begun = Instant::now();
    let answer = ask.await;
    (answer, begun.elapsed())
}

/// Returns what a future gives that may have ended.
async fn of_some<T>(future: &mut Option<Pin<&mut impl Future<Output = T>>>) -> T {
    match future {
        Some(future) => future.as_mut().await,
        None => pending().await,
    }
}

/// The knowledge of the reason of a silence.
enum Doubts {
    /// It was not tried.
    None,
    /// Since when it is asked for.
    Asking(Instant),
    /// It was answered, or is not asked for.
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
