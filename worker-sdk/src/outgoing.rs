//! The messages of a worker, and their encoding: as in the generated client of `Manager.Work`, but
//! with outcomes that are bytes already.

use prost::Message as _;
use tonic::{
    Status,
    codec::{Codec, EncodeBuf, Encoder},
};
use tonic_prost::ProstCodec;
use utakata_protocol::v1::{FromWorker, ToWorker, from_worker};

use crate::packed::{Packed, put_outcomes};

/// The path of the method, as the generated client calls it.
pub const WORK: &str = "/utakata.worker.v1.Manager/Work";

/// A message to the manager.
#[derive(Debug)]
pub enum Outgoing {
    /// Outcomes, which are encoded already.
    Outcomes(Vec<Packed>),
    /// Any other message.
    Message(FromWorker),
}

impl From<from_worker::Message> for Outgoing {
    fn from(message: from_worker::Message) -> Self {
        Self::Message(FromWorker {
            message: Some(message),
        })
    }
}

/// Encodes [`Outgoing`], decodes `ToWorker`.
#[derive(Debug, Default)]
pub struct Wire;

impl Codec for Wire {
    type Encode = Outgoing;
    type Decode = ToWorker;
    type Encoder = Self;
    type Decoder = <ProstCodec<FromWorker, ToWorker> as Codec>::Decoder;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<FromWorker, ToWorker>::default().decoder()
    }
}

impl Encoder for Wire {
    type Item = Outgoing;
    type Error = Status;

    fn encode(&mut self, item: Outgoing, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        match item {
            Outgoing::Outcomes(outcomes) => {
                put_outcomes(buffer, &outcomes);
                Ok(())
            }
            Outgoing::Message(message) => message
                .encode(buffer)
                .map_err(|error| Status::internal(error.to_string())),
        }
    }
}
