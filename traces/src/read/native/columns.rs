//! The columns of the two tables, by name.

use windtunnel_scheduler::resources::{CPU, DISK, GPU, LANES, MEMORY, STANDARD_LANES};

use crate::model::SourceError;
use crate::read::table::{double_column, missing_column, unknown_column};
use crate::read::trouble::{Place, failure};

/// What a column of the tasks table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    JobId,
    TaskIndex,
    Submit,
    Run,
    Count,
    Gang,
    Kind,
    Request(usize),
    GpuCount,
    GpuMilli,
    Estimate,
    Priority,
    Role,
    User,
    Class,
    Constraint,
    Fails,
    Start,
    Node,
    Gpus,
    Used(usize),
}

/// The columns of the tasks table, without those of extra lanes.
pub(crate) const TASK_COLUMNS: [(&str, Slot); 26] = [
    ("job_id", Slot::JobId),
    ("task_index", Slot::TaskIndex),
    ("submit_us", Slot::Submit),
    ("run_us", Slot::Run),
    ("count", Slot::Count),
    ("gang", Slot::Gang),
    ("kind", Slot::Kind),
    ("cpu_milli", Slot::Request(CPU)),
    ("memory_mib", Slot::Request(MEMORY)),
    ("disk_mib", Slot::Request(DISK)),
    ("gpu_count", Slot::GpuCount),
    ("gpu_milli", Slot::GpuMilli),
    ("estimate_us", Slot::Estimate),
    ("priority", Slot::Priority),
    ("role", Slot::Role),
    ("user", Slot::User),
    ("class", Slot::Class),
    ("constraint", Slot::Constraint),
    ("fails", Slot::Fails),
    ("start_us", Slot::Start),
    ("node", Slot::Node),
    ("gpus", Slot::Gpus),
    ("used_cpu_milli", Slot::Used(CPU)),
    ("used_memory_mib", Slot::Used(MEMORY)),
    ("used_disk_mib", Slot::Used(DISK)),
    ("used_gpu_milli", Slot::Used(GPU)),
];

/// The columns without which there is no tasks table.
pub(crate) const TASK_REQUIRED: [&str; 3] = ["job_id", "submit_us", "cpu_milli"];

/// The columns that say something of a job as a whole: a jobs table has them, and the tasks table beside it has not.
const OF_THE_JOB: [Slot; 5] = [Slot::Submit, Slot::Priority, Slot::Role, Slot::User, Slot::Class];

/// Which table a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Tasks with everything about their jobs.
    Whole,
    /// Tasks, beside a jobs table.
    Tasks,
    /// Jobs, beside a tasks table.
    Jobs,
}

impl Kind {
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Whole => &TASK_REQUIRED,
            Self::Tasks => &["job_id", "cpu_milli"],
            Self::Jobs => &["job_id", "submit_us"],
        }
    }

    /// Whether the column stands in the other of the two tables.
    fn is_elsewhere(self, slot: Slot) -> bool {
        slot != Slot::JobId
            && match self {
                Self::Whole => false,
                Self::Tasks => OF_THE_JOB.contains(&slot),
                Self::Jobs => !OF_THE_JOB.contains(&slot),
            }
    }
}

/// What a column of the fleet table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FleetSlot {
    Node,
    Capacity(usize),
    Gpus,
    Attribute(String),
    Domain(String),
}

/// The columns of the fleet table, without those whose name has a part of its own.
pub(crate) const FLEET_COLUMNS: [&str; 5] = ["node", "cpu_milli", "memory_mib", "disk_mib", "gpus"];

/// The names of lanes 4 and up.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExtraLanes(pub Vec<String>);

impl ExtraLanes {
    /// The lane called `name`, which is added if it is new; None if there is no room for it.
    fn lane(&mut self, name: &str) -> Option<usize> {
        let at = self.0.iter().position(|known| known == name).unwrap_or(self.0.len());
        if at == self.0.len() {
            self.0.push(name.to_string());
        }
        let lane = STANDARD_LANES.len() + at;
        (lane < LANES).then_some(lane)
    }
}

fn extra_lane(lanes: &mut ExtraLanes, name: &str, place: Place<'_>) -> Result<usize, SourceError> {
    lanes.lane(name).ok_or_else(|| {
        let known: Vec<&str> = lanes.0.iter().map(String::as_str).collect();
        failure(
            format!(
                "{} line {}: the lane `{name}` is one too many ({}); keep at most {}",
                place.file,
                place.line,
                known.join(", "),
                LANES - STANDARD_LANES.len()
            ),
            &[],
        )
    })
}

/// What each column of a tasks or jobs table holds, in the order of the file.
pub(crate) fn task_slots(
    names: &[String],
    kind: Kind,
    lanes: &mut ExtraLanes,
    place: Place<'_>,
) -> Result<Vec<Slot>, SourceError> {
    let mut slots = Vec::with_capacity(names.len());
    for name in names {
        let slot = if let Some((_, slot)) = TASK_COLUMNS.iter().find(|(known, _)| known == name) {
            *slot
        } else if let Some(lane) = named_part(name, "lane_") {
            Slot::Request(extra_lane(lanes, lane, place)?)
        } else if let Some(lane) = named_part(name, "used_lane_") {
            Slot::Used(extra_lane(lanes, lane, place)?)
        } else {
            let known = TASK_COLUMNS.iter().map(|(known, _)| *known).chain(["lane_<name>", "used_lane_<name>"]);
            return Err(unknown_column(place, name, known));
        };
        if slots.contains(&slot) {
            return Err(double_column(place, name));
        }
        if kind.is_elsewhere(slot) {
            let other = if kind == Kind::Jobs { "tasks" } else { "jobs" };
            return Err(failure(
                format!(
                    "{} line {}: `{name}` belongs into the {other} table; take it out here",
                    place.file, place.line
                ),
                &["where both tables are given, each fact has one place"],
            ));
        }
        slots.push(slot);
    }
    match kind.required().iter().find(|required| !names.iter().any(|name| name == *required)) {
        Some(missing) => Err(missing_column(place, missing)),
        None => Ok(slots),
    }
}

/// What each column of a fleet table holds, in the order of the file.
pub(crate) fn fleet_slots(
    names: &[String],
    lanes: &mut ExtraLanes,
    place: Place<'_>,
) -> Result<Vec<FleetSlot>, SourceError> {
    let mut slots = Vec::with_capacity(names.len());
    for name in names {
        let slot = match name.as_str() {
            "node" => FleetSlot::Node,
            "cpu_milli" => FleetSlot::Capacity(CPU),
            "memory_mib" => FleetSlot::Capacity(MEMORY),
            "disk_mib" => FleetSlot::Capacity(DISK),
            "gpus" => FleetSlot::Gpus,
            _ => {
                if let Some(attribute) = named_part(name, "attribute_") {
                    FleetSlot::Attribute(attribute.to_string())
                } else if let Some(kind) = named_part(name, "domain_") {
                    FleetSlot::Domain(kind.to_string())
                } else if let Some(lane) = named_part(name, "lane_") {
                    FleetSlot::Capacity(extra_lane(lanes, lane, place)?)
                } else {
                    let own = ["attribute_<name>", "domain_<kind>", "lane_<name>"];
                    return Err(unknown_column(place, name, FLEET_COLUMNS.into_iter().chain(own)));
                }
            }
        };
        if slots.contains(&slot) {
            return Err(double_column(place, name));
        }
        slots.push(slot);
    }
    match ["node", "cpu_milli"].iter().find(|required| !names.iter().any(|name| name == *required)) {
        Some(missing) => Err(missing_column(place, missing)),
        None => Ok(slots),
    }
}

fn named_part<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.strip_prefix(prefix).filter(|part| !part.is_empty())
}

/// What a column of the usage table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsageSlot {
    JobId,
    TaskIndex,
    From,
    To,
    Used(usize),
}

/// The columns of the usage table, without those of extra lanes.
pub(crate) const USAGE_COLUMNS: [(&str, UsageSlot); 8] = [
    ("job_id", UsageSlot::JobId),
    ("task_index", UsageSlot::TaskIndex),
    ("from_us", UsageSlot::From),
    ("to_us", UsageSlot::To),
    ("used_cpu_milli", UsageSlot::Used(CPU)),
    ("used_memory_mib", UsageSlot::Used(MEMORY)),
    ("used_disk_mib", UsageSlot::Used(DISK)),
    ("used_gpu_milli", UsageSlot::Used(GPU)),
];

/// What each column of a usage table holds, in the order of the file.
pub(crate) fn usage_slots(
    names: &[String],
    lanes: &mut ExtraLanes,
    place: Place<'_>,
) -> Result<Vec<UsageSlot>, SourceError> {
    let mut slots = Vec::with_capacity(names.len());
    for name in names {
        let slot = if let Some((_, slot)) = USAGE_COLUMNS.iter().find(|(known, _)| known == name) {
            *slot
        } else if let Some(lane) = named_part(name, "used_lane_") {
            UsageSlot::Used(extra_lane(lanes, lane, place)?)
        } else {
            let known = USAGE_COLUMNS.iter().map(|(known, _)| *known).chain(["used_lane_<name>"]);
            return Err(unknown_column(place, name, known));
        };
        if slots.contains(&slot) {
            return Err(double_column(place, name));
        }
        slots.push(slot);
    }
    match ["job_id", "from_us", "to_us"].iter().find(|required| !names.iter().any(|name| name == *required)) {
        Some(missing) => Err(missing_column(place, missing)),
        None => Ok(slots),
    }
}
