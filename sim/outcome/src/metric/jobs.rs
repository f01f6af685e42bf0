//! Jobs: how many there were, how long they took.

use super::{Better, Metric, seconds};

const fn count(name: &'static str, better: Better, meaning: &'static str) -> Metric {
    Metric { name, unit: "jobs", better, live: false, meaning, source: "tasks.parquet: last attempts by job" }
}

const fn slowdown(name: &'static str, meaning: &'static str) -> Metric {
    let source = "Feitelson et al., \"Theory and Practice in Parallel Job Scheduling\", JSSPP 1997; tau: `measure.tau`";
    Metric { name, unit: "ratio", better: Better::Lower, live: false, meaning, source }
}

pub(super) const METRICS: &[&[Metric]] = &[
    &[
        count("jobs.submitted", Better::Neither, "jobs handed in; the other counts of jobs add up to it"),
        count("jobs.finished", Better::Higher, "jobs all of whose tasks finished"),
        count("jobs.failed", Better::Lower, "jobs that ended with a task that did not finish, none of them rejected"),
        count("jobs.rejected", Better::Lower, "jobs that ended with a task given up without being placed"),
        count("jobs.pending_at_end", Better::Lower, "jobs of which nothing had started when the run ended"),
        count("jobs.running_at_end", Better::Neither, "jobs that had started but not ended when the run ended"),
    ],
    seconds!(
        "job_wait_s",
        "the wait of a job: from submission to the start of the last task of its first attempt",
        "tasks.parquet: submit_us, start_us of first attempts, by job"
    ),
    &[
        slowdown("bounded_slowdown.mean", "mean of max(1, (wait + run) / max(tau, run)) of a job"),
        slowdown("bounded_slowdown.p50", "median of max(1, (wait + run) / max(tau, run)) of a job"),
        slowdown("bounded_slowdown.p99", "99th percentile of max(1, (wait + run) / max(tau, run)) of a job"),
        slowdown("bounded_slowdown.max", "greatest of max(1, (wait + run) / max(tau, run)) of a job"),
    ],
    &[Metric {
        name: "per_processor_slowdown.mean",
        unit: "ratio",
        better: Better::Lower,
        live: false,
        meaning: "mean of max(1, (wait + run) / (processors x max(tau, run))) of a job",
        source: "Zotkin, Keleher, \"Job-length estimation and performance in backfilling schedulers\", HPDC 1999",
    }],
    seconds!(
        "flow_s",
        "the flow time of a job: from submission to the end of its last task",
        "tasks.parquet: submit_us, end_us, by job"
    ),
    &[Metric {
        name: "makespan_s",
        unit: "s",
        better: Better::Lower,
        live: false,
        meaning: "from the first submission to the last end; null if nothing ended",
        source: "tasks.parquet: submit_us, end_us",
    }],
    &[Metric {
        name: "backfilled.share",
        unit: "share",
        better: Better::Neither,
        live: false,
        meaning: "of the jobs that started, those that started while one handed in earlier still waited",
        source: "tasks.parquet: submit_us, start_us of first attempts, by job",
    }],
    &[
        Metric {
            name: "utilization.cpu",
            unit: "share",
            better: Better::Higher,
            live: false,
            meaning: "cpu time allocated over that of the nodes that are up, from the first submission to the last end",
            source: "tasks.parquet, nodes.parquet",
        },
        Metric {
            name: "loss_of_capacity.cpu",
            unit: "share",
            better: Better::Lower,
            live: false,
            meaning: "cpu time free while a task waited, over that of the nodes that are up, from the first submission \
                      to the last end",
            source: "Zhang, Franke, Moreira, Sivasubramaniam, IPDPS 2000",
        },
    ],
];
