//! The numbers of a run: dotted names to values, in the order of the names.

use std::collections::BTreeMap;

/// One number, text, or the absence of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Undefined in this run, `null` in files (a percentile of nothing, the makespan of a run in which nothing ended).
    Null,
    /// A count, or anything else that is whole.
    Whole(i128),
    /// A measure.
    Real(f64),
    /// A name or a digest.
    Text(String),
}

impl From<f64> for Value {
    /// What is not finite is undefined.
    fn from(real: f64) -> Self {
        if real.is_finite() { Self::Real(real) } else { Self::Null }
    }
}

impl From<u64> for Value {
    fn from(whole: u64) -> Self {
        Self::Whole(i128::from(whole))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Value {
    /// The value as a number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(*whole as f64),
            Self::Real(real) => Some(*real),
            Self::Null | Self::Text(_) => None,
        }
    }
}

/// Every number of a run. Names are paths (`["wait_s", "p99"]`), since names of classes and teams may hold a dot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    values: BTreeMap<Vec<String>, Value>,
}

impl Summary {
    /// Sets `dotted` (split at its dots) to `value`.
    pub fn set(&mut self, dotted: &str, value: impl Into<Value>) {
        self.set_path(dotted.split('.').map(str::to_owned).collect(), value);
    }

    /// Sets a path to `value`.
    pub fn set_path(&mut self, path: Vec<String>, value: impl Into<Value>) {
        self.values.insert(path, value.into());
    }

    /// The value of `dotted`.
    #[must_use]
    pub fn get(&self, dotted: &str) -> Option<&Value> {
        let path: Vec<String> = dotted.split('.').map(str::to_owned).collect();
        self.values.get(&path).or_else(|| {
            // A class or team whose name holds a dot: compare the joined names.
            self.values.iter().find(|(path, _)| path.join(".") == dotted).map(|(_, value)| value)
        })
    }

    /// The value of `dotted` as a number.
    #[must_use]
    pub fn number(&self, dotted: &str) -> Option<f64> {
        self.get(dotted).and_then(Value::number)
    }

    /// The value of `dotted`, if it is a text.
    #[must_use]
    pub fn text(&self, dotted: &str) -> Option<&str> {
        match self.get(dotted)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// All paths and values, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = (&[String], &Value)> {
        self.values.iter().map(|(path, value)| (path.as_slice(), value))
    }
}
