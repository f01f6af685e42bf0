//! The common workload without result files: `scale NODES TASKS POLICY [WARM_PERMILLE]`.

use std::ops::ControlFlow;
use std::time::Instant;

use windtunnel_outcome::recorder::Discard;
use windtunnel_scheduler::config::{Choice, Config};
use windtunnel_scheduler::core::{Core, Registries};
use windtunnel_scheduler::event::Loss;
use windtunnel_scheduler::id::PartyId;
use windtunnel_scheduler::resources::Resources;
use windtunnel_scheduler::time::Span;
use windtunnel_sim::experiment::{Experiment, Measure, Sampling, Start, Stop, Warm, Workload};
use windtunnel_traces::model::{Fleet, Name, Node};
use windtunnel_traces::synthetic::{Arrivals, Law, Lognormal, Poisson, Synthetic, SyntheticSpec, background, grid};

#[expect(clippy::disallowed_methods, reason = "an example may look at the wall clock; the world may not")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let nodes: u32 = args[1].parse()?;
    let tasks: u64 = args[2].parse()?;
    let warm: u32 = args.get(4).map_or(Ok(0), |text| text.parse())?;
    let cores = [(1, 0.35), (2, 0.25), (4, 0.20), (8, 0.12), (16, 0.06), (32, 0.02)].map(|(c, w)| (c * 1000, w));
    let memory = [1024, 2048, 4096, 8192].map(|mib| (mib, 1.0));
    let duration = Law::from(Lognormal::new(Span::from_seconds(600), 1.0, Some(Span::from_seconds(12 * 3600)))?);
    let arrivals = Arrivals::from(Poisson::new(0.0116 * f64::from(nodes))?);
    let mut spec = SyntheticSpec::new(arrivals, duration, grid(&cores, &memory)?);
    spec.tasks = Some(tasks);
    let node = |at: u32| Node {
        name: Name::Text(format!("node-{at}").into()),
        capacity: Resources::new(64_000, 256 * 1024),
        gpus: 0,
        attributes: vec![],
        domains: vec![],
    };
    let warm = (warm > 0)
        .then(|| background(&spec, 0, 0).map(|background| Warm { permille: warm, background }))
        .transpose()?;
    let experiment = Experiment {
        seed: 0,
        fleet: Fleet { nodes: (0..nodes).map(node).collect(), lanes: 3, ..Fleet::default() },
        workloads: vec![Workload {
            source: Box::new(Synthetic::new(&spec, 0, 0)?),
            party: PartyId::FIRST,
            start: Start::Submit,
            loss: Loss::Rerun,
            retry: windtunnel_scheduler::event::Retry::default(),
            max_unavailable: None,
            checkpoint: None,
            warm,
            terms: Default::default(),
            rules: Default::default(),
        }],
        scheduler: Config { placement: Choice::named(&args[3]), ..Config::default() },
        parties: 1,
        link: Span::ZERO,
        measure: Measure::default(),
        stop: Stop::Drained,
        series: Sampling::Auto,
        routing: Default::default(),
        model: windtunnel_sim::model::Model::default(),
    };
    let begin = Instant::now();
    let mut core = Core::new(&Registries::default());
    let outcome = windtunnel_sim::run(experiment, &mut core, &mut Discard, &mut |_| ControlFlow::Continue(()))?;
    let seconds = begin.elapsed().as_secs_f64();
    for key in [
        "fingerprint",
        "tasks.submitted",
        "tasks.finished",
        "wait_s.mean",
        "allocation.cpu.mean",
        "packing.efficiency",
        "scheduler.nodes_examined",
        "conservation.cpu.residual",
        "makespan_s",
    ] {
        println!("{key} {:?}", outcome.summary.get(key));
    }
    println!("{seconds:.3} s, {:.0} placements/s", tasks as f64 / seconds);
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or(""));
    Ok(())
}
