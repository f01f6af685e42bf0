//! What the rows of a trace share: labels, and constraints that many rows repeat.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_scheduler::constraint::Constraint;

use crate::model::{Label, Labels};

/// Slots of the table in front of the labels; a power of two.
const SLOTS: usize = 1024;
/// How many different constraint texts are remembered before the table starts afresh.
const MOST_CONSTRAINTS: usize = 65_536;

/// Labels behind a small direct table: most rows repeat a word that was just seen.
#[derive(Default)]
pub(crate) struct Words {
    /// All words.
    pub labels: Labels,
    recent: Vec<(Box<[u8]>, Label)>,
}

impl Words {
    /// The label of a word; bytes that are no UTF-8 are replaced.
    pub fn label(&mut self, word: &[u8]) -> Label {
        if word.is_empty() {
            return Label(0);
        }
        if self.recent.is_empty() {
            self.recent.resize(SLOTS, (Box::default(), Label(0)));
        }
        // FNV-1a; only the speed depends on it.
        let hash = word.iter().fold(0x811c_9dc5_u32, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let slot = (hash ^ (hash >> 16)) as usize & (SLOTS - 1);
        if let Some((known, label)) = self.recent.get(slot)
            && **known == *word
        {
            return *label;
        }
        let label = self.labels.intern(&String::from_utf8_lossy(word));
        if let Some(entry) = self.recent.get_mut(slot) {
            *entry = (word.into(), label);
        }
        label
    }
}

/// Constraints by their text: equal texts share one allocation.
#[derive(Default)]
pub(crate) struct Interned(BTreeMap<Box<[u8]>, Arc<[Constraint]>>);

impl Interned {
    /// The constraints that `text` stands for; `parse` is asked only if the text is new. No constraint is None.
    pub fn of<E>(
        &mut self,
        text: &[u8],
        parse: impl FnOnce(&[u8]) -> Result<Vec<Constraint>, E>,
    ) -> Result<Option<Arc<[Constraint]>>, E> {
        if text.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.0.get(text) {
            return Ok((!known.is_empty()).then(|| known.clone()));
        }
        let parsed: Arc<[Constraint]> = parse(text)?.into();
        if self.0.len() >= MOST_CONSTRAINTS {
            self.0.clear();
        }
        self.0.insert(text.into(), parsed.clone());
        Ok((!parsed.is_empty()).then_some(parsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_behind_the_table_are_those_of_the_labels() {
        let mut words = Words::default();
        let mut plain = Labels::default();
        for number in 0..5_000_u64 {
            let word = format!("user{}", number.wrapping_mul(0x9e37_79b9) % 3_000);
            assert_eq!(words.label(word.as_bytes()), plain.intern(&word));
        }
        assert_eq!(words.label(b""), Label(0));
        assert_eq!(words.labels.len(), plain.len());
    }

    #[test]
    fn equal_texts_share_one_allocation() {
        let mut interned = Interned::default();
        let parse = |_: &[u8]| {
            let condition = windtunnel_scheduler::constraint::Condition::Exists;
            Ok::<_, ()>(vec![Constraint { attribute: "ssd".into(), condition }])
        };
        let first = interned.of(b"has:ssd", parse);
        let second = interned.of(b"has:ssd", |_| Err(()));
        match (first, second) {
            (Ok(Some(first)), Ok(Some(second))) => assert!(Arc::ptr_eq(&first, &second)),
            other => panic!("{other:?}"),
        }
        assert_eq!(interned.of(b"", |_| Err(())), Ok(None));
    }
}
