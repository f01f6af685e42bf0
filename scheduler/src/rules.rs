//! What single jobs are held to beyond what holds for all: when they have to start, what becomes of tasks that fail,
//! how replicas are kept running. A part of what is asked; see [`crate::event::JobSpec`].

use crate::event::Retry;
use crate::service::{Delays, Strategy};
use crate::time::{Span, Time};

/// What a job is held to beyond what holds for every job. Few jobs are held to anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rules {
    /// None of its tasks starts for the first time after this instant: those that wait then are given up.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub start_by: Option<Time>,
    /// How often and how soon a task that failed of its own is tried again; none: never.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub failures: Option<Retry>,
    /// Of a service: how long a replica that failed, ended or did not launch is not started again; none: not at all.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub delays: Option<Delays>,
    /// Of a service: when a replica is replaced whose node cannot be reached; none: at once.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub unreachable: Option<Strategy>,
    /// Its tasks are ended at this instant: one too many of a service, that came back.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub leave_at: Option<Time>,
    /// Of a service: its replicas belong to their nodes; none: they go anywhere.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub resident: Option<Resident>,
}

/// What holds for services whose replicas belong to their nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Resident {
    /// After so long without its node a replica may go elsewhere; none: never.
    pub replace_after: Option<Span>,
}
