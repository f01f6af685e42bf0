//! Labels of one table told in another.

use crate::model::{Label, Labels};

/// Which label of a source is which in a table that holds words of others, too. Filled as labels are met.
#[derive(Clone, Debug, Default)]
pub(super) struct Remap(Vec<Option<Label>>);

impl Remap {
    /// The label in `to` of the word that `label` stands for in `from`.
    pub(super) fn label(&mut self, label: Label, from: &Labels, to: &mut Labels) -> Label {
        let place = usize::from(label.0);
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        *self.0[place].get_or_insert_with(|| to.intern(from.word(label)))
    }
}
