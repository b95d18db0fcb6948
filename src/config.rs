//! Settings of the function app. The only module that reads the environment.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::azure_devops;
use crate::http::managed_identity::ManagedIdentity;
use crate::queue::Storage;
use crate::task::plan_url::AllowedPlanUrls;
use crate::task::sealer::Sealer;

/// The key in the repository's `local.settings.json`: known to everybody, so refused in Azure.
const DEVELOPMENT_SEALING_KEY: &str = "Y2hlY2tnYXRlLWxvY2FsLWRldmVsb3BtZW50LWtleS4=";

/// The settings of the process.
pub struct Config {
    /// The port that the Functions host calls, on 127.0.0.1.
    pub port: u16,
    /// Where the queue is.
    pub storage: Storage,
    /// Where decisions may be sent.
    pub allowed_plan_urls: AllowedPlanUrls,
    /// Seals the tokens in queue messages.
    pub sealer: Sealer,
    /// Where the checks are defined.
    pub checks_file: PathBuf,
    /// Whether a delivery may bring its own definition.
    pub allow_inline_checks: bool,
    /// The version of Azure DevOps' REST API; `7.0` for Azure DevOps Server 2022.
    pub api_version: String,
    /// A file of PEM certificates to trust besides the public ones.
    pub extra_root_certificates: Option<PathBuf>,
    /// Whether the app runs on a developer's machine, where somebody edits its files.
    pub is_development: bool,
    /// Whether the Functions host has started the process, which then ends when the host ends.
    pub is_under_host: bool,
    /// The settings that `checks.yaml` names and those of the managed identity: which ones is known only later.
    pub settings: Settings,
}

/// How the handler writes its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A sentence for each event, for the person in front of the terminal.
    Text,
    /// A line of JSON for each event, which the host ranks by its level.
    Json,
}

/// How the log is written: as the app setting `LogFormat` says, else for people on a developer's machine and in JSON in
/// Azure.
///
/// # Errors
///
/// When the setting is neither `text` nor `json`.
pub fn log_format(lookup: Lookup<'_>) -> Result<LogFormat, ConfigError> {
    match lookup("LogFormat").as_deref() {
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => Err(wrong("LogFormat", format!("is neither text nor json: `{other}`"), "json")),
        None if is_development(lookup) || !is_under_host(lookup) => Ok(LogFormat::Text),
        None => Ok(LogFormat::Json),
    }
}

/// Core Tools sets it; in Azure it is absent, unless somebody asks for it.
fn is_development(lookup: Lookup<'_>) -> bool {
    lookup("AZURE_FUNCTIONS_ENVIRONMENT").is_some_and(|name| name.eq_ignore_ascii_case("Development"))
}

fn is_under_host(lookup: Lookup<'_>) -> bool {
    lookup("FUNCTIONS_CUSTOMHANDLER_WORKER_ID").is_some()
}

/// A setting that is missing or wrong: one sentence that names it and shows a valid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    problem: String,
    example: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "app setting {} {}; set it for instance to {}", self.setting, self.problem, self.example)
    }
}

impl std::error::Error for ConfigError {}

/// Settings that are read by name later. The process's environment, unless replaced.
#[derive(Clone)]
pub struct Settings(Arc<Read>);

type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Settings {
    /// Settings that `lookup` answers.
    pub fn from_fn(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// Reads one.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

/// Reads one setting.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a setting of the process, empty ones counting as absent.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

impl Config {
    /// Reads and checks the settings of the process. [`log_format`] is read before it, and those that `checks.yaml` names
    /// when a connection is made.
    ///
    /// # Errors
    ///
    /// The first setting that is missing or wrong.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        // App Service sets it on every plan; Core Tools does not.
        let is_local = lookup("WEBSITE_SITE_NAME").is_none();
        let app_root = lookup("FUNCTIONS_APP_ROOT_PATH").map_or_else(|| PathBuf::from("."), PathBuf::from);
        Ok(Self {
            port: port(lookup)?,
            storage: storage(lookup)?,
            allowed_plan_urls: allowed_plan_urls(lookup)?,
            sealer: sealer(lookup, is_local)?,
            checks_file: app_root.join(lookup("ChecksFile").unwrap_or_else(|| "checks.yaml".to_owned())),
            allow_inline_checks: switch(lookup, "AllowInlineChecks", true)?,
            api_version: api_version(lookup)?,
            extra_root_certificates: lookup("ExtraRootCertificates").map(PathBuf::from),
            is_development: is_development(lookup),
            is_under_host: is_under_host(lookup),
            settings: Settings::from_fn(environment),
        })
    }
}

fn missing(setting: &'static str, example: &'static str) -> ConfigError {
    ConfigError { setting, problem: "is missing".to_owned(), example }
}

fn wrong(setting: &'static str, problem: impl Into<String>, example: &'static str) -> ConfigError {
    ConfigError { setting, problem: problem.into(), example }
}

fn port(lookup: Lookup<'_>) -> Result<u16, ConfigError> {
    const NAME: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
    const EXAMPLE: &str = "7072 (the Functions host sets it: start the app with `func start`)";
    let text = lookup(NAME).ok_or_else(|| missing(NAME, EXAMPLE))?;
    text.trim().parse().map_err(|_| wrong(NAME, format!("is not a port: `{text}`"), EXAMPLE))
}

/// Reads where the queue is: the settings of the connection `AzureWebJobsStorage`.
fn storage(lookup: Lookup<'_>) -> Result<Storage, ConfigError> {
    const NAME: &str = "AzureWebJobsStorage";
    const EXAMPLE: &str = "UseDevelopmentStorage=true, or DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…";
    if let Some(text) = lookup(NAME) {
        let storage = connection_string(text);
        return storage.check().map(|()| storage).map_err(|why| wrong(NAME, format!("is wrong: {why}"), EXAMPLE));
    }
    let account =
        lookup("AzureWebJobsStorage__accountName").map(|name| format!("https://{name}.queue.core.windows.net"));
    let uri = account.or_else(|| lookup("AzureWebJobsStorage__queueServiceUri"));
    let queue_service_uri = uri.ok_or_else(|| missing(NAME, EXAMPLE))?.trim_end_matches('/').to_owned();
    let credential = lookup("AzureWebJobsStorage__credential").unwrap_or_default();
    if !credential.eq_ignore_ascii_case("managedidentity") {
        return Err(wrong("AzureWebJobsStorage__credential", format!("is `{credential}`"), "managedidentity"));
    }
    let identity = ManagedIdentity::of_process(lookup, lookup("AzureWebJobsStorage__clientId")).ok_or_else(|| {
        missing("IDENTITY_ENDPOINT", "the value that Azure sets once the function app has a managed identity")
    })?;
    Ok(Storage::Identity { queue_service_uri, credential: Arc::new(identity) })
}

/// A connection string as a setting, which says what is wrong without repeating it.
fn connection_string(text: String) -> Storage {
    if text.trim().trim_end_matches(';').eq_ignore_ascii_case("UseDevelopmentStorage=true") {
        Storage::Development
    } else {
        Storage::ConnectionString(SecretString::from(text))
    }
}

fn allowed_plan_urls(lookup: Lookup<'_>) -> Result<AllowedPlanUrls, ConfigError> {
    const NAME: &str = "AllowedPlanUrls";
    let text = lookup(NAME).unwrap_or_else(|| AllowedPlanUrls::DEFAULT.to_owned());
    text.parse().map_err(|why: String| wrong(NAME, format!("is wrong: {why}"), AllowedPlanUrls::DEFAULT))
}

fn sealer(lookup: Lookup<'_>, is_local: bool) -> Result<Sealer, ConfigError> {
    const EXAMPLE: &str = "the output of `checkgate keygen` (32 random bytes in base64)";
    let current = lookup("TokenSealingKey").ok_or_else(|| missing("TokenSealingKey", EXAMPLE))?;
    if !is_local && current.trim() == DEVELOPMENT_SEALING_KEY {
        return Err(wrong(
            "TokenSealingKey",
            "is the development key of local.settings.json, which everybody knows",
            EXAMPLE,
        ));
    }
    let previous = lookup("TokenSealingKeyPrevious");
    Sealer::new(&current, previous.as_deref())
        .map_err(|(setting, why)| wrong(setting, format!("is wrong: {why}"), EXAMPLE))
}

fn switch(lookup: Lookup<'_>, name: &'static str, default: bool) -> Result<bool, ConfigError> {
    match lookup(name).map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        None => Ok(default),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(wrong(name, format!("is neither true nor false: `{other}`"), "true")),
    }
}

pub(crate) fn api_version(lookup: Lookup<'_>) -> Result<String, ConfigError> {
    const NAME: &str = "AzureDevOpsApiVersion";
    let text = lookup(NAME).unwrap_or_else(|| azure_devops::API_VERSION.to_owned());
    let is_version = text.split_once('.').is_some_and(|(major, minor)| {
        [major, minor].iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
    });
    if is_version { Ok(text) } else { Err(wrong(NAME, format!("is not a version: `{text}`"), "7.1")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, Option<&str>)]) -> Result<Config, String> {
        let lookup = |name: &str| {
            if let Some((_, value)) = changes.iter().find(|(changed, _)| *changed == name) {
                return value.map(str::to_owned);
            }
            match name {
                "FUNCTIONS_CUSTOMHANDLER_PORT" => Some("7072".to_owned()),
                "AzureWebJobsStorage" => Some("UseDevelopmentStorage=true".to_owned()),
                "TokenSealingKey" => Some(DEVELOPMENT_SEALING_KEY.to_owned()),
                _ => None,
            }
        };
        Config::read(&lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn the_settings_of_local_development_are_enough() {
        let config = read(&[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((config.port, config.allow_inline_checks, config.is_under_host), (7072, true, false));
    }

    #[test]
    fn each_wrong_setting_is_named_with_a_valid_value() {
        for (name, value, shows) in [
            ("FUNCTIONS_CUSTOMHANDLER_PORT", None, "7072"),
            ("FUNCTIONS_CUSTOMHANDLER_PORT", Some("http"), "`http`"),
            ("AzureWebJobsStorage", None, "UseDevelopmentStorage=true"),
            ("AzureWebJobsStorage", Some("AccountKey=c2VjcmV0"), "DefaultEndpointsProtocol"),
            ("AllowedPlanUrls", Some("ftp://x"), "https://dev.azure.com/"),
            ("TokenSealingKey", None, "checkgate keygen"),
            ("TokenSealingKey", Some("c2hvcnQ="), "32 bytes"),
            ("AllowInlineChecks", Some("maybe"), "`maybe`"),
            ("AzureDevOpsApiVersion", Some("latest"), "7.1"),
        ] {
            let error = read(&[(name, value)]).err().unwrap_or_else(|| panic!("{name} {value:?} is accepted"));
            assert!(error.contains(name) && error.contains(shows), "{error}");
            assert!(!error.contains("c2VjcmV0"), "{error}");
        }
    }

    #[test]
    fn the_development_key_is_refused_in_azure() {
        let error = read(&[("WEBSITE_SITE_NAME", Some("fabrikam-checks"))]).err().expect("a refusal");
        assert!(error.contains("TokenSealingKey"), "{error}");
    }
}
