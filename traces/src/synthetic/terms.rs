//! What a user writes about a generator, already without its units: the seam between scenario files and generators.

use windtunnel_scheduler::time::Span;

/// What kind of quantity an option takes; whoever reads the text of a scenario turns units into [`Value`] by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number, such as `1.5`.
    Number,
    /// A length of time, such as `"5m"`.
    Span,
    /// So many per time, such as `"2/s"`.
    Rate,
    /// A list of plain numbers.
    Numbers,
    /// A list of lengths of time.
    Spans,
}

impl Unit {
    /// An example in the notation of scenario files, for messages.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Number => "a number such as 1.5",
            Self::Span => "a time such as \"5m\"",
            Self::Rate => "a rate such as \"2/s\"",
            Self::Numbers => "a list of numbers such as [1, 2.5]",
            Self::Spans => "a list of times such as [\"30s\", \"5m\"]",
        }
    }
}

/// A quantity without its unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A plain number.
    Number(f64),
    /// Microseconds.
    Span(Span),
    /// Events per second.
    Rate(f64),
    /// Plain numbers.
    Numbers(Vec<f64>),
    /// Microseconds each.
    Spans(Vec<Span>),
}

impl Value {
    const fn unit(&self) -> Unit {
        match self {
            Self::Number(_) => Unit::Number,
            Self::Span(_) => Unit::Span,
            Self::Rate(_) => Unit::Rate,
            Self::Numbers(_) => Unit::Numbers,
            Self::Spans(_) => Unit::Spans,
        }
    }
}

/// One option of a generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choosable {
    /// The key in a scenario file.
    pub name: &'static str,
    /// What it takes.
    pub unit: Unit,
    /// The default in the notation of scenario files; empty where there is none.
    pub default: &'static str,
    /// One line.
    pub summary: &'static str,
}

/// What is wrong with a synthetic workload: one sentence in lower case, without file and line, which the reader of the
/// scenario file adds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadTerm {
    /// The key that is wrong, relative to the generator or the workload (`sigma`, `shapes.3.weight`).
    pub key: String,
    /// The sentence; names the key and ends with the fix.
    pub message: String,
}

impl BadTerm {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

/// The options that a user gave for one generator, by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms(Vec<(String, Value)>);

impl Terms {
    /// No options.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an option; a later one of the same key wins.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.set(key, value);
        self
    }

    /// Adds an option; a later one of the same key wins.
    pub fn set(&mut self, key: &str, value: Value) {
        self.0.retain(|(old, _)| old != key);
        self.0.push((key.to_owned(), value));
    }

    /// The keys given, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// Whether `key` was given.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    fn find(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(one, _)| one == key).map(|(_, value)| value)
    }

    fn wrong<T>(key: &str, wanted: Unit) -> Result<T, BadTerm> {
        Err(BadTerm::new(key, format!("`{key}` takes no such value: give {}", wanted.example())))
    }

    /// A plain number.
    ///
    /// # Errors
    /// If another kind of value was given.
    pub fn number(&self, key: &str) -> Result<Option<f64>, BadTerm> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(*number)),
            Some(_) => Self::wrong(key, Unit::Number),
        }
    }

    /// A length of time.
    ///
    /// # Errors
    /// If another kind of value was given.
    pub fn span(&self, key: &str) -> Result<Option<Span>, BadTerm> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Span(span)) => Ok(Some(*span)),
            Some(_) => Self::wrong(key, Unit::Span),
        }
    }

    /// Events per second.
    ///
    /// # Errors
    /// If another kind of value was given.
    pub fn rate(&self, key: &str) -> Result<Option<f64>, BadTerm> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Rate(rate)) => Ok(Some(*rate)),
            Some(_) => Self::wrong(key, Unit::Rate),
        }
    }

    /// Plain numbers.
    ///
    /// # Errors
    /// If another kind of value was given.
    pub fn numbers(&self, key: &str) -> Result<Option<&[f64]>, BadTerm> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Numbers(numbers)) => Ok(Some(numbers)),
            Some(_) => Self::wrong(key, Unit::Numbers),
        }
    }

    /// Lengths of time.
    ///
    /// # Errors
    /// If another kind of value was given.
    pub fn spans(&self, key: &str) -> Result<Option<&[Span]>, BadTerm> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Spans(spans)) => Ok(Some(spans)),
            Some(_) => Self::wrong(key, Unit::Spans),
        }
    }

    /// Refuses keys that `options` does not list and values of another unit than it states.
    pub(super) fn check(&self, of: &str, options: &[Choosable]) -> Result<(), BadTerm> {
        for (key, value) in &self.0 {
            let Some(option) = options.iter().find(|option| option.name == key) else {
                let known: Vec<&str> = options.iter().map(|option| option.name).collect();
                let fix = if known.is_empty() {
                    "it takes no options".to_owned()
                } else {
                    format!("use one of {}", known.join(", "))
                };
                return Err(BadTerm::new(key, format!("{of} has no option `{key}`: {fix}")));
            };
            if option.unit != value.unit() {
                return Self::wrong(key, option.unit);
            }
        }
        Ok(())
    }
}

/// A positive, finite number or the reason why not.
pub(super) fn positive(key: &str, value: f64) -> Result<f64, BadTerm> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(BadTerm::new(key, format!("`{key}` is {value}: give a finite number above 0")))
}

/// The microseconds of a finite span above zero, or the reason why not.
pub(super) fn finite(key: &str, span: Span) -> Result<f64, BadTerm> {
    if span == Span::ZERO || span.is_forever() {
        return Err(BadTerm::new(key, format!("`{key}` is {span}: give a finite time above 0")));
    }
    Ok(span.0 as f64)
}

/// An option that cannot be done without.
pub(super) fn required<T>(of: &str, option: &Choosable, value: Option<T>) -> Result<T, BadTerm> {
    value.ok_or_else(|| {
        let (name, example) = (option.name, option.unit.example());
        BadTerm::new(name, format!("{of} lacks `{name}`: give {example}"))
    })
}
