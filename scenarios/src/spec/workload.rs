//! `[[workload]]`: what is to run, and how it is replayed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::course::OnFailure;
use super::demand::{Term, Within};
use super::file::{InputFile, Paths};
use super::generator::Generator;
use super::quantity::Duration;
use super::scheduler::Scalar;
use super::service::Service;
use super::synthetic::Synthetic;

/// One workload: a trace or a generator, and how it is replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// What it is called in messages; left out: `workload-0`, `workload-1`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The team that all of its jobs belong to; left out: as the trace says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What all of its jobs are reported under; left out: as the trace says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// A recorded workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// A generated workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<Synthetic>,
    /// How long tasks run.
    #[serde(default)]
    pub lifetime: Lifetime,
    /// Where tasks begin.
    #[serde(default)]
    pub start: StartAt,
    /// What the scheduler believes about run times.
    #[serde(default)]
    pub estimate: Estimate,
    /// How important all of its jobs are, larger being more; left out: as the trace or the generator says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// What is demanded, or preferred, of the places of its tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Term>,
    /// The domains that each of its gangs lies in as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
    /// Taints of nodes that its tasks do not mind: `"spot"`, `"dedicated=gpu"`, `"dedicated=gpu:NoSchedule"`, `"*"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<String>,
    /// Whether tasks of higher priority may push its tasks out, where there is preemption.
    #[serde(default = "yes")]
    pub preemptible: bool,
    /// How many tasks of a job may at most be missing at once because they were pushed out; left out: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disruption_budget: Option<u32>,
    /// What tasks ask for instead, out of what those of their class really use: `{ memory = "p99 of usage + 15%" }`.
    #[serde(default, skip_serializing_if = "Requests::is_nothing")]
    pub requests: Requests,
    /// What a task does when its machine dies.
    #[serde(default)]
    pub on_loss: OnLoss,
    /// How many replicas of one of its services maintenance may have away at once; left out: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// The image that its tasks run: one of `model.launch.images`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// More or less of it.
    #[serde(default)]
    pub scale: Scale,
    /// Only a part of it.
    #[serde(default)]
    pub limit: Limit,
    /// Consecutive windows of a log, each on an empty fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
    /// A trace drawn again out of itself, by the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resample: Option<Resample>,
    /// The partition that all of its jobs are handed in to; left out: as their class or role says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The quality of service that all of its jobs have, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// The reservation that all of its jobs run in, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<String>,
    /// How often a lost task is tried again; left out: any number of times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// How long a lost task pauses before it is tried again; left out: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// What a task does when it fails of its own; left out: it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// How replicas of its services are kept running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// What its tasks save on the way, under `on_loss = "resume"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// A package of the library, or of the folder `packages` beside the scenario: what is left out here comes from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// How many of the package; left out: one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<u32>,
    /// Options of the package; see `windtunnel library show package/NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, Scalar>,
    /// Who asks: the name of a `[[framework]]`; left out: one of its own. Under `monolithic` all share one queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
}

/// Requests out of usage: `"p99 of usage + 15%"`, `"mean of usage"`, `"max of usage"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
}

impl Requests {
    /// True if tasks ask for what they ask for.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

const fn yes() -> bool {
    true
}

/// How long a lost task pauses before it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The first time; it doubles with each further loss.
    pub first: Duration,
    /// It doubles up to this.
    #[serde(default = "five_minutes")]
    pub max: Duration,
}

const fn five_minutes() -> Duration {
    Duration(300_000_000)
}

/// What a task saves on the way, so that it need not begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Work between two checkpoints.
    pub interval: Duration,
    /// How long writing one takes; the task does not get on meanwhile.
    #[serde(default)]
    pub cost: Duration,
    /// How long reading one takes when the task begins again.
    #[serde(default)]
    pub restart: Duration,
}

/// A recorded workload and how its rows are understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// A name from `windtunnel trace formats`; left out: recognised by content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The file, or its parts in order; relative to the scenario file; `${WINDTUNNEL_DATA}` expands.
    pub path: Paths,
    /// `sha256:...` of the bytes as they lie on disk, one per part; if given, other bytes are an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Paths>,
    /// Which count of processors is meant.
    #[serde(default)]
    pub procs: Procs,
    /// What a job of n processors is; left out: `pool` on a pool, else `gang`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_as: Option<JobAs>,
    /// Wider jobs of a batch log are left out and counted; left out: as wide as the pool, else what the log says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_processors: Option<u32>,
    /// What becomes of a run longer than its request.
    #[serde(default)]
    pub overrun: Overrun,
    /// Whether the first submission becomes time 0.
    #[serde(default)]
    pub shift: bool,
    /// What becomes of a malformed row.
    #[serde(default)]
    pub on_bad_row: OnBadRow,
    /// The jobs of a native tasks table, where they stand in a table of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<InputFile>,
    /// What the tasks of a native tasks table used over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<InputFile>,
}

/// What is drawn again of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resample {
    /// Jobs: every submission stays when it was, and is of a job drawn out of all.
    Jobs,
    /// Stretches of the trace, with their jobs in the order and the gaps they had.
    Blocks,
}

words!(
    /// Which count of processors is meant.
    Procs {
        /// What was asked.
        #[default]
        Requested,
        /// What was given.
        Allocated,
        /// The larger of the two.
        Larger,
    }
);
words!(
    /// What a job of n processors is.
    JobAs {
        /// One task of n cpus.
        Pool,
        /// n tasks of one cpu that start together.
        #[default]
        Gang,
    }
);
words!(
    /// What becomes of a run longer than its request.
    Overrun {
        /// It ends with the request.
        #[default]
        Clip,
        /// It is killed when the request ends.
        Kill,
        /// It runs on.
        Extend,
    }
);
words!(
    /// What becomes of a malformed row.
    OnBadRow {
        /// The run ends with an error.
        #[default]
        Fail,
        /// It is counted and left out.
        Skip,
    }
);
words!(
    /// Where tasks begin.
    StartAt {
        /// In the queue, at their submission.
        #[default]
        Submit,
        /// On the node and at the time that the trace has.
        Recorded,
    }
);
words!(
    /// What a task does when its machine dies.
    OnLoss {
        /// It is queued again from its beginning.
        #[default]
        Rerun,
        /// It is queued again and goes on where it was.
        Resume,
        /// It is given up.
        Fail,
    }
);

/// How long tasks run: `"trace"`, `"forever"`, or a distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Lifetime {
    /// As the trace or the generator says.
    #[default]
    Trace,
    /// To the end of the run.
    Forever,
    /// Drawn.
    Drawn(Generator),
}

/// What the scheduler believes about run times: `"trace"`, `"actual"`, `"none"`, or `{ factor = 2.0, add = "60s" }`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Estimate {
    /// As the trace says.
    #[default]
    Trace,
    /// The truth.
    Actual,
    /// Nothing.
    None,
    /// What the trace says, changed.
    Changed(Change),
}

/// How an estimate comes about: `factor` and `add`, or `uniform`, or `modal`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// The estimate given, else the real run time, times this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Added to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Duration>,
    /// The real run time times a number drawn between two bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uniform: Option<Between>,
    /// The estimate given, else the real run time, rounded up to the next of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modal: Option<Vec<Duration>>,
}

/// Two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// The least.
    pub from: f64,
    /// The greatest.
    pub to: f64,
}

/// What is expected of a word or a table.
struct WordOrTable<T> {
    expected: &'static str,
    words: &'static [&'static str],
    word: fn(&str) -> Option<T>,
}

impl<'de, T: FromTable> Visitor<'de> for WordOrTable<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.word)(text).ok_or_else(|| de::Error::unknown_variant(text, self.words))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_table(MapAccessDeserializer::new(map))
    }
}

/// The half of a word-or-table value that is a table.
trait FromTable: Sized {
    fn from_table<'de, D: Deserializer<'de>>(table: D) -> Result<Self, D::Error>;
}

impl FromTable for Lifetime {
    fn from_table<'de, D: Deserializer<'de>>(table: D) -> Result<Self, D::Error> {
        Generator::deserialize(table).map(Self::Drawn)
    }
}

impl FromTable for Estimate {
    fn from_table<'de, D: Deserializer<'de>>(table: D) -> Result<Self, D::Error> {
        Change::deserialize(table).map(Self::Changed)
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrTable {
            expected: "\"trace\", \"forever\" or a distribution such as { exponential = { mean = \"100s\" } }",
            words: &["trace", "forever"],
            word: |text| match text {
                "trace" => Some(Self::Trace),
                "forever" => Some(Self::Forever),
                _ => None,
            },
        })
    }
}

impl<'de> Deserialize<'de> for Estimate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrTable {
            expected: "\"trace\", \"actual\", \"none\" or a table such as { factor = 2.0, add = \"60s\" }",
            words: &["trace", "actual", "none"],
            word: |text| match text {
                "trace" => Some(Self::Trace),
                "actual" => Some(Self::Actual),
                "none" => Some(Self::None),
                _ => None,
            },
        })
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Trace => serializer.serialize_str("trace"),
            Self::Forever => serializer.serialize_str("forever"),
            Self::Drawn(generator) => generator.serialize(serializer),
        }
    }
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Trace => serializer.serialize_str("trace"),
            Self::Actual => serializer.serialize_str("actual"),
            Self::None => serializer.serialize_str("none"),
            Self::Changed(change) => change.serialize(serializer),
        }
    }
}

macro_rules! word_or_table_schema {
    ($name:ident, $title:literal, $words:tt, $table:ty) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let table = generator.subschema_for::<$table>();
                json_schema!({ "anyOf": [{ "enum": $words }, table] })
            }
        }
    };
}

word_or_table_schema!(Lifetime, "lifetime", ["trace", "forever"], Generator);
word_or_table_schema!(Estimate, "estimate", ["trace", "actual", "none"], Change);

/// More or less of a workload; 1 changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scale {
    /// Jobs kept or cloned by keyed draw.
    pub load: f64,
    /// Divides the gaps between submissions.
    pub arrivals: f64,
    /// Stretches gaps and durations.
    pub time: f64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { load: 1.0, arrivals: 1.0, time: 1.0 }
    }
}

/// Windows of a log: each is replayed on an empty fleet from its first submission on, as if nothing had been before.
/// A job without a request is believed to take as long as it does. Rows and charts are those of the first window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// How many jobs each window holds.
    pub jobs: u64,
    /// The position of the first job of each window, the first job of the log being 0; left out: one after the other
    /// as long as there are enough jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Vec<u64>>,
}

/// A part of a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    /// At most so many jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u64>,
    /// Nothing submitted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// Nothing submitted at or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Duration>,
}
