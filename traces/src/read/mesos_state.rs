//! The `/state` of a Mesos master: agents are a fleet, running tasks a workload that begins where it is.
//!
//! A snapshot, so it is read as a whole. Amounts are rounded to three decimals, as Mesos itself compares them, which
//! removes the residue of binary fractions. A task becomes a job of one task that never ends of its own, handed in at
//! 0, with the agent it runs on as its recorded node (`start = "recorded"` begins it there). What executors hold
//! besides their tasks is not said by agent, so it is counted and left out. Agents are called by host where no two
//! share one, else by their id. The role is that of the framework, the class is the framework's name.

use std::collections::BTreeMap;

use serde_json::Value;
use windtunnel_scheduler::event::{GpuRequest, GpuSet};
use windtunnel_scheduler::resources::{CPU, DISK, GPU, MEMORY, Resources};
use windtunnel_scheduler::time::{Span, Time};

use super::options::ON_BAD_ROW;
use super::trouble::{Tally, failure};
use super::{Format, FormatOption, Input, ReadOptions, Sample, Yield};
use crate::model::{
    Ask, Fleet, Group, Groups, Job, Labels, Name, Node, Note, Recorded, Run, Source, SourceError, Truth,
};

/// The format.
pub struct MesosState;

/// A state is that of one cluster; more than this is none.
const BYTES_MOST: u64 = 1 << 30;
/// States of a task that holds room.
const ALIVE: [&str; 3] = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"];

impl Format for MesosState {
    fn name(&self) -> &'static str {
        "mesos-state"
    }

    fn summary(&self) -> &'static str {
        "the /state of a mesos master: agents (fleet) and running tasks (workload)"
    }

    fn yields(&self) -> &'static [Yield] {
        &[Yield::Workload, Yield::Fleet]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json"]
    }

    fn options(&self) -> &'static [FormatOption] {
        &[ON_BAD_ROW]
    }

    fn recognise(&self, sample: &Sample<'_>) -> bool {
        let text = String::from_utf8_lossy(sample.bytes);
        let is_named = |name: &str| text.contains(&format!("\"{name}\""));
        text.trim_start().starts_with('{') && (is_named("slaves") || is_named("activated_slaves"))
    }

    fn jobs(&self, parts: Vec<Input>, _options: &ReadOptions) -> Result<Box<dyn Source + Send>, SourceError> {
        let [input] = parts.as_slice() else {
            return Err(failure("a state is one file; name one", &[]));
        };
        let state = read(input)?;
        let names: BTreeMap<&str, Name> = agents(&state).collect();
        let mut tasks = Tasks { jobs: Vec::new().into_iter(), labels: Labels::default(), tally: Tally::default() };
        let jobs = tasks.of(&state, &names);
        if jobs.is_empty() {
            return Err(failure(format!("{} holds no running task; give a state with some", input.name()), &[]));
        }
        tasks.jobs = jobs.into_iter();
        Ok(Box::new(tasks))
    }

    fn fleet(&self, input: &Input, _options: &ReadOptions) -> Result<Fleet, SourceError> {
        let state = read(input)?;
        let names: Vec<(&str, Name)> = agents(&state).collect();
        let mut fleet = Fleet { lanes: 1 << CPU | 1 << MEMORY | 1 << DISK, ..Fleet::default() };
        for (agent, (id, name)) in list(&state, "slaves").iter().zip(names) {
            let (capacity, gpus) = amounts(&agent["resources"]).ok_or_else(|| {
                let message = format!("{}: agent `{id}` has no resources that make sense; correct it", input.name());
                failure(message, &["cpus, mem and disk are numbers from 0"])
            })?;
            if gpus > 0 {
                fleet.lanes |= 1 << GPU;
            }
            fleet.nodes.push(Node { name, capacity, gpus, attributes: attributes(agent), domains: domains(agent) });
        }
        if fleet.nodes.is_empty() {
            return Err(failure(format!("{} holds no agent; give a state with some", input.name()), &[]));
        }
        Ok(fleet)
    }
}

fn read(input: &Input) -> Result<Value, SourceError> {
    use std::io::Read as _;
    let reader = input.open()?.take(BYTES_MOST);
    serde_json::from_reader(reader).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message =
            format!("{} line {line}, column {column}: this is no JSON; give the answer of /state", input.name());
        failure(message, &[])
    })
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The id of each agent and what it is called: by its host, unless another has the same.
fn agents(state: &Value) -> impl Iterator<Item = (&str, Name)> {
    let agents = list(state, "slaves");
    let mut hosts: BTreeMap<&str, u32> = BTreeMap::new();
    for agent in agents {
        *hosts.entry(text(agent, "hostname")).or_default() += 1;
    }
    agents.iter().map(move |agent| {
        let (id, host) = (text(agent, "id"), text(agent, "hostname"));
        let is_own = !host.is_empty() && hosts.get(host) == Some(&1);
        (id, Name::new(if is_own { host } else { id }))
    })
}

/// Resources, and whole devices. None if an amount is negative or too large.
fn amounts(resources: &Value) -> Option<(Resources, u8)> {
    let amount = |key: &str, units: f64| {
        let number = match &resources[key] {
            Value::Null => 0.0,
            value => value.as_f64()?,
        };
        // Three decimals, then whole units: part of a MiB is rounded up.
        let thousandths = (number * 1e3).round();
        let found = (thousandths * units / 1e3).ceil();
        (0.0..=f64::from(u32::MAX)).contains(&found).then_some(found as u32)
    };
    let mut row = Resources::new(amount("cpus", 1e3)?, amount("mem", 1.0)?);
    row[DISK] = amount("disk", 1.0)?;
    let gpus = u8::try_from(amount("gpus", 1.0)?).ok().filter(|&gpus| gpus <= 64)?;
    row[GPU] = u32::from(gpus) * 1_000;
    Some((row, gpus))
}

fn attributes(agent: &Value) -> Vec<(String, String)> {
    let Some(table) = agent["attributes"].as_object() else { return Vec::new() };
    table
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

fn domains(agent: &Value) -> Vec<(String, String)> {
    let domain = &agent["domain"]["fault_domain"];
    ["region", "zone"]
        .into_iter()
        .filter_map(|kind| Some((kind.to_owned(), domain[kind]["name"].as_str()?.to_owned())))
        .collect()
}

/// The running tasks of a state.
struct Tasks {
    jobs: std::vec::IntoIter<Job>,
    labels: Labels,
    tally: Tally,
}

impl Tasks {
    fn of(&mut self, state: &Value, names: &BTreeMap<&str, Name>) -> Vec<Job> {
        let mut jobs = Vec::new();
        for framework in list(state, "frameworks") {
            let mut held = Resources::ZERO;
            for task in list(framework, "tasks") {
                if !ALIVE.contains(&text(task, "state")) {
                    self.tally.skip("task_over", 0);
                    continue;
                }
                let Some((request, gpus)) = amounts(&task["resources"]) else {
                    self.tally.skip("bad_row", 0);
                    continue;
                };
                held = held.checked_add(&request).unwrap_or(held);
                jobs.push(self.job(framework, task, request, gpus, names));
            }
            let used = amounts(&framework["used_resources"]).map_or(Resources::ZERO, |(used, _)| used);
            if used[CPU] > held[CPU] || used[MEMORY] > held[MEMORY] {
                self.tally.add("executors_hold_more", 0, 1, false);
            }
        }
        jobs
    }

    fn job(
        &mut self,
        framework: &Value,
        task: &Value,
        request: Resources,
        gpus: u8,
        names: &BTreeMap<&str, Name>,
    ) -> Job {
        let node = names.get(text(task, "slave_id")).cloned();
        if node.is_none() {
            self.tally.add("agent_unknown", 0, 1, false);
        }
        let role = match text(framework, "role") {
            "*" => "",
            role => role,
        };
        Job {
            name: Name::new(text(task, "id")),
            submit: Time::ZERO,
            priority: 0,
            role: self.labels.intern(role),
            user: self.labels.intern(text(framework, "user")),
            class: self.labels.intern(text(framework, "name")),
            groups: Groups::One(Group {
                count: 1,
                ask: Ask {
                    request,
                    gpu: GpuRequest { count: gpus, milli: if gpus > 0 { 1_000 } else { 0 } },
                    ..Ask::default()
                },
                truth: Truth {
                    run: Run::Same(Span::FOREVER),
                    recorded: node.filter(|_| gpus == 0).map(|node| Recorded {
                        start: Some(Time::ZERO),
                        node: Some(node),
                        gpus: GpuSet::NONE,
                    }),
                    ..Truth::default()
                },
            }),
            course: None,
        }
    }
}

impl Source for Tasks {
    fn next_job(&mut self) -> Result<Option<Job>, SourceError> {
        Ok(self.jobs.next())
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn notes(&self) -> Vec<Note> {
        self.tally.notes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::{drain, notes_of};

    const STATE: &str = r#"{
        "slaves": [
            {"id": "S0", "hostname": "a", "attributes": {"rack": "r1", "ssd": 1},
             "resources": {"cpus": 8, "mem": 30844, "disk": 1035066.5, "ports": "[31000-32000]"}},
            {"id": "S1", "hostname": "b", "resources": {"cpus": 4, "mem": 88.51000000000053, "gpus": 2}},
            {"id": "S2", "hostname": "b", "resources": {"cpus": 1e-12}}
        ],
        "frameworks": [{"name": "marathon", "role": "prod", "used_resources": {"cpus": 0.9, "mem": 10},
            "tasks": [
                {"id": "x.1", "slave_id": "S1", "state": "TASK_RUNNING", "resources": {"cpus": 0.6, "mem": 10}},
                {"id": "x.2", "slave_id": "S9", "state": "TASK_RUNNING", "resources": {"cpus": 0, "mem": 0}},
                {"id": "x.3", "slave_id": "S1", "state": "TASK_FINISHED", "resources": {"cpus": 1, "mem": 10}}
            ]}]
    }"#;

    #[test]
    fn agents_are_nodes_and_binary_residue_is_gone() {
        let fleet = MesosState.fleet(&Input::bytes("state.json", STATE.as_bytes()), &ReadOptions::default());
        let fleet = fleet.expect("reads");
        let names: Vec<String> = fleet.nodes.iter().map(|node| node.name.to_string()).collect();
        assert_eq!(names, ["a", "S1", "S2"], "a host that two agents share names neither");
        assert_eq!(fleet.nodes[0].capacity, Resources([8_000, 30_844, 1_035_067, 0, 0, 0, 0, 0]));
        assert_eq!(fleet.nodes[1].capacity, Resources([4_000, 89, 0, 2_000, 0, 0, 0, 0]));
        assert_eq!(fleet.nodes[2].capacity, Resources::ZERO);
        assert_eq!(fleet.nodes[0].attributes[1], ("ssd".to_owned(), "1".to_owned()));
    }

    #[test]
    fn running_tasks_begin_where_they_are() {
        let parts = vec![Input::bytes("state.json", STATE.as_bytes())];
        let mut source = MesosState.jobs(parts, &ReadOptions::default()).expect("opens");
        let jobs = drain(&mut *source).expect("reads");
        assert_eq!(jobs.len(), 2);
        let group = &jobs[0].groups.as_slice()[0];
        assert_eq!((jobs[0].name.to_string().as_str(), group.ask.request[CPU]), ("x.1", 600));
        assert_eq!(group.truth.recorded.as_ref().and_then(|recorded| recorded.node.clone()), Some(Name::new("S1")));
        assert_eq!((source.labels().word(jobs[0].role), source.labels().word(jobs[0].class)), ("prod", "marathon"));
        let expected = [("agent_unknown", 1), ("executors_hold_more", 1), ("task_over", 1)];
        assert_eq!(notes_of(&*source), expected.map(|(reason, count)| (reason.to_owned(), count)));
    }

    #[test]
    fn what_is_no_json_is_named_by_line() {
        let error = MesosState.fleet(&Input::bytes("s.json", *b"{\"slaves\": [\n1,]}"), &ReadOptions::default());
        let error = error.expect_err("refused");
        assert!(error.message.starts_with("s.json line 2, column "), "{error}");
    }
}
