//! What failures cost, and how long it took to notice and to mend. Only in runs in which something may go wrong.

use super::{Better, Metric, seconds};

const fn count(name: &'static str, unit: &'static str, better: Better, meaning: &'static str) -> Metric {
    const SOURCE: &str = "the truth of the run against what the scheduler was told";
    Metric { name, unit, better, live: false, meaning, source: SOURCE }
}

/// What the trace says, which no policy changes.
const fn recorded(name: &'static str, unit: &'static str, meaning: &'static str) -> Metric {
    const SOURCE: &str = "the nodes that the trace names";
    Metric { name, unit, better: Better::Neither, live: false, meaning, source: SOURCE }
}

pub(super) const METRICS: &[&[Metric]] = &[
    seconds!("detect_s", "the time from a node's falling silent to its being declared lost", "own"),
    seconds!("replace_s", "the time from the loss of a task to its running again", "own"),
    seconds!("launch_s", "the time from the placement of a task to its running", "tasks.parquet: place_us, start_us"),
    seconds!("recover_s", "the time from a strike to the last of its victims running again", "own"),
    &[
        count("faults.<name>.strikes", "strikes", Better::Lower, "how often a source of faults struck"),
        count("faults.<name>.nodes", "nodes", Better::Lower, "nodes that a source of faults struck, added up"),
        count("loss.tasks", "tasks", Better::Lower, "tasks that lost their machine, once for each time"),
        count("loss.work_s", "s", Better::Lower, "time that attempts held their room for nothing, added up"),
        count("loss.placed_in_vain", "tasks", Better::Lower, "tasks sent to a node that could not receive them"),
        count("belief.declared_lost", "nodes", Better::Lower, "how often a node was declared lost"),
        count("belief.declared_wrongly", "nodes", Better::Lower, "of these, how often it was up and only cut off"),
        count("belief.tasks_wrongly", "tasks", Better::Lower, "tasks given up although they ran on"),
        count("belief.double_runs", "tasks", Better::Lower, "tasks that ran twice at once"),
        count("belief.double_s", "s", Better::Lower, "time that tasks ran twice at once, added up"),
        count("belief.news_resent", "messages", Better::Lower, "news of tasks that were lost and sent again"),
        count("belief.launches_lost", "tasks", Better::Lower, "tasks whose launch was lost on its way to the node"),
        count("blast.<name>.tasks_max", "tasks", Better::Lower, "most tasks lost with one domain of a kind"),
        count(
            "blast.<name>.services_below_max",
            "services",
            Better::Lower,
            "most services that lost too many replicas",
        ),
        count("blast.<name>.jobs_max", "jobs", Better::Lower, "most jobs that would lose a task"),
        recorded("history.blast.<name>.tasks_max", "tasks", "most tasks lost with one domain of a kind, as recorded"),
        recorded(
            "history.blast.<name>.services_below_max",
            "services",
            "most services that lost too many replicas, as recorded",
        ),
        recorded("history.blast.<name>.jobs_max", "jobs", "most jobs that would lose a task, as recorded"),
        count("maintenance.nodes_drained", "nodes", Better::Neither, "nodes emptied for maintenance"),
        count("maintenance.evicted", "tasks", Better::Lower, "tasks told to leave for maintenance"),
        count("maintenance.violations", "tasks", Better::Lower, "of these, replicas that nobody could spare"),
        count("maintenance.late", "units", Better::Lower, "nodes or domains that were not empty by the deadline"),
        count("maintenance.open_at_end", "units", Better::Lower, "nodes or domains whose turn was not over"),
        count("launch.count", "launches", Better::Neither, "launches on a node"),
        count("launch.failed", "launches", Better::Lower, "launches whose container did not start"),
        count("launch.cold", "launches", Better::Lower, "launches that had to pull something"),
        count("launch.pulled_mib", "MiB", Better::Lower, "amount of layers that was pulled"),
        count("launch.layers_evicted", "layers", Better::Lower, "layers that had to go from a node's cache"),
        count("launch.queued_s", "s", Better::Lower, "time that launches waited for a turn at their agent, added up"),
        count("launch.pulling_s", "s", Better::Lower, "time that launches pulled, added up"),
        count("belief.registrations_refused", "attempts", Better::Lower, "attempts to register that were not let in"),
    ],
];
