//! The fleet table.

use std::collections::BTreeSet;

use windtunnel_scheduler::resources::{CPU, DISK, GPU, MEMORY, Resources};

use super::cell::Cell;
use super::columns::{ExtraLanes, FleetSlot, fleet_slots};
use super::parquet::{ParquetFile, values_of};
use crate::model::{Fleet, Name, Node, SourceError};
use crate::read::input::Input;
use crate::read::table::Table;
use crate::read::trouble::{Bad, Place, Trouble, failure};

/// Reads a fleet from CSV or Parquet.
pub(super) fn read(input: &Input) -> Result<Fleet, SourceError> {
    let builder = if input.head()?.starts_with(b"PAR1") { from_parquet(input)? } else { from_csv(input)? };
    if builder.nodes.is_empty() {
        return Err(failure(
            format!("{} line 1: there is no node in this file; give one with rows", input.name()),
            &[],
        ));
    }
    Ok(Fleet { nodes: builder.nodes, lanes: builder.mask, extra_lanes: builder.lanes.0 })
}

struct Builder {
    slots: Vec<FleetSlot>,
    columns: Vec<String>,
    lanes: ExtraLanes,
    mask: u8,
    names: BTreeSet<Name>,
    nodes: Vec<Node>,
}

impl Builder {
    fn new(columns: &[String], place: Place<'_>) -> Result<Self, SourceError> {
        let mut lanes = ExtraLanes::default();
        let slots = fleet_slots(columns, &mut lanes, place)?;
        let mask = slots.iter().fold(0, |mask, slot| match slot {
            FleetSlot::Capacity(lane) => mask | (1 << lane),
            FleetSlot::Gpus => mask | (1 << GPU),
            _ => mask,
        });
        let columns = columns.to_vec();
        Ok(Self { slots, columns, lanes, mask, names: BTreeSet::new(), nodes: Vec::new() })
    }

    fn row<'a>(&mut self, cell: impl Fn(usize) -> Cell<'a>) -> Result<(), Bad> {
        let mut name = None;
        let mut node = Node {
            name: Name::Number(0),
            capacity: Resources::ZERO,
            gpus: 0,
            attributes: Vec::new(),
            domains: Vec::new(),
        };
        for (at, slot) in self.slots.iter().enumerate() {
            let cell = cell(at);
            let column = || format!("column `{}`", self.columns.get(at).map_or("", String::as_str));
            let refuse = |expected: &'static str| cell.with_text(|text| Bad::new(column(), text, expected));
            let word = || cell.with_text(|text| String::from_utf8_lossy(text).into_owned());
            match slot {
                FleetSlot::Node => name = cell.name(),
                FleetSlot::Capacity(lane) if *lane == CPU || cell != Cell::Empty => {
                    let expected = match *lane {
                        CPU => "a whole number of millicores below 2^32",
                        MEMORY | DISK => "a whole number of MiB below 2^32",
                        _ => "a whole number below 2^32",
                    };
                    let amount = cell.whole().and_then(|number| u32::try_from(number).ok());
                    node.capacity[*lane] = amount.ok_or_else(|| refuse(expected))?;
                }
                FleetSlot::Gpus if cell != Cell::Empty => {
                    let gpus = cell.whole().filter(|&gpus| gpus <= 64).and_then(|gpus| u8::try_from(gpus).ok());
                    node.gpus = gpus.ok_or_else(|| refuse("a number of devices from 0 to 64"))?;
                    node.capacity[GPU] = u32::from(node.gpus) * 1_000;
                }
                FleetSlot::Attribute(name) if cell != Cell::Empty => node.attributes.push((name.clone(), word())),
                FleetSlot::Domain(kind) if cell != Cell::Empty => node.domains.push((kind.clone(), word())),
                _ => {}
            }
        }
        node.name = name.ok_or_else(|| Bad::new("column `node`", b"", "the name of a node"))?;
        if !self.names.insert(node.name.clone()) {
            return Err(Bad::new("column `node`", node.name.to_string().as_bytes(), "a name that no node above has"));
        }
        self.nodes.push(node);
        Ok(())
    }
}

fn from_csv(input: &Input) -> Result<Builder, SourceError> {
    let mut table = Table::open(vec![input.clone()])?;
    let mut builder = Builder::new(table.columns(), table.place())?;
    loop {
        let read = match table.advance() {
            Ok(false) => return Ok(builder),
            Ok(true) => builder.row(|at| Cell::text(table.record().get(at).unwrap_or_default())),
            Err(Trouble::Bad(bad)) => Err(bad),
            Err(Trouble::Stop(error)) => return Err(error),
        };
        read.map_err(|bad| bad.in_fleet(table.place()))?;
    }
}

fn from_parquet(input: &Input) -> Result<Builder, SourceError> {
    let mut file = ParquetFile::open(input)?;
    let mut builder = Builder::new(&file.columns, Place { file: input.name(), line: 1 })?;
    let mut line = 0;
    while let Some(frame) = file.next_slice()? {
        let values = values_of(input.name(), &frame)?;
        for row in 0..frame.height() {
            line += 1;
            builder
                .row(|at| values.get(at).map_or(Cell::Empty, |values| values.cell(row)))
                .map_err(|bad| bad.in_fleet(Place { file: input.name(), line }))?;
        }
    }
    Ok(builder)
}
