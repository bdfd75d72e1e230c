//! The messages of the permit protocol.

use utakata_permit::message::{PermitBatch, RecordedBatch, StartBatch};

use super::plain;

plain! {
    StartBatch: "ask for permits";
    PermitBatch: "batch of permits";
    RecordedBatch: "batch of records";
}
