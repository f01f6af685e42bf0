//! Catalogues that nobody wants to write by hand.

use std::collections::BTreeSet;

use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::event::GpuRequest;
use windtunnel_scheduler::resources::{CPU, DISK, GPU, LANES, MEMORY, Resources};

use super::choice::Choice;
use super::key::{FAMILY, Key};
use super::shape::Shape;
use super::size::Sizes;
use super::terms::BadTerm;

/// A catalogue of many different shapes, drawn from the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// How many different shapes; all come equally often.
    pub distinct: u32,
    /// Cpu comes in multiples of this, in millicores.
    pub cpu_step_milli: u32,
    /// How many such steps a shape has.
    pub cpu_steps: Sizes,
    /// MiB of memory per core, with weights.
    pub memory_per_core_mib: Vec<(u32, f64)>,
    /// Memory is rounded up to multiples of this, in MiB; at least 1.
    pub memory_step_mib: u32,
    /// How far memory strays from the product of cores and memory per core, as a share from 0 to below 1.
    pub memory_spread: f64,
    /// MiB of disk, with weights; empty for none.
    pub disk_mib: Vec<(u32, f64)>,
    /// Devices, with weights; empty for none.
    pub gpus: Vec<(GpuRequest, f64)>,
    /// Amounts in lanes that the scenario names: (lane, amounts with weights).
    pub lanes: Vec<(usize, Vec<(u32, f64)>)>,
    /// Attributes with the values that shapes may demand: each shape demands one value of one of them; empty for none.
    pub demands: Vec<(String, Vec<String>)>,
    /// The share of the jobs of each shape that make the demand, from 0 to 1.
    pub constrained: f64,
}

impl Default for Family {
    /// 10,000 shapes of half cores up to 64 (geometric, mean 4), 1 to 8 GiB per core within a quarter, and some disk.
    fn default() -> Self {
        Self {
            distinct: 10_000,
            cpu_step_milli: 500,
            cpu_steps: Sizes::Geometric { mean: 8.0, max: 128 },
            memory_per_core_mib: vec![(1_024, 1.0), (2_048, 1.0), (4_096, 1.0), (8_192, 1.0)],
            memory_step_mib: 16,
            memory_spread: 0.25,
            disk_mib: vec![(1_024, 4.0), (10_240, 2.0), (102_400, 1.0)],
            gpus: Vec::new(),
            lanes: Vec::new(),
            demands: Vec::new(),
            constrained: 1.0,
        }
    }
}

/// The families of one part of a shape, checked; None where the user gave nothing.
struct Parts {
    steps: super::size::Ready,
    per_core: Choice<u32>,
    disk: Option<Choice<u32>>,
    gpus: Option<Choice<GpuRequest>>,
    lanes: Vec<(usize, Choice<u32>)>,
}

/// Attempts per shape wanted, before the family is taken to be exhausted.
const PATIENCE: u64 = 100;

impl Family {
    /// The shapes, in the order in which they were drawn.
    ///
    /// # Errors
    /// If an argument is out of range, or the family has fewer members than wanted.
    pub fn shapes(&self, seed: u64) -> Result<Vec<Shape>, BadTerm> {
        let parts = self.parts()?;
        let mut seen = BTreeSet::new();
        let mut shapes = Vec::new();
        let wanted = u64::from(self.distinct);
        for attempt in 0..wanted * PATIENCE {
            let shape = self.member(&parts, Key::of(seed, attempt))?;
            if seen.insert((shape.request, shape.gpu.count, shape.gpu.milli)) {
                shapes.push(shape);
            }
            if shapes.len() as u64 == wanted {
                return Ok(shapes);
            }
        }
        let message = if wanted == 0 {
            "`distinct` is 0: give at least 1".to_owned()
        } else {
            let found = shapes.len();
            format!("only {found} of {wanted} different shapes were found: give a smaller `distinct` or more choice")
        };
        Err(BadTerm::new("distinct", message))
    }

    fn parts(&self) -> Result<Parts, BadTerm> {
        if self.cpu_step_milli == 0 || self.memory_step_mib == 0 {
            return Err(BadTerm::new("cpu_step", "a step of the family is 0: give steps above 0"));
        }
        if !(0.0..1.0).contains(&self.memory_spread) {
            let message = format!("`memory_spread` is {}: give a share from 0 to below 1", self.memory_spread);
            return Err(BadTerm::new("memory_spread", message));
        }
        if let Some((lane, _)) = self.lanes.iter().find(|(lane, _)| !(GPU + 1..LANES).contains(lane)) {
            let message =
                format!("lane {lane} is none that a scenario may name: give one from {} to {}", GPU + 1, LANES - 1);
            return Err(BadTerm::new("lanes", message));
        }
        Ok(Parts {
            steps: self.cpu_steps.ready("cpu_steps")?,
            per_core: Choice::new("memory_per_core", self.memory_per_core_mib.clone())?,
            disk: optional("disk", &self.disk_mib)?,
            gpus: optional("gpus", &self.gpus)?,
            lanes: self
                .lanes
                .iter()
                .map(|(lane, amounts)| Ok((*lane, Choice::new("lanes", amounts.clone())?)))
                .collect::<Result<_, BadTerm>>()?,
        })
    }

    fn member(&self, parts: &Parts, key: Key) -> Result<Shape, BadTerm> {
        let steps = parts.steps.draw(|| key.bits(FAMILY, 0));
        let cpu = u64::from(self.cpu_step_milli) * u64::from(steps);
        let per_core = u64::from(*parts.per_core.pick(|| key.bits(FAMILY, 1)));
        let stray = 1.0 + self.memory_spread * (2.0 * key.unit(FAMILY, 2) - 1.0);
        let step = u64::from(self.memory_step_mib);
        let memory = ((((cpu * per_core) as f64 / 1_000.0 * stray) as u64).max(1)).div_ceil(step) * step;
        let mut request = Resources::ZERO;
        for (lane, amount) in [(CPU, cpu), (MEMORY, memory)] {
            request[lane] = u32::try_from(amount).map_err(|_| {
                BadTerm::new("cpu_steps", "a shape of the family is beyond any machine: give fewer steps")
            })?;
        }
        if let Some(disk) = &parts.disk {
            request[DISK] = *disk.pick(|| key.bits(FAMILY, 3));
        }
        for (lane, amounts) in &parts.lanes {
            request[*lane] = *amounts.pick(|| key.bits(FAMILY, 8 + *lane as u64));
        }
        let gpu = parts.gpus.as_ref().map(|gpus| *gpus.pick(|| key.bits(FAMILY, 4))).unwrap_or_default();
        let mut shape = Shape { gpu, ..Shape::new(request) };
        shape.request = shape.whole_request();
        shape.constraints = self.demand(key);
        shape.constrained = self.constrained;
        Ok(shape)
    }

    /// What the jobs of a shape demand of a node, if they demand anything.
    fn demand(&self, key: Key) -> Vec<Constraint> {
        let pairs: u64 = self.demands.iter().map(|(_, values)| values.len() as u64).sum();
        let mut at = ((u128::from(key.bits(FAMILY, 5)) * u128::from(pairs)) >> 64) as usize;
        for (attribute, values) in &self.demands {
            if let Some(value) = values.get(at) {
                let condition = Condition::In(vec![value.clone()]);
                return vec![Constraint { attribute: attribute.clone(), condition }];
            }
            at -= values.len();
        }
        Vec::new()
    }
}

fn optional<T: Clone>(key: &str, list: &[(T, f64)]) -> Result<Option<Choice<T>>, BadTerm> {
    if list.is_empty() { Ok(None) } else { Choice::new(key, list.to_vec()).map(Some) }
}

/// Every combination of cpu (millicores) and memory per core (MiB), with the product of their weights: cpu outermost.
///
/// # Errors
/// If a product is beyond any machine.
pub fn grid(cpu_milli: &[(u32, f64)], memory_per_core_mib: &[(u32, f64)]) -> Result<Vec<Shape>, BadTerm> {
    let mut shapes = Vec::with_capacity(cpu_milli.len() * memory_per_core_mib.len());
    for &(cpu, weight) in cpu_milli {
        for &(per_core, share) in memory_per_core_mib {
            let memory = u32::try_from((u64::from(cpu) * u64::from(per_core)).div_ceil(1_000)).map_err(|_| {
                BadTerm::new(
                    "memory_per_core",
                    format!("{cpu} millicores of {per_core} MiB each are too much: give less"),
                )
            })?;
            shapes.push(Shape { weight: weight * share, ..Shape::new(Resources::new(cpu, memory)) });
        }
    }
    Ok(shapes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_different_shapes_from_the_seed() {
        let shapes = Family::default().shapes(0).unwrap();
        let different: BTreeSet<_> = shapes.iter().map(|shape| shape.request).collect();
        assert_eq!((shapes.len(), different.len()), (10_000, 10_000));
        assert_eq!(shapes, Family::default().shapes(0).unwrap());
        assert_ne!(shapes, Family::default().shapes(1).unwrap());
        for shape in &shapes {
            let [cpu, memory, disk, ..] = shape.request.0;
            assert!(cpu % 500 == 0 && cpu <= 64_000 && memory % 16 == 0 && disk >= 1_024);
            assert!(memory >= cpu / 1_000 * 768 && memory <= cpu.div_ceil(1_000) * 10_256);
        }
    }

    #[test]
    fn devices_and_named_lanes_are_drawn_too() {
        let gpus = vec![(GpuRequest { count: 0, milli: 0 }, 1.0), (GpuRequest { count: 2, milli: 1_000 }, 1.0)];
        let family = Family { distinct: 500, gpus, lanes: vec![(5, vec![(10, 1.0), (20, 1.0)])], ..Family::default() };
        let shapes = family.shapes(3).unwrap();
        let with = shapes.iter().filter(|shape| shape.request[GPU] == 2_000).count();
        assert!((150..350).contains(&with), "{with}");
        assert!(shapes.iter().all(|shape| [10, 20].contains(&shape.request[5])));
        assert!(shapes.iter().all(|shape| shape.ready(0).is_ok()));
    }

    #[test]
    fn a_family_without_enough_members_says_so() {
        let family = Family {
            distinct: 10,
            cpu_steps: Sizes::Uniform { min: 1, max: 3 },
            memory_per_core_mib: vec![(1_024, 1.0)],
            memory_spread: 0.0,
            disk_mib: vec![],
            ..Family::default()
        };
        let error = family.shapes(0).unwrap_err();
        assert!(error.message.contains("only 3 of 10"), "{error}");
    }

    #[test]
    fn a_grid_is_the_product() {
        let shapes = grid(&[(1_000, 0.5), (2_500, 0.5)], &[(1_024, 1.0), (4_096, 3.0)]).unwrap();
        let seen: Vec<_> =
            shapes.iter().map(|shape| (shape.request[CPU], shape.request[MEMORY], shape.weight)).collect();
        assert_eq!(seen, [(1_000, 1_024, 0.5), (1_000, 4_096, 1.5), (2_500, 2_560, 0.5), (2_500, 10_240, 1.5)]);
    }
}
