//! What one task of a job asks for.

use std::sync::Arc;

use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::event::GpuRequest;
use windtunnel_scheduler::resources::{GPU, Resources};

use super::terms::BadTerm;

/// The attribute that tells the model of a node's devices.
const GPU_MODEL: &str = "gpu_model";

/// What one task asks for, and how often jobs of this shape come.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Millicores, MiB of memory, MiB of disk, and the lanes that the scenario names. The lane of devices is worked out
    /// from `gpu`.
    pub request: Resources,
    /// Devices: how many, and thousandths of each (below 1000 only with one device).
    pub gpu: GpuRequest,
    /// Models of devices that will do (attribute `gpu_model`); empty for any.
    pub gpu_models: Vec<String>,
    /// How often, against the other shapes: any positive number.
    pub weight: f64,
    /// Conditions on nodes.
    pub constraints: Vec<Constraint>,
    /// The share of jobs of this shape that carry `constraints`, from 0 to 1. Models of devices always count.
    pub constrained: f64,
}

impl Shape {
    /// A shape of weight 1 with nothing but a request.
    #[must_use]
    pub const fn new(request: Resources) -> Self {
        Self {
            request,
            gpu: GpuRequest { count: 0, milli: 0 },
            gpu_models: Vec::new(),
            weight: 1.0,
            constraints: Vec::new(),
            constrained: 1.0,
        }
    }

    /// The request with the lane of devices worked out.
    #[must_use]
    pub fn whole_request(&self) -> Resources {
        let mut request = self.request;
        request[GPU] = u32::from(self.gpu.count) * u32::from(self.gpu.milli);
        request
    }

    /// Checks the shape at `place` in the catalogue.
    pub(super) fn ready(&self, place: usize) -> Result<Ready, BadTerm> {
        let bad = |key: &str, message: String| Err(BadTerm::new(format!("shapes.{place}.{key}"), message));
        let GpuRequest { count, milli } = self.gpu;
        if count > 64 || milli > 1_000 || (count == 0) != (milli == 0) || (count > 1 && milli < 1_000) {
            let message = format!(
                "shape {place} asks for {count} devices of {milli}/1000 each: give a part of one or whole ones"
            );
            return bad("gpu", message);
        }
        if !(0.0..=1.0).contains(&self.constrained) {
            let message = format!("`constrained` of shape {place} is {}: give a share from 0 to 1", self.constrained);
            return bad("constrained", message);
        }
        if count == 0 && !self.gpu_models.is_empty() {
            return bad("gpu_model", format!("shape {place} names device models but asks for no device: give `gpu`"));
        }
        let mut always = Vec::new();
        if !self.gpu_models.is_empty() {
            let condition = Condition::In(self.gpu_models.clone());
            always.push(Constraint { attribute: GPU_MODEL.to_owned(), condition });
        }
        let mut all = always.clone();
        all.extend(self.constraints.iter().cloned());
        let shared = |list: Vec<Constraint>| if list.is_empty() { None } else { Some(Arc::from(list)) };
        // Without constraints of its own every job of the shape is the same, whatever the share says.
        let constrained = if self.constraints.is_empty() { 0.0 } else { self.constrained };
        let (always, all) = (shared(always), shared(all));
        Ok(Ready { request: self.whole_request(), gpu: self.gpu, always, all, constrained })
    }
}

/// A shape, checked, with its constraints in the form in which jobs share them.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub request: Resources,
    pub gpu: GpuRequest,
    always: Option<Arc<[Constraint]>>,
    all: Option<Arc<[Constraint]>>,
    constrained: f64,
}

impl Ready {
    /// The constraints of a job whose draw (asked for only if needed) is `unit`.
    #[inline]
    pub(super) fn constraints(&self, unit: impl FnOnce() -> f64) -> Option<Arc<[Constraint]>> {
        let carries = self.constrained >= 1.0 || (self.constrained > 0.0 && unit() < self.constrained);
        if carries { self.all.clone() } else { self.always.clone() }
    }
}
