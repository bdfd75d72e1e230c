//! The task that keeps the connection and passes on what arrives.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Event, Events as _,
    connection::{BACKOFF, draw},
    topic::Topic,
};

use super::{
    client_name::ClientName,
    incoming::{self, Foreign, Incoming},
    intake::{Arrival, Due},
    outbox::{Connection, Item},
    outgoing::{self, Outgoing},
    problem::Problem,
    session::{Notice, Received, Request, Sender, Session},
    shared::{Shared, State},
    tickets::{Answer, Tickets},
};

/// The longest time that disconnecting may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// The duration below which a connection has not worked: the next attempt waits longer.
const WORKED: Duration = Duration::from_secs(5);
/// The number of consecutive short connections that shows an unstated reason.
const MAX_SHORT: u32 = 3;
/// The time for which events wait for the first follower.
const UNFOLLOWED: Duration = Duration::from_secs(10);
/// The largest number of events that are passed on together.
const TOGETHER: usize = 1_024;

/// Connects repeatedly, until it is stopped.
pub(super) async fn connect(shared: Arc<Shared>, stop: CancellationToken) {
    let mut backoff = BACKOFF;
    let mut name = ClientName::new(&shared.config.client);
    let mut connection: Connection = 0;
    let mut short = 0;
    while !stop.is_cancelled() {
        let will = shared.statuses.will(&shared.writer());
        let session = tokio::select! {
            session = Session::connect(&shared.config, &name, will) => session,
            () = stop.cancelled() => return,
        };
        let problem = match session {
            Ok(session) => {
                connection += 1;
                let began = Instant::now();
                let problem = use_session(&shared, session, connection, &stop).await;
                short += 1;
                if began.elapsed() > WORKED {
                    backoff.reset();
                    short = 0;
                }
                if short < MAX_SHORT {
                    problem
                } else {
                    problem.again_and_again()
                }
            }
            Err(problem) => problem,
        };
        if stop.is_cancelled() {
            return;
        }
        if problem == Problem::Displaced {
            shared.health.notice(name.notice());
            name.is_taken();
            shared.marks.is_named(&name.text());
            short = 0;
        }
        shared.turn(State::Away(problem.to_string()));
        shared.health.lost(problem.to_string());
        let wait = backoff.wait_jittered(draw());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Uses one connection, until it is lost or closed.
async fn use_session(
    shared: &Shared,
    mut session: Session,
    connection: Connection,
    stop: &CancellationToken,
) -> Problem {
    *shared.tickets.lock() = Tickets::default();
    shared.outbox.open(connection);
    greet(shared, connection);
    let sender = session.sender();
    shared.turn(State::Up(connection));
    shared.health.made();
    let problem = tokio::select! {
        problem = listen(shared, &mut session, connection) => problem,
        problem = speak(shared, &sender) => problem,
        problem = farewell(shared, connection, stop) => problem,
    };
    // In this order, so that nobody finds it up without being informed.
    shared.turn(State::Away(problem.to_string()));
    shared.dropped(shared.outbox.close());
    *shared.tickets.lock() = Tickets::default();
    problem
}

/// Begins a connection: a restarted broker may have forgotten everything.
fn greet(shared: &Shared, connection: Connection) {
    // The connection was opened just now, and whether it stays is seen elsewhere.
    let _ = shared.tell(connection, Request::Subscribe(shared.filters()));
    for event in shared.statuses.all() {
        let Ok(Outgoing::Messages { messages, .. }) = outgoing::outgoing(&event, &shared.writer())
        else {
            continue;
        };
        for message in messages {
            let _ = shared.tell(connection, Request::Publish(message));
        }
    }
}

/// Sends waiting messages. The session takes them while it is polled.
async fn speak(shared: &Shared, sender: &Sender) -> Problem {
    loop {
        let Item { request, ticket } = shared.outbox.next().await;
        if let Some(ticket) = ticket {
            let mut tickets = shared.tickets.lock();
            match request {
                Request::Publish(_) if ticket.is_abandoned() => continue,
                Request::Publish(_) => tickets.give_message(ticket),
                _ => tickets.give_request(ticket),
            }
        }
        if let Err(problem) = sender.send(request).await {
            return problem;
        }
    }
}

/// Polls the session, and waits for nothing else.
async fn listen(shared: &Shared, session: &mut Session, connection: Connection) -> Problem {
    loop {
        match session.poll().await {
            Ok(notice) => take_notice(shared, notice, connection),
            Err(problem) => return problem,
        }
    }
}

fn take_notice(shared: &Shared, notice: Notice, connection: Connection) {
    match notice {
        Notice::Sent(number) => shared.tickets.lock().message_sent(number),
        Notice::Requested(number) => shared.tickets.lock().request_sent(number),
        Notice::Acknowledged(number, answer) => {
            note_refusal(shared, &answer);
            shared.tickets.lock().message_answered(number, answer);
        }
        Notice::Done(number, answer) => {
            note_refusal(shared, &answer);
            shared.tickets.lock().request_answered(number, answer);
        }
        Notice::Received(message) => {
            let number = message.number;
            take_in(shared, &message);
            if let Some(number) = number {
                let acknowledge = Due::Acknowledge(connection, number);
                shared.intake.put_due(acknowledge);
            }
        }
        Notice::Nothing => {}
    }
}

/// Records a refusal, because not everybody waits for an answer, and those who do try again.
fn note_refusal(shared: &Shared, answer: &Answer) {
    if let Err(refused) = answer {
        shared.health.notice(format!(
            "the broker does not let us do something ({refused}): see its access list"
        ));
    }
}

fn take_in(shared: &Shared, message: &Received) {
    if shared.marks.are_at(&message.topic) {
        let mark = String::from_utf8_lossy(&message.payload).into_owned();
        if shared.followed.is_cancelled() {
            shared.intake.put_due(Due::Mark(mark));
        } else {
            // Events in the intake wait for those who are about to follow.
            shared.marks.came(&mark);
        }
        return;
    }
    if message.is_retained {
        note_retained(shared, message);
    }
    let incoming = Incoming {
        topic: &message.topic,
        payload: &message.payload,
        is_retained: message.is_retained,
    };
    match incoming::event(&incoming, &shared.reader()) {
        Ok(Some(Event::Desired(desired))) if shared.knows(&desired, message.is_retained) => {}
        Ok(Some(event)) => shared.missed(shared.intake.put_event(event)),
        Ok(None) => {}
        Err(Foreign::Distrusted(why)) => shared.distrust(&message.topic, &why),
        Err(why) => shared.ignore(&message.topic, &why),
    }
}

/// Records a retained message, for those who delete its target.
fn note_retained(shared: &Shared, message: &Received) {
    let mut deleting = shared.deleting.lock();
    if deleting.is_empty() {
        return;
    }
    if let Ok(Topic::Reading { target, .. }) = message.topic.parse()
        && let Some(topics) = deleting.get_mut(&target)
    {
        topics.insert(message.topic.clone());
    }
}

/// Disconnects when stopped, and gives the broker a moment to hang up.
async fn farewell(shared: &Shared, connection: Connection, stop: &CancellationToken) -> Problem {
    stop.cancelled().await;
    let goodbye = Item {
        request: Request::Disconnect,
        ticket: None,
    };
    if shared.outbox.put(connection, goodbye).is_ok() {
        tokio::time::sleep(FAREWELL).await;
    }
    Problem::new("it was closed")
}

/// Passes events on to followers, and acknowledges them.
pub(super) async fn forward(shared: Arc<Shared>) {
    // Messages that the broker has kept for us wait for those who are about to follow.
    let _ = tokio::time::timeout(UNFOLLOWED, shared.followed.cancelled()).await;
    shared.followed.cancel();
    loop {
        let items = shared.intake.take(TOGETHER).await;
        let mut events: Vec<Event> = Vec::with_capacity(items.len());
        let mut after = Vec::new();
        for item in items {
            match item {
                Arrival::Event(event) => events.push(event),
                Arrival::Due(due) => after.push(due),
            }
        }
        // An error means that it is closed, and so are we.
        let _ = shared.bus.publish(events).await;
        for due in after {
            settle(&shared, due);
        }
    }
}

fn settle(shared: &Shared, due: Due) {
    match due {
        Due::Acknowledge(connection, number) => {
            let item = Item {
                request: Request::Acknowledge(number),
                ticket: None,
            };
            // It is lost: the broker sends it again.
            let _ = shared.outbox.put(connection, item);
        }
        Due::Mark(mark) => shared.marks.came(&mark),
    }
}
