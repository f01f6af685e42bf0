//! `windtunnel init`: a scenario to begin with, from a provider's machines or from files that are there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use windtunnel_traces::read::{self, Input, ReadOptions, Yield};

use super::{Verdict, quoted};
use crate::failure::{Failure, listed, nearest};
use crate::library;
use crate::spec;
use crate::talk;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Whose machines: `aws`, `gcp`, `azure` or `bare-metal`.
    #[arg(long, value_name = "NAME", required_unless_present = "from", conflicts_with = "from")]
    provider: Option<String>,
    /// The kind of machine; left out: the provider's first.
    #[arg(long, value_name = "NAME", requires = "provider")]
    shape: Option<String>,
    /// How many machines.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    nodes: u32,
    /// Traces and fleets that are there already, in any format that is recognised.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Where the scenario goes.
    #[arg(long, value_name = "FILE", default_value = "scenario.toml")]
    out: PathBuf,
}

/// A provider's machines, as its file in the library has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    title: String,
    date: String,
    zones: u32,
    #[serde(default)]
    racks_per_zone: Option<u32>,
    shape: Vec<Shape>,
}

/// A kind of machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    name: String,
    cpu: u32,
    memory: String,
    #[serde(default)]
    disk: Option<String>,
    #[serde(default)]
    gpu: Option<u32>,
    #[serde(default)]
    gpu_model: Option<String>,
    #[serde(default)]
    price: Option<String>,
}

pub(crate) fn perform(arguments: &Arguments) -> Result<Verdict, Failure> {
    let name =
        arguments.out.file_stem().map_or_else(|| "scenario".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let text = match &arguments.provider {
        Some(provider) => from_provider(&name, provider, arguments.shape.as_deref(), arguments.nodes)?,
        None => from_files(&name, &arguments.from, &arguments.out)?,
    };
    let out = arguments.out.display();
    // Never over what somebody wrote.
    let mut file = std::fs::File::create_new(&arguments.out).map_err(|error| {
        let fix = if arguments.out.exists() {
            "it is there already; name another file with --out"
        } else {
            "name another file with --out"
        };
        Failure::new(format!("{out} cannot be made ({error}): {fix}"))
    })?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .map_err(|error| Failure::new(format!("{out} cannot be written ({error}); make room for it")))?;
    let file = quoted(&arguments.out.display().to_string());
    talk::say(&format!("next: windtunnel run {file}; windtunnel plan {file} --slo 'wait_s.p99 < 60s'"));
    talk::out(&format!("{out}\n"))?;
    Ok(Verdict::Fine)
}

fn provider(name: &str) -> Result<Provider, Failure> {
    let known = || library::entries().filter(|entry| entry.kind == "provider");
    let Some(entry) = known().find(|entry| entry.name == name) else {
        let names = || known().map(|entry| entry.name);
        let fix = nearest(name, names())
            .map_or_else(|| format!("write {}", listed(names())), |near| format!("did you mean `{near}`?"));
        return Err(Failure::new(format!("--provider: there is no provider `{name}`; {fix}")));
    };
    Ok(spec::read(&format!("provider/{name}"), entry.text)?.0)
}

/// Tasks ask for a share of this of the fleet's cpu on average.
const LOAD: f64 = 0.65;
/// The mean length of a task of the workload to begin with, in seconds, and its mean cpu.
const MEAN_S: f64 = 989.0;
const MEAN_CPU: f64 = 1.75;

fn from_provider(name: &str, provider_name: &str, shape: Option<&str>, nodes: u32) -> Result<String, Failure> {
    let provider = provider(provider_name)?;
    let names = || provider.shape.iter().map(|shape| shape.name.as_str());
    let chosen = match shape {
        None => provider.shape.first(),
        Some(wanted) => provider.shape.iter().find(|shape| shape.name == wanted),
    };
    let Some(chosen) = chosen else {
        let wanted = shape.unwrap_or_default();
        let fix = nearest(wanted, names())
            .map_or_else(|| format!("write {}", listed(names())), |near| format!("did you mean `{near}`?"));
        return Err(Failure::new(format!("--shape: {} has no machine `{wanted}`; {fix}", provider.title)));
    };
    let mut text = String::new();
    // Writing into a string cannot fail, here and below.
    let _ = write!(
        text,
        "# {nodes} machines of {title}, and work to begin with: put your own in its place.\n\
         # windtunnel run {name}.toml simulates it; windtunnel schema lists every key.\n\
         name = \"{name}\"\n\n\
         [[fleet.group]]\nname = \"{shape}\"\ncount = {nodes}\ncpu = {cpu}\nmemory = \"{memory}\"\n",
        title = provider.title,
        shape = chosen.name,
        cpu = chosen.cpu,
        memory = chosen.memory,
    );
    for (key, value) in [("disk", &chosen.disk), ("gpu_model", &chosen.gpu_model)] {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = \"{value}\"");
        }
    }
    if let Some(gpu) = chosen.gpu {
        let _ = writeln!(text, "gpu = {gpu}");
    }
    let _ = writeln!(text, "zones = {}", provider.zones);
    if let Some(racks) = provider.racks_per_zone {
        let _ = writeln!(text, "racks_per_zone = {racks}");
    }
    match &chosen.price {
        Some(price) => {
            let _ = writeln!(text, "# An example of {}; set yours.\nprice = \"{price}\"", provider.date);
        }
        None => text.push_str("# price = \"$1.00/h\"\n"),
    }
    let others: Vec<&str> = names().filter(|other| *other != chosen.name).collect();
    if !others.is_empty() {
        let _ = writeln!(text, "# Other machines of this provider: {}.", others.join(", "));
    }
    let rate = f64::from(nodes) * f64::from(chosen.cpu) * LOAD / (MEAN_S * MEAN_CPU) * 60.0;
    let _ = write!(
        text,
        "\n# About two thirds of the fleet's cpu, around the clock.\n\
         [[workload]]\nname = \"batch\"\n[workload.synthetic]\n\
         arrivals = {{ poisson = \"{rate:.1}/m\" }}\n\
         duration = {{ lognormal = {{ median = \"10m\", sigma = 1.0, max = \"12h\" }} }}\n\
         shapes = [\n    {{ cpu = 1, memory = \"2GiB\", weight = 3 }},\n    {{ cpu = 4, memory = \"8GiB\" }},\n]\n\n\
         [stop]\nat = \"24h\"\n"
    );
    Ok(text)
}

/// What the files are, each as a table of its own.
fn from_files(name: &str, files: &[PathBuf], out: &Path) -> Result<String, Failure> {
    let mut text =
        format!("# Replays the files that it names. windtunnel schema lists every key.\nname = \"{name}\"\n");
    let (mut fleet, mut workloads) = (None, String::new());
    let mut machines = "[[fleet.group]]\nname = \"node\"\ncount = 100\ncpu = 64\nmemory = \"256GiB\"\n".to_owned();
    for file in files {
        let input = Input::file(file);
        let format = read::recognise_input(&input)?;
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (file, beside) = (absolute(file), absolute(out));
        let path = beside.parent().and_then(|beside| file.strip_prefix(beside).ok()).unwrap_or(&file);
        let path = toml::Value::from(path.display().to_string());
        let trace = format!("trace = {{ format = \"{}\", path = {path} }}\n", format.name());
        let options = ReadOptions::default();
        let yields = |what| format.yields().contains(&what);
        if yields(Yield::Fleet) && format.fleet(&input, &options).is_ok() {
            if fleet.replace(format!("[fleet]\n{trace}")).is_some() {
                return Err(Failure::new("--from: two of the files are fleets; name one"));
            }
            continue;
        }
        // Opened once, so that what is no workload is refused here and not later.
        format.jobs(vec![input.clone()], &options)?;
        if format.name() == "swf" {
            let cpus = processors(&input.head()?).unwrap_or(100);
            machines = format!("[fleet]\npool = {{ cpu = {cpus} }}\n");
        }
        let _ = write!(workloads, "\n[[workload]]\n{trace}");
    }
    if workloads.is_empty() {
        return Err(Failure::new("--from: none of the files is a workload; name one with jobs or tasks"));
    }
    match fleet {
        Some(fleet) => text.push_str(&format!("\n{fleet}")),
        None => {
            text.push_str(&format!("\n# The machines: none of the files has them, so set what you have.\n{machines}"))
        }
    }
    text.push_str(&workloads);
    Ok(text)
}

/// What the header of a batch log says of the machine.
fn processors(head: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(head);
    let value = text.lines().find_map(|line| line.strip_prefix(';')?.trim().strip_prefix("MaxProcs:"))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_makes_a_scenario_that_reads() {
        let providers: Vec<_> = library::entries().filter(|entry| entry.kind == "provider").collect();
        assert!(providers.len() >= 4);
        for entry in providers {
            let provider = provider(entry.name).unwrap();
            for shape in &provider.shape {
                let text = from_provider("mine", entry.name, Some(&shape.name), 12).unwrap();
                let read = spec::parse("mine.toml", &text, &[]);
                let (scenario, _) = read.unwrap_or_else(|failure| panic!("{}: {failure}\n{text}", entry.name));
                assert_eq!((scenario.fleet.group[0].count, scenario.workload.len()), (12, 1));
                assert_eq!(scenario.fleet.group[0].price.is_some(), shape.price.is_some());
            }
        }
        let wrong = |provider: &str, shape| from_provider("x", provider, shape, 1).unwrap_err().to_string();
        assert!(wrong("awss", None).contains("did you mean `aws`?"));
        assert!(wrong("aws", Some("m5.xlrge")).contains("did you mean `m5.xlarge`?"));
    }

    #[test]
    fn the_header_of_a_log_says_how_many_processors() {
        assert_eq!(processors(b"; Version: 2\n; MaxProcs:  128 (of 130)\n1 0"), Some(128));
        assert_eq!(processors(b"1 0 0"), None);
    }
}
