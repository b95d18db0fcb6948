//! Decides whether a stage of an Azure Pipelines run may touch a protected resource.

pub mod clock;
