//! The records that wait to be appended, and the block that is made of them.

use std::collections::VecDeque;

use bytes::Bytes;
use chrono::NaiveDate;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::decision_record::Line;

/// The most that waits, in bytes: all of it fits into one block, of which Azure takes 100 MiB.
const MAX_WAITING: usize = 8 * 1024 * 1024;

/// What waits, oldest first.
#[derive(Default)]
pub(super) struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
    /// The task that appends.
    pub(super) task: Option<AbortHandle>,
}

/// Lines of one day.
pub(super) struct Block {
    day: NaiveDate,
    pub(super) text: Bytes,
    pub(super) records: usize,
    /// The id of the first record.
    pub(super) first: Uuid,
}

impl Waiting {
    /// Takes a line. `false` if too much waits.
    pub(super) fn add(&mut self, line: Line) -> bool {
        let bytes = self.bytes + line.text.len();
        if bytes > MAX_WAITING {
            return false;
        }
        self.bytes = bytes;
        self.lines.push_back(line);
        true
    }

    /// Takes out what goes into one blob. `None` if nothing waits: the task ends then.
    pub(super) fn next_block(&mut self) -> Option<Block> {
        let Some(line) = self.lines.pop_front() else {
            self.task = None;
            return None;
        };
        let (day, first) = (line.time.date_naive(), line.id);
        let (mut text, mut records) = (String::new(), 0);
        let mut next = Some(line);
        while let Some(line) = next {
            self.bytes -= line.text.len();
            records += 1;
            text.push_str(&line.text);
            text.push('\n');
            next = self.lines.pop_front_if(|line| line.time.date_naive() == day);
        }
        Some(Block { day, text: text.into(), records, first })
    }
}

impl Block {
    /// The name of the blob. A blob that is full has a next part.
    pub(super) fn blob(&self, part: u32) -> String {
        let day = self.day.format("%Y/%m/%d");
        if part == 1 { format!("{day}.jsonl") } else { format!("{day}-{part}.jsonl") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: &str, text: &str) -> Line {
        Line { id: Uuid::nil(), time: time.parse().expect("a time"), text: text.to_owned() }
    }

    #[test]
    fn what_waits_becomes_a_block_for_each_day_in_its_order() {
        let mut waiting = Waiting::default();
        for (time, text) in
            [("2026-01-05T23:59:58Z", "a"), ("2026-01-05T23:59:59Z", "b"), ("2026-01-06T00:00:00Z", "c")]
        {
            assert!(waiting.add(line(time, text)));
        }
        let mut next = || waiting.next_block().map(|block| (block.blob(1), block.text, block.records));
        assert_eq!(next(), Some(("2026/01/05.jsonl".to_owned(), "a\nb\n".into(), 2)));
        assert_eq!(next(), Some(("2026/01/06.jsonl".to_owned(), "c\n".into(), 1)));
        assert_eq!(next(), None);
        assert_eq!(waiting.bytes, 0);
    }

    #[test]
    fn no_more_waits_than_the_limit() {
        let mut waiting = Waiting::default();
        let long = "a".repeat(MAX_WAITING - 1);
        assert!(waiting.add(line("2026-01-05T09:00:00Z", &long)) && waiting.add(line("2026-01-05T09:00:00Z", "b")));
        assert!(!waiting.add(line("2026-01-05T09:00:00Z", "c")));
        assert!(waiting.next_block().is_some() && waiting.add(line("2026-01-05T09:00:00Z", "c")));
    }
}
