//! `--set K=V`: one key of a scenario given on the command line.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::failure::Failure;

/// One `--set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// A dotted path; lists by position.
    pub key: String,
    /// A TOML value, else a text.
    pub value: String,
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl std::str::FromStr for Set {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("no `=`; write KEY=VALUE, such as seed=7")?;
        let key = key.trim();
        if key.is_empty() || key.split('.').any(|part| part.trim().is_empty()) {
            return Err(format!("`{key}` is not a key; write a dotted path such as scheduler.placement"));
        }
        Ok(Self { key: key.to_owned(), value: value.trim().to_owned() })
    }
}

impl Set {
    fn fail(&self, sentence: impl fmt::Display) -> Failure {
        Failure::new(sentence.to_string()).within(&format!("--set {self}"))
    }

    /// Writes the value into `root`; whatever is written gets the place `at`, by which an error is traced back to here.
    pub(super) fn apply<'a>(&'a self, root: &mut DeTable<'a>, at: Range<usize>) -> Result<(), Failure> {
        let mut value = match DeValue::parse(&self.value) {
            Ok(value) => value.into_inner(),
            Err(_) => DeValue::String(self.value.as_str().into()),
        };
        place_all(&mut value, &at);
        let parts: Vec<&str> = self.key.split('.').map(str::trim).collect();
        let Some((&last, outer)) = parts.split_last() else { return Ok(()) };
        // The root stands in as a value so that one walk serves tables and lists.
        let mut whole = Spanned::new(0..0, DeValue::Table(std::mem::take(root)));
        let result = self.descend(&mut whole, outer, &at).and_then(|slot| self.put(slot, last, value, &at));
        if let DeValue::Table(table) = whole.into_inner() {
            *root = table;
        }
        result
    }

    fn descend<'v, 'a>(
        &'a self,
        root: &'v mut Spanned<DeValue<'a>>,
        outer: &[&'a str],
        at: &Range<usize>,
    ) -> Result<&'v mut Spanned<DeValue<'a>>, Failure> {
        let mut here = root;
        for (depth, &part) in outer.iter().enumerate() {
            here = match here.get_mut() {
                DeValue::Table(table) => {
                    if !table.contains_key(part) {
                        let empty = DeValue::Table(DeTable::new());
                        table.insert(Spanned::new(at.clone(), part.into()), Spanned::new(at.clone(), empty));
                    }
                    table.get_mut(part)
                }
                DeValue::Array(items) => {
                    let count = items.len();
                    match part.parse::<usize>() {
                        Ok(position) => items.get_mut(position).ok_or(count),
                        Err(_) => Err(count),
                    }
                    .map(Some)
                    .map_err(|count| self.no_such_item(part, count))?
                }
                _ => None,
            }
            .ok_or_else(|| self.fail(format_args!("`{}` is not a table; name a table", outer[..depth].join("."))))?;
        }
        Ok(here)
    }

    fn put<'a>(
        &'a self,
        slot: &mut Spanned<DeValue<'a>>,
        last: &'a str,
        value: DeValue<'a>,
        at: &Range<usize>,
    ) -> Result<(), Failure> {
        let value = Spanned::new(at.clone(), value);
        match slot.get_mut() {
            DeValue::Table(table) => {
                // Removed first: an insert alone would keep the old key with its old place.
                table.remove(last);
                table.insert(Spanned::new(at.clone(), last.into()), value);
                Ok(())
            }
            DeValue::Array(items) => {
                let count = items.len();
                match last.parse::<usize>() {
                    Ok(position) if position == count => items.push(value),
                    Ok(position) if position < count => {
                        if let Some(item) = items.get_mut(position) {
                            *item = value;
                        }
                    }
                    _ => return Err(self.no_such_item(last, count)),
                }
                Ok(())
            }
            _ => {
                let outer = self.key.rsplit_once('.').map_or("", |(outer, _)| outer);
                Err(self.fail(format_args!("`{outer}` is not a table; name a table")))
            }
        }
    }

    fn no_such_item(&self, part: &str, count: usize) -> Failure {
        match count {
            0 => self.fail(format_args!("the list has no item `{part}`; it is empty")),
            _ => self.fail(format_args!("the list has no item `{part}`; write a position from 0 to {}", count - 1)),
        }
    }
}

/// Gives `value` and all inside it the place `at`.
pub(super) fn place_all(value: &mut DeValue<'_>, at: &Range<usize>) {
    match value {
        DeValue::Table(table) => {
            let old = std::mem::take(table);
            *table = old
                .into_iter()
                .map(|(key, value)| {
                    let mut value = value.into_inner();
                    place_all(&mut value, at);
                    (Spanned::new(at.clone(), key.into_inner()), Spanned::new(at.clone(), value))
                })
                .collect();
        }
        DeValue::Array(items) => {
            for item in items.iter_mut() {
                let mut inner = std::mem::replace(item.get_mut(), DeValue::Boolean(false));
                place_all(&mut inner, at);
                *item = Spanned::new(at.clone(), inner);
            }
        }
        _ => {}
    }
}
