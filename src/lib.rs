//! Decides whether a stage of an Azure Pipelines run may touch a protected resource.

pub mod clock;
pub mod plan_url;
pub mod token;
