//! The attempts to read a target: their times, and whether there was an answer. Blocks.

use utakata_model::TargetName;

use super::{
    latest::read_error,
    read::{MAX_POINTS, Reading, limit},
    shared::{Held, Shared},
};
use crate::{
    block::Block,
    file::Owner,
    query::{Attempt, Error},
    row::{Content, SourceId},
    time::Range,
};

/// Returns the attempts to read a target, by the time heard.
pub fn attempts(shared: &Shared, target: &TargetName, range: Range) -> Result<Vec<Attempt>, Error> {
    let sources = shared.dictionary.lock().sources(target);
    let reading = Reading::begin(shared, range, None);
    let mut attempts = Vec::new();
    for (source, _) in sources.map_err(read_error)? {
        reading.attempts(source, &mut attempts);
        limit("attempts", attempts.len(), MAX_POINTS)?;
    }
    attempts.sort_unstable();
    attempts.dedup();
    Ok(attempts)
}

impl Reading<'_> {
    fn attempts(&self, source: SourceId, found: &mut Vec<Attempt>) {
        for at in &self.plan.raw {
            self.of_file(&self.view.files[*at], source, found);
        }
        for journal in self.view.journals.iter().chain(&self.view.current) {
            if !journal.meets(self.range) {
                continue;
            }
            let (rows, damaged) = journal.rows(source);
            let error = &"rows changed after they were written";
            self.shared.found_damage(damaged, &journal.path, error);
            let rows = rows.into_iter().filter(|row| self.range.holds(row.seen));
            found.extend(rows.map(|row| Attempt {
                heard: row.heard,
                is_answer: matches!(row.content, Content::Values(_)),
            }));
        }
    }

    fn of_file(&self, held: &Held, source: SourceId, found: &mut Vec<Attempt>) {
        let read = held.file.each_of(&[Owner::source(source)], |sealed| {
            if !self.range.meets(sealed.first, sealed.last) {
                return;
            }
            // Its columns are not wanted.
            match Block::decode(&sealed.body, |_| false) {
                Ok(block) => self.of_block(&block, found),
                Err(error) => self.shared.found_damage(1, &held.file.path, &error),
            }
        });
        if let Err(error) = read {
            self.shared.found_damage(1, &held.file.path, &error);
        }
    }

    fn of_block(&self, block: &Block, found: &mut Vec<Attempt>) {
        let mut is_answer = vec![true; block.len()];
        block.each_hole(|row, _| is_answer[row] = false);
        for (row, is_answer) in is_answer.into_iter().enumerate() {
            if self.range.holds(block.seen[row]) {
                let heard = block.heard[row];
                found.push(Attempt { heard, is_answer });
            }
        }
    }
}
