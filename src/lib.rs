//! Decides whether a stage of an Azure Pipelines run may touch a protected resource.

pub mod azure_devops;
pub mod check;
pub mod checks_file;
pub mod clock;
pub mod conditions;
pub mod evaluation;
pub mod examination;
pub mod facts;
pub mod plan_url;
pub mod sources;
pub mod token;
