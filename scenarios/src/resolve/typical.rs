//! What tasks are typical, for placement policies that ask: the `typical` among their options, else the workload.

use std::collections::BTreeMap;
use std::sync::Arc;

use windtunnel_scheduler::config::{Choice, Config, Setting, Typical};
use windtunnel_scheduler::constraint::Constraint;
use windtunnel_scheduler::core::Registries;
use windtunnel_scheduler::event::GpuRequest;
use windtunnel_scheduler::registry::Entry as _;
use windtunnel_scheduler::resources::Resources;
use windtunnel_traces::model::Source;
use windtunnel_traces::read::{self, Input, ReadOptions};

use super::workload::Plan;
use super::{Context, InputDigest};
use crate::failure::Failure;
use crate::spec::file::Paths;
use crate::spec::scheduler::Policy;

const OPTION: &str = "typical";
/// Jobs that are looked at: a sample, since a generator need not end.
const JOBS_MOST: usize = 100_000;
/// Kinds that are told, the most frequent first.
const KINDS_MOST: usize = 4_096;
const FIX: &str = "write typical = { trace = { format = \"openb\", path = \"pods.csv\" } }";

/// Fills `config.typical` if the placement asks for it; writes what is found out into `policy`.
pub(super) fn resolve(
    policy: &mut Policy,
    config: &mut Config,
    plans: &[Plan],
    registries: &Registries,
    seed: u64,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    if !asks(&policy.0, registries) {
        return Ok(());
    }
    let key = "scheduler.placement.typical";
    let mut given = Vec::new();
    collect(&mut policy.0.options, &mut given);
    let several = given.len() > 1;
    let mut kinds = Kinds::default();
    match given.into_iter().next() {
        _ if several => {
            let sentence = "several parts say what is typical; keep one of them";
            return Err(context.places.failure(key, sentence));
        }
        Some(written) => kinds.read(&mut *open(written, key, context)?, key, context)?,
        None => {
            for plan in plans {
                kinds.read(&mut *plan.open(seed)?.source, "workload", context)?;
            }
        }
    }
    config.typical = kinds.most_frequent();
    // The core is told the tasks, not where they lie.
    config.placement = policy.0.clone();
    forget(&mut config.placement.options, OPTION);
    Ok(())
}

/// True if the policy, or a part of it, has an option for what is typical.
fn asks(choice: &Choice, registries: &Registries) -> bool {
    let entry = registries.placements.iter().find(|entry| entry.is_called(&choice.name));
    entry.is_some_and(|entry| entry.options().iter().any(|note| note.name == OPTION))
        || windtunnel_scheduler::placement::parts(choice)
            .is_ok_and(|parts| parts.iter().any(|part| asks(part, registries)))
}

/// Every value under the key, however deep in the parts of a mix.
fn collect<'a>(options: &'a mut BTreeMap<String, Setting>, found: &mut Vec<&'a mut Setting>) {
    for (key, value) in options {
        match value {
            value if key == OPTION => found.push(value),
            Setting::Table(table) => collect(table, found),
            Setting::List(items) => {
                for item in items {
                    if let Setting::Table(table) = item {
                        collect(table, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Takes a key out, however deep in the parts of a mix.
pub(super) fn forget(options: &mut BTreeMap<String, Setting>, name: &str) {
    options.remove(name);
    for value in options.values_mut() {
        match value {
            Setting::Table(table) => forget(table, name),
            Setting::List(items) => {
                for item in items {
                    if let Setting::Table(table) = item {
                        forget(table, name);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Opens the trace that `written` names, and pins it there.
fn open(written: &mut Setting, key: &str, context: &mut Context<'_>) -> Result<Box<dyn Source + Send>, Failure> {
    let refuse = |context: &Context<'_>| context.places.failure(key, format!("not understood; {FIX}"));
    let Setting::Table(outer) = written else { return Err(refuse(context)) };
    let is_alone = outer.len() == 1;
    let Some(Setting::Table(trace)) = outer.get_mut("trace").filter(|_| is_alone) else { return Err(refuse(context)) };
    let known = |name: &String| ["format", "path", "digest"].contains(&name.as_str());
    let (Some(path), true) = (texts(trace.get("path")), trace.keys().all(known)) else { return Err(refuse(context)) };
    let format = match trace.get("format") {
        None => None,
        Some(Setting::Text(format)) => Some(format.clone()),
        Some(_) => return Err(refuse(context)),
    };
    let pinned = texts(trace.get("digest"));
    let key = format!("{key}.trace");
    let found = super::paths::find(&path, pinned.as_ref(), &key, context.base, context.places)?;
    let parts: Vec<Input> = found.iter().map(|file| Input::file(&file.path)).collect();
    let format = match (&format, parts.first()) {
        (Some(name), _) => read::format(name).map_err(|error| context.within(&key, error.into()))?,
        (None, Some(first)) => read::recognise_input(first).map_err(|error| context.within(&key, error.into()))?,
        (None, None) => return Err(context.places.failure(&key, "no file is named; give a `path`")),
    };
    trace.insert("format".into(), Setting::Text(format.name().to_owned()));
    trace.insert("path".into(), listed(found.iter().map(|file| file.written.clone())));
    trace.insert("digest".into(), listed(found.iter().map(|file| file.digest.clone())));
    for file in &found {
        context.inputs.push(InputDigest { key: "typical".into(), digest: file.digest.clone() });
    }
    read::open_jobs(parts, Some(format.name()), &ReadOptions::default())
        .map_err(|error| context.within(&key, error.into()))
}

fn texts(value: Option<&Setting>) -> Option<Paths> {
    let text = |value: &Setting| match value {
        Setting::Text(text) => Some(text.clone()),
        _ => None,
    };
    match value? {
        Setting::List(items) => items.iter().map(text).collect::<Option<_>>().map(Paths),
        one => text(one).map(|text| Paths(vec![text])),
    }
}

fn listed(texts: impl Iterator<Item = String>) -> Setting {
    let mut items: Vec<Setting> = texts.map(Setting::Text).collect();
    match items.pop() {
        Some(one) if items.is_empty() => one,
        last => Setting::List(items.into_iter().chain(last).collect()),
    }
}

/// What tells kinds apart.
type Needs = (Resources, GpuRequest, Option<Arc<[Constraint]>>);

/// Kinds of tasks in the order in which they were first met.
#[derive(Default)]
struct Kinds {
    kinds: Vec<Typical>,
    /// Where each stands.
    at: BTreeMap<Needs, usize>,
}

impl Kinds {
    fn read(&mut self, source: &mut dyn Source, key: &str, context: &Context<'_>) -> Result<(), Failure> {
        for _ in 0..JOBS_MOST {
            let Some(job) = source.next_job().map_err(|error| context.within(key, error.into()))? else { break };
            for group in job.groups.as_slice() {
                let ask = &group.ask;
                let needs = (ask.request, ask.gpu, ask.constraints.clone());
                let at = *self.at.entry(needs).or_insert(self.kinds.len());
                if at == self.kinds.len() {
                    let constraints = ask.constraints.clone();
                    self.kinds.push(Typical { request: ask.request, gpu: ask.gpu, constraints, tasks: 0 });
                }
                if let Some(kind) = self.kinds.get_mut(at) {
                    kind.tasks += u64::from(group.count);
                }
            }
        }
        Ok(())
    }

    fn most_frequent(mut self) -> Vec<Typical> {
        self.kinds.sort_by_key(|kind| std::cmp::Reverse(kind.tasks));
        self.kinds.truncate(KINDS_MOST);
        self.kinds
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Resolved, resolve as resolve_all};
    use super::*;
    use crate::spec::{self, Set};

    const TEXT: &str = r#"
name = "t"
[[fleet.group]]
name = "m"
count = 2
cpu = 64
[[workload]]
[workload.synthetic]
arrivals = { poisson = "2/s" }
tasks = 400
duration = { constant = "60s" }
shapes = [{ cpu = 1, weight = 3 }, { cpu = 4 }]
"#;
    const PODS: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n\
                        a,1000,1,1,500,T4|A10\nb,2000,2,0,0,\nc,1000,1,1,500,T4|A10\n";

    fn resolved(base: &Path, placement: &str) -> Result<Resolved, String> {
        let set: Set = format!("scheduler.placement={placement}").parse().unwrap();
        let (scenario, places) = spec::parse("t.toml", TEXT, &[set]).map_err(|failure| failure.to_string())?;
        resolve_all(scenario, &places, base, &Registries::default()).map_err(|failure| failure.to_string())
    }

    fn tasks(resolved: &Resolved) -> Vec<u64> {
        resolved.config.typical.iter().map(|kind| kind.tasks).collect()
    }

    #[test]
    fn the_workload_is_typical_of_itself_for_those_who_ask() {
        let here = Path::new("");
        let fgd = resolved(here, "fgd").unwrap();
        let tasks = tasks(&fgd);
        assert_eq!(tasks.iter().sum::<u64>(), 400);
        assert!(tasks.len() == 2 && (270..330).contains(&tasks[0]), "{tasks:?}");
        assert!(resolved(here, "best-fit").unwrap().config.typical.is_empty(), "nobody asks");
        let mixed = resolved(here, "{ mix = [{ name = \"best-fit\" }, { name = \"fgd\", weight = 2 }] }").unwrap();
        assert_eq!(mixed.config.typical, fgd.config.typical);
    }

    #[test]
    fn a_trace_of_its_own_is_read_pinned_and_kept_from_the_core() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pods.csv"), PODS).unwrap();
        let one = "{ name = \"fgd\", coverage = 0.5, typical = { trace = { path = \"pods.csv\" } } }";
        let found = resolved(folder.path(), one).unwrap();
        assert_eq!(tasks(&found), [2, 1]);
        assert_eq!(found.config.typical[0].gpu.milli, 500);
        assert!(found.config.typical[0].constraints.is_some() && found.config.typical[1].constraints.is_none());
        assert_eq!(found.inputs.iter().filter(|input| input.key == "typical").count(), 1);
        assert_eq!(found.config.placement.options.keys().collect::<Vec<_>>(), ["coverage"]);
        let text = found.text().unwrap();
        assert!(text.contains("sha256:") && text.contains("format = \"openb\""), "{text}");
        // What is written resolves to the same, and no longer if the file is another.
        let (scenario, places) = spec::parse("t.toml", &text, &[]).unwrap();
        let again = resolve_all(scenario, &places, Path::new("elsewhere"), &Registries::default()).unwrap();
        assert_eq!((&again.config, again.text().unwrap()), (&found.config, text.clone()));
        std::fs::write(folder.path().join("pods.csv"), PODS.replace("c,1000", "c,3000")).unwrap();
        let (scenario, places) = spec::parse("t.toml", &text, &[]).unwrap();
        let other = resolve_all(scenario, &places, Path::new(""), &Registries::default());
        assert!(other.err().unwrap().to_string().contains("restore the file"));
    }

    #[test]
    fn what_says_nothing_typical_is_refused_with_a_fix() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pods.csv"), PODS).unwrap();
        let complains = |typical: &str, expected: &str| {
            let error = resolved(folder.path(), &format!("{{ name = \"fgd\", typical = {typical} }}")).err().unwrap();
            assert!(error.contains("scheduler.placement.typical") && error.contains(expected), "{typical}: {error}");
        };
        for typical in ["\"pods.csv\"", "{ trace = 3 }", "{ trace = {} }", "{ trace = { path = 1 } }", "[]"] {
            complains(typical, "write typical = { trace");
        }
        complains("{ trace = { path = \"pods.csv\", paht = 1 } }", "write typical = { trace");
        complains("{ trace = { path = \"no.csv\" } }", "cannot be read");
        complains("{ trace = { path = \"pods.csv\", format = \"openbb\" } }", "openb");
        complains("{ trace = { path = \"pods.csv\", format = \"swf\" } }", "pods.csv");
        let part = "{ name = \"fgd\", typical = { trace = { path = \"pods.csv\" } } }";
        let error = resolved(folder.path(), &format!("{{ mix = [{part}, {part}] }}")).err().unwrap();
        assert!(error.contains("keep one of them"), "{error}");
        let error = resolved(folder.path(), "{ name = \"best-fit\", typical = 1 }").err().unwrap();
        assert!(error.contains("has no option `typical`"), "{error}");
    }
}
