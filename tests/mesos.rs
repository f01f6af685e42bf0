//! Conformance with Apache Mesos and what grew around it: a test for each numbered behaviour.

mod failure;
