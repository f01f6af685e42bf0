//! What every column of our own tables means: the one description that listings print. Tests hold it to the readers.

use crate::read::{ColumnNote, ColumnUse};

const fn note(table: &'static str, name: &'static str, usage: ColumnUse, meaning: &'static str) -> ColumnNote {
    ColumnNote { table, name, usage, meaning }
}

use ColumnUse::{Optional, Required};

/// Every column, table by table.
pub(super) static COLUMNS: &[ColumnNote] = &[
    note("tasks", "job_id", Required, "the job, any text; rows of one job follow each other"),
    note("tasks", "submit_us", Required, "when the job was handed in, microseconds; rows stand in this order"),
    note("tasks", "cpu_milli", Required, "what one task asks, thousandths of a core"),
    note("tasks", "task_index", Optional, "index of the first task of the row within its job; checked if given"),
    note("tasks", "run_us", Optional, "how long a task runs once started, microseconds; empty: for ever"),
    note("tasks", "count", Optional, "how many equal tasks the row stands for; 1"),
    note("tasks", "kind", Optional, "batch, gang (all start together) or service (kept running); batch"),
    note("tasks", "gang", Optional, "true is short for the kind gang"),
    note("tasks", "memory_mib", Optional, "what one task asks, MiB; 0"),
    note("tasks", "disk_mib", Optional, "what one task asks, MiB; 0"),
    note("tasks", "gpu_count", Optional, "devices that one task asks, 0 to 64; 0"),
    note("tasks", "gpu_milli", Optional, "thousandths of each device, below 1000 only with one device; 1000"),
    note("tasks", "lane_<name>", Optional, "what one task asks of a lane that the fleet names; 0"),
    note("tasks", "estimate_us", Optional, "how long the user says that a task runs, microseconds; empty: unknown"),
    note("tasks", "priority", Optional, "larger is more important; 0"),
    note("tasks", "role", Optional, "the team"),
    note("tasks", "user", Optional, "who handed the job in"),
    note("tasks", "class", Optional, "what the job is reported under"),
    note("tasks", "constraint", Optional, "what nodes must be like: gpu_model=A|B; zone!=x; has:ssd; not:spot"),
    note("tasks", "fails", Optional, "true if the tasks fail in the end; false"),
    note("tasks", "start_us", Optional, "recorded: when the tasks started, microseconds"),
    note("tasks", "node", Optional, "recorded: where they ran"),
    note("tasks", "gpus", Optional, "recorded: on which devices, such as 0|3"),
    note("tasks", "used_cpu_milli", Optional, "recorded: what one task really used, thousandths of a core"),
    note("tasks", "used_memory_mib", Optional, "recorded: MiB really used"),
    note("tasks", "used_disk_mib", Optional, "recorded: MiB really used"),
    note("tasks", "used_gpu_milli", Optional, "recorded: thousandths of devices really used"),
    note("tasks", "used_lane_<name>", Optional, "recorded: what was really used of a lane"),
    note("jobs", "job_id", Required, "the job; the tasks table beside it names its jobs in the same order"),
    note("jobs", "submit_us", Required, "when it was handed in, microseconds; rows stand in this order"),
    note("jobs", "priority", Optional, "larger is more important; 0"),
    note("jobs", "role", Optional, "the team"),
    note("jobs", "user", Optional, "who handed the job in"),
    note("jobs", "class", Optional, "what the job is reported under"),
    note("fleet", "node", Required, "the name of the node; the first row has the lowest id"),
    note("fleet", "cpu_milli", Required, "capacity, thousandths of a core"),
    note("fleet", "memory_mib", Optional, "capacity, MiB"),
    note("fleet", "disk_mib", Optional, "capacity, MiB"),
    note("fleet", "gpus", Optional, "devices, 0 to 64"),
    note("fleet", "lane_<name>", Optional, "capacity of a lane of your own"),
    note("fleet", "attribute_<name>", Optional, "what constraints ask for"),
    note("fleet", "domain_<kind>", Optional, "the domain of this kind (zone, rack, ...) that the node is in"),
    note("usage", "job_id", Required, "the job; rows in any order"),
    note("usage", "from_us", Required, "where the window begins, microseconds"),
    note("usage", "to_us", Required, "where the window ends, microseconds"),
    note("usage", "task_index", Optional, "index of the task within its job; 0"),
    note("usage", "used_cpu_milli", Optional, "mean over the window, thousandths of a core; 0"),
    note("usage", "used_memory_mib", Optional, "mean over the window, MiB; 0"),
    note("usage", "used_disk_mib", Optional, "mean over the window, MiB; 0"),
    note("usage", "used_gpu_milli", Optional, "mean over the window, thousandths of devices; 0"),
    note("usage", "used_lane_<name>", Optional, "mean over the window of a lane; 0"),
];
