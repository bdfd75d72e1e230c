//! A SET and its result. What the result proves is defined once for all workers ([`Reply`]).

use std::sync::atomic::{AtomicU32, Ordering};

use async_snmp::{ErrorKind, ErrorStatus, Oid, Value, VarBind};
use tokio::time::Instant;
use utakata_worker_sdk::{Proof, Reply};

use super::{
    Error, Repeat, Session,
    message::{Answer, Bindings, Names, PduKind},
};

#[derive(Debug)]
pub struct SetResult {
    /// The proof that the answer provides.
    pub proof: Proof,
    /// The number of times the request was sent.
    pub sent: u32,
    /// The reason why success is not certain.
    pub problem: Option<Error>,
}

impl Session {
    /// Sets one object with the writing client, repeated as `repeat` allows.
    pub async fn set(
        &self,
        deadline: Instant,
        oid: &Oid,
        value: &Value,
        repeat: Repeat,
    ) -> SetResult {
        let writer = self.writer();
        let sent = AtomicU32::new(0);
        let names = match Names::of([oid]) {
            Ok(names) => names,
            Err(problem) => {
                return SetResult {
                    proof: Reply::Unsent.proof(),
                    sent: 0,
                    problem: Some(problem),
                };
            }
        };
        let operation = PduKind::Set(value.clone());
        let answer = self.exchange(writer, deadline, repeat, |try_, until| {
            sent.fetch_add(1, Ordering::Relaxed);
            writer.ask(until, try_, &operation, &names)
        });
        let answer = answer.await.and_then(Answer::into_result);
        let echoed = answer.and_then(|bindings| echo(&decoded(bindings), oid, value));
        let sent = sent.into_inner();
        SetResult {
            proof: reply(echoed.as_ref().err()).proof().of_sent(sent),
            sent,
            problem: echoed.err(),
        }
    }
}

/// Decodes the bindings of an answer; one that cannot be decoded has no value.
fn decoded(bindings: Bindings) -> Vec<VarBind> {
    let found = bindings.into_found().into_iter();
    let decoded = found.map(|found| VarBind::new(found.oid, found.value.unwrap_or(Value::Null)));
    decoded.collect()
}

/// Checks that an answer without an error repeats the bindings of the request, name and value (RFC
/// 3416, section 4.2.5). Some agents answer noError with noSuchInstance or the old value instead.
fn echo(bindings: &[VarBind], oid: &Oid, value: &Value) -> Result<(), Error> {
    match bindings {
        [binding] if binding.oid == *oid && binding.value == *value => Ok(()),
        [binding] => Err(Error::Other {
            said: Some(Box::new(binding.clone())),
        }),
        _ => Err(Error::Other { said: None }),
    }
}

/// Returns the result of a SET from the end of its exchange.
fn reply(error: Option<&Error>) -> Reply {
    match error {
        None => Reply::Confirmed,
        Some(Error::Refused { status, .. }) => of_status(*status),
        Some(Error::Credential { source } | Error::Client { source }) => of_kind(source.kind()),
        Some(Error::Send { .. }) => Reply::Unsent,
        Some(Error::Silent { .. }) => Reply::Silence,
        Some(Error::Garbage { .. } | Error::Odd { .. }) => Reply::Garbage,
        Some(Error::Other { .. } | Error::Late { .. }) => Reply::Other,
    }
}

/// Returns the meaning of an error status for a SET.
fn of_status(status: ErrorStatus) -> Reply {
    use ErrorStatus as S;
    match status {
        // Reported before anything is assigned: tooBig and the steps (1) to (11) of RFC 3416,
        // section 4.2.5.
        S::TooBig
        | S::NoAccess
        | S::WrongType
        | S::WrongLength
        | S::WrongEncoding
        | S::WrongValue
        | S::NoCreation
        | S::InconsistentName
        | S::NotWritable
        | S::InconsistentValue
        | S::ResourceUnavailable => Reply::Refused,
        // The same in SNMPv1: RFC 1157, section 4.1.5.
        S::NoSuchName | S::BadValue | S::ReadOnly => Reply::Refused,
        // Processing stops before the operation: RFC 3413, section 3.2 (5).
        S::AuthorizationError => Reply::Refused,
        // genErr covers everything else, and agents also report it after the fact. The other two
        // mean that an assignment was begun: an outlet that was switched off and then restored has
        // been off.
        S::GenErr | S::CommitFailed | S::UndoFailed => Reply::Unclear,
        S::NoError | S::Unknown(_) => Reply::Unclear,
        _ => Reply::Unclear,
    }
}

/// Returns the meaning of a library error for a request.
fn of_kind(kind: ErrorKind) -> Reply {
    match kind {
        // It never left this machine.
        ErrorKind::Network
        | ErrorKind::OutboundMessageTooLarge
        | ErrorKind::RequestIdInUse
        | ErrorKind::Config
        | ErrorKind::Privacy
        | ErrorKind::RandomSource
        | ErrorKind::InvalidMessage
        | ErrorKind::InvalidOid => Reply::Unsent,
        // An agent drops what it answers with a report: RFC 3414, section 3.2.
        ErrorKind::Report => Reply::Refused,
        // An answer from an unproven sender proves nothing, nor does an unknown error.
        _ => Reply::Garbage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_of_the_first_phase_prove_that_nothing_was_done() {
        let certain = [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18];
        for status in -1..=40 {
            let expect = match certain.contains(&status) {
                true => Proof::NotDone,
                false => Proof::Nothing,
            };
            let refused = Error::Refused {
                status: ErrorStatus::from_i32(status),
                oid: None,
                index: 1,
            };
            assert_eq!(reply(Some(&refused)).proof(), expect, "{status}");
        }
    }

    #[test]
    fn an_answer_is_the_word_that_it_was_done_only_if_it_echoes_the_request() {
        let oid = Oid::parse("1.3.6.1.2.1.1.5.0").unwrap();
        let other = Oid::parse("1.3.6.1.2.1.1.6.0").unwrap();
        let value = Value::from("new");
        let echoed =
            |bindings: &[VarBind]| reply(echo(bindings, &oid, &value).err().as_ref()).proof();
        let binding = |oid: &Oid, value: Value| VarBind::new(oid.clone(), value);
        let same = binding(&oid, value.clone());
        assert_eq!(echoed(std::slice::from_ref(&same)), Proof::Done);
        for bindings in [
            vec![],
            vec![same.clone(), same],
            vec![binding(&other, value.clone())],
            vec![binding(&oid, Value::from("old"))],
            vec![binding(&oid, Value::Integer(1))],
            vec![binding(&oid, Value::Null)],
            vec![binding(&oid, Value::NoSuchInstance)],
            vec![binding(&oid, Value::NoSuchObject)],
            vec![binding(&oid, Value::EndOfMibView)],
        ] {
            assert_eq!(echoed(&bindings), Proof::Nothing, "{bindings:?}");
        }
    }
}
