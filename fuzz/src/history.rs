//! Blocks, hours and journals of history.

use utakata_history::{
    block::Block,
    journal::{Step, Texts, decode, step},
    tier,
};

/// Reads bytes as everything that is in a file of history: as they are, and with a checksum that
/// matches, so that what is behind it is read, too.
pub fn history(data: &[u8]) {
    block(data);
    hours(data);
    journal(data);
    let _ = decode(data, &mut Texts::default());
    if let Some(forged) = forged(data, *b"uB") {
        block(&forged);
    }
    if let Some(forged) = forged(data, *b"uT") {
        hours(&forged);
    }
}

/// Returns the bytes as the content of a block or of hours.
fn forged(data: &[u8], magic: [u8; 2]) -> Option<Vec<u8>> {
    let body = data.get(7..)?;
    let mut forged = magic.to_vec();
    forged.push(1);
    forged.extend_from_slice(&utakata_history::checksum(body).to_le_bytes());
    forged.extend_from_slice(body);
    Some(forged)
}

fn block(data: &[u8]) {
    if let Ok(block) = Block::decode(data, |_| true) {
        let again = Block::decode(&block.encode(), |_| true);
        let again = again.map(|again| format!("{:?}", again.rows()));
        assert_eq!(again, Ok(format!("{:?}", block.rows())));
    }
}

fn hours(data: &[u8]) {
    if let Ok(hours) = tier::decode(data) {
        let again = tier::decode(&tier::encode(&hours));
        let again = again.map(|again| format!("{again:?}"));
        assert_eq!(again, Ok(format!("{hours:?}")));
    }
}

fn journal(data: &[u8]) {
    let (mut at, mut texts) = (0, Texts::default());
    while at < data.len() {
        match step(&data[at..]) {
            Step::Row(payload) => {
                let _ = decode(&data[at..][payload.clone()], &mut texts);
                at += payload.end;
            }
            Step::Damaged(len) => {
                assert!(len > 0, "a reader gets on");
                at += len;
            }
            Step::Short => return,
        }
    }
}
