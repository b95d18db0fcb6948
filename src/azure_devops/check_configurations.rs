//! The checks that administrators put on resources:
//! <https://learn.microsoft.com/rest/api/azure/devops/approvalsandchecks/check-configurations>.

use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::resources::Resource;
use super::session::{Body, Call, Wrapped};
use super::{Error, Session};

/// How many resources one query names. The service's limit is not documented.
pub const RESOURCES_AT_ONCE: usize = 100;

const CONFIGURATIONS: &str = "pipelines/checks/configurations";

/// A check on a resource, whole: an update replaces all of it, so what is not understood is kept and written back.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct CheckConfiguration(pub Value);

/// It may hold a function key.
impl fmt::Debug for CheckConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckConfiguration({})", self.id())
    }
}

impl CheckConfiguration {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0["id"].as_u64().unwrap_or_default()
    }

    /// Whether it is on this resource.
    #[must_use]
    pub fn is_on(&self, resource: &Resource) -> bool {
        let on = &self.0["resource"];
        let is = |name: &str, value: &str| on[name].as_str().is_some_and(|found| found.eq_ignore_ascii_case(value));
        is("type", resource.kind.word()) && is("id", &resource.id)
    }
}

impl Session<'_> {
    /// The checks on these resources, with their settings. One resource whose checks may not be seen refuses all.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn check_configurations(&self, resources: &[&Resource]) -> Result<Vec<CheckConfiguration>, Error> {
        let named: Vec<Value> =
            resources.iter().map(|it| json!({"type": it.kind.word(), "id": it.id, "name": it.name})).collect();
        let path = self.in_project("pipelines/checks/queryconfigurations?$expand=settings");
        let call = self.preview("read the checks of the resources", Method::POST, (&path, Some(named.into())));
        let answer: Wrapped<CheckConfiguration> = self.call(call).await?;
        Ok(answer.value)
    }

    /// One check with its settings.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn check_configuration(&self, id: u64) -> Result<CheckConfiguration, Error> {
        let path = self.in_project(&format!("{CONFIGURATIONS}/{id}?$expand=settings"));
        self.call(self.preview("read the check", Method::GET, (&path, None))).await
    }

    /// Creates a check.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn create_check_configuration(&self, check: &Value) -> Result<CheckConfiguration, Error> {
        let path = self.in_project(CONFIGURATIONS);
        self.call(self.preview("create the check", Method::POST, (&path, Some(check.clone())))).await
    }

    /// Replaces a check.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn update_check_configuration(&self, id: u64, check: &Value) -> Result<CheckConfiguration, Error> {
        let path = self.in_project(&format!("{CONFIGURATIONS}/{id}"));
        self.call(self.preview("change the check", Method::PATCH, (&path, Some(check.clone())))).await
    }

    fn preview<'a>(&self, what: &'static str, method: Method, (path, body): (&'a str, Option<Value>)) -> Call<'a> {
        let body = body.map_or(Body::Empty, Body::Json);
        Call { what, method, path, body, version: Some(self.preview_version()) }
    }
}
