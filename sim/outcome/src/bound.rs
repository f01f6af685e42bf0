//! Lower bounds on nodes.
