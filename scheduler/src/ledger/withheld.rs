//! Room that is promised to whoever comes, while somebody still has to leave it.

use alloc::vec::Vec;

use crate::event::{GpuSet, Room};
use crate::id::NodeId;
use crate::resources::{GPU, Resources};

/// Room of a node that somebody still holds who has to leave it.
#[derive(Clone, Debug)]
pub struct Withheld {
    pub(super) node: NodeId,
    pub(super) lanes: Resources,
    pub(super) devices: Vec<(u8, u16)>,
}

impl Withheld {
    /// Where.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The same as rooms that can be taken one by one, like `room` in everything else: one for each amount that is
    /// withheld of a device, the first with all other lanes.
    #[must_use]
    pub fn rooms(&self, room: &Room) -> Vec<Room> {
        let mut rooms: Vec<Room> = Vec::new();
        for &(device, milli) in &self.devices {
            match rooms.iter_mut().find(|room| room.milli == milli) {
                Some(room) => room.gpus.0 |= 1 << device,
                None => rooms.push(Room { gpus: GpuSet(1 << device), milli, request: Resources::ZERO, ..*room }),
            }
        }
        if rooms.is_empty() && self.lanes != Resources::ZERO {
            rooms.push(Room { gpus: GpuSet::NONE, milli: 0, request: Resources::ZERO, ..*room });
        }
        for (at, room) in rooms.iter_mut().enumerate() {
            let devices = room.gpus.len() * u32::from(room.milli);
            room.request = if at == 0 { self.lanes } else { Resources::ZERO };
            room.request[GPU] = devices;
        }
        rooms
    }
}
