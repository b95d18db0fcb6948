//! Settings of the function app. The only room that reads the environment.

mod decision_records;
mod environment;
mod identity;
mod log_format;
pub mod reference;
mod telemetry;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::azure_devops;
use crate::decision_log::Container;
use crate::host::Host;
use crate::http::managed_identity::ManagedIdentity;
use crate::queue::Storage;
use crate::task::plan_url::AllowedPlanUrls;
use crate::task::sealer::Sealer;

pub use environment::{Lookup, Settings, environment};
pub use identity::decided_with;
use log_format::is_development;
pub use log_format::{LogFormat, log_format};
pub use telemetry::telemetry;

/// The key in the repository's `local.settings.json`: known to everybody, so refused in Azure.
const DEVELOPMENT_SEALING_KEY: &str = "Y2hlY2tnYXRlLWxvY2FsLWRldmVsb3BtZW50LWtleS4=";

/// A token for the queue service, where there is no managed identity: for the commands that a person runs.
pub const STORAGE_TOKEN: &str = "CHECKGATE_STORAGE_TOKEN";

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
    /// Acts where a check's token cannot any more, if the operator wants that.
    pub identity: Option<ManagedIdentity>,
    /// Where records of decisions are appended besides the log, if anywhere.
    pub decision_records: Option<Container>,
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
    /// What the Functions host makes of the app.
    pub host: Host,
    /// What is wrong in the settings and with the host: a sentence for each, for the answer to deliveries.
    pub problems: Vec<String>,
    /// The settings that `checks.yaml` names and those of the managed identity: which ones is known only later.
    pub settings: Settings,
}

/// A setting that is missing or wrong: one sentence that names it and shows a valid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: String,
    problem: String,
    example: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "app setting {} {}; set it for instance to {}", self.setting, self.problem, self.example)
    }
}

impl std::error::Error for ConfigError {}

/// Whether the Functions host has started the process.
#[must_use]
pub fn is_under_host(lookup: Lookup<'_>) -> bool {
    lookup("FUNCTIONS_CUSTOMHANDLER_WORKER_ID").is_some()
}

/// The folder of the function app.
#[must_use]
pub fn app_root(lookup: Lookup<'_>) -> PathBuf {
    lookup("FUNCTIONS_APP_ROOT_PATH").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

impl Config {
    /// Reads and checks the settings of the process. [`log_format()`] is read before it, and those that `checks.yaml` names
    /// when a connection is made. A wrong setting is a problem, on which deliveries are refused, and the checks that
    /// wait go on as well as they can.
    ///
    /// # Errors
    ///
    /// A setting that is missing or wrong without which nothing can be served.
    pub fn read(lookup: Lookup<'_>, host: Host) -> Result<Self, ConfigError> {
        // App Service sets it on every plan; Core Tools does not.
        let is_local = lookup("WEBSITE_SITE_NAME").is_none();
        let mut problems = host.problems.clone();
        Ok(Self {
            port: port(lookup)?,
            storage: storage(lookup, &host.connection)?,
            allowed_plan_urls: allowed_plan_urls(lookup, is_local, &mut problems),
            sealer: sealer(lookup, is_local, &mut problems),
            identity: identity::identity(lookup, &mut problems),
            decision_records: decision_records::container(lookup, &host.connection, &mut problems),
            checks_file: app_root(lookup).join(lookup("ChecksFile").unwrap_or_else(|| "checks.yaml".to_owned())),
            allow_inline_checks: switch(lookup, "AllowInlineChecks", is_local).unwrap_or_else(|error| {
                problems.push(error.to_string());
                false
            }),
            api_version: api_version(lookup).unwrap_or_else(|error| {
                problems.push(error.to_string());
                azure_devops::API_VERSION.to_owned()
            }),
            extra_root_certificates: lookup("ExtraRootCertificates").map(PathBuf::from),
            is_development: is_development(lookup),
            is_under_host: is_under_host(lookup),
            settings: Settings::from_fn(environment),
            problems,
            host,
        })
    }
}

fn missing(setting: &str, example: &'static str) -> ConfigError {
    wrong(setting, "is missing", example)
}

fn wrong(setting: &str, problem: impl Into<String>, example: &'static str) -> ConfigError {
    ConfigError { setting: setting.to_owned(), problem: problem.into(), example }
}

/// The port that the Functions host calls.
///
/// # Errors
///
/// When it is missing, or not a port.
pub fn port(lookup: Lookup<'_>) -> Result<u16, ConfigError> {
    const NAME: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
    const EXAMPLE: &str = "7072 (the Functions host sets it: start the app with `func start`; `checkgate --help` lists the commands for people)";
    let text = lookup(NAME).ok_or_else(|| missing(NAME, EXAMPLE))?;
    text.trim().parse().map_err(|_| wrong(NAME, format!("is not a port: `{text}`"), EXAMPLE))
}

/// Reads where the queue is: the settings of a connection, such as `AzureWebJobsStorage`.
fn storage(lookup: Lookup<'_>, connection: &str) -> Result<Storage, ConfigError> {
    const EXAMPLE: &str = "UseDevelopmentStorage=true, or DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…";
    let part = |name: &str| lookup(&format!("{connection}__{name}"));
    if let Some(text) = lookup(connection) {
        let storage = connection_string(text);
        return storage.check().map(|()| storage).map_err(|why| wrong(connection, format!("is wrong: {why}"), EXAMPLE));
    }
    let account = part("accountName").map(|name| format!("https://{name}.queue.core.windows.net"));
    let uri = account.or_else(|| part("queueServiceUri")).or_else(|| part("serviceUri"));
    let queue_service_uri = uri.ok_or_else(|| missing(connection, EXAMPLE))?.trim_end_matches('/').to_owned();
    // Without it, the platform uses the system-assigned identity.
    let credential = part("credential").unwrap_or_else(|| "managedidentity".to_owned());
    if !credential.eq_ignore_ascii_case("managedidentity") {
        let name = format!("{connection}__credential");
        return Err(wrong(&name, format!("is `{credential}`"), "managedidentity"));
    }
    match (ManagedIdentity::of_process(lookup, part("clientId")), lookup(STORAGE_TOKEN)) {
        (Some(identity), _) => Ok(Storage::Identity { queue_service_uri, credential: Arc::new(identity) }),
        (None, Some(token)) => Ok(Storage::with_token(queue_service_uri, token)),
        (None, None) => {
            Err(missing("IDENTITY_ENDPOINT", "the value that Azure sets once the function app has a managed identity"))
        }
    }
}

/// A connection string as a setting, which says what is wrong without repeating it.
fn connection_string(text: String) -> Storage {
    if text.trim().trim_end_matches(';').eq_ignore_ascii_case("UseDevelopmentStorage=true") {
        Storage::Development
    } else {
        Storage::ConnectionString(SecretString::from(text))
    }
}

fn allowed_plan_urls(lookup: Lookup<'_>, is_local: bool, problems: &mut Vec<String>) -> AllowedPlanUrls {
    const NAME: &str = "AllowedPlanUrls";
    const EXAMPLE: &str = "https://dev.azure.com/fabrikam/ with the name of your organisation";
    let text = lookup(NAME);
    let (mut allowed, wrong_parts) = AllowedPlanUrls::read(text.as_deref().unwrap_or(AllowedPlanUrls::DEFAULT));
    problems.extend(wrong_parts.iter().map(|why| wrong(NAME, format!("is wrong: {why}"), EXAMPLE).to_string()));
    if allowed.is_empty() {
        // Deliveries are refused. A check that waits was admitted when it was delivered.
        (allowed, _) = AllowedPlanUrls::read(AllowedPlanUrls::DEFAULT);
    } else if !is_local && allowed.admits_every_organisation() {
        let found = if text.is_some() { "admits" } else { "is missing, which admits" };
        problems.push(wrong(NAME, format!("{found} every organisation of Azure DevOps"), EXAMPLE).to_string());
    }
    allowed
}

/// Reads the keys. Without a good one, the checks that wait must wait for it: nothing opens, and nothing is delivered that
/// would be sealed with a key that nobody keeps.
fn sealer(lookup: Lookup<'_>, is_local: bool, problems: &mut Vec<String>) -> Sealer {
    const NAME: &str = "TokenSealingKey";
    const EXAMPLE: &str = "the output of `checkgate keygen` (32 random bytes in base64)";
    let mut note = |setting: &str, problem: String| problems.push(wrong(setting, problem, EXAMPLE).to_string());
    let Some(current) = lookup(NAME) else {
        problems.push(missing(NAME, EXAMPLE).to_string());
        return Sealer::of_nobody();
    };
    if !is_local && current.trim() == DEVELOPMENT_SEALING_KEY {
        note(NAME, "is the development key of local.settings.json, which everybody knows".to_owned());
        return Sealer::of_nobody();
    }
    let previous = lookup("TokenSealingKeyPrevious");
    let sealer = Sealer::new(&current, previous.as_deref()).or_else(|(setting, why)| {
        note(setting, format!("is wrong: {why}"));
        Sealer::new(&current, None)
    });
    sealer.unwrap_or_else(|_| Sealer::of_nobody())
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
        let config = Config::read(&lookup, Host::shipped()).map_err(|error| error.to_string())?;
        if config.problems.is_empty() { Ok(config) } else { Err(config.problems.join("; ")) }
    }

    #[test]
    fn the_settings_of_local_development_are_enough() {
        let config = read(&[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((config.port, config.allow_inline_checks, config.is_under_host), (7072, true, false));
    }

    #[test]
    fn use_development_storage_stands_for_the_emulator() {
        for text in ["UseDevelopmentStorage=true", " usedevelopmentstorage=TRUE; "] {
            let config = read(&[("AzureWebJobsStorage", Some(text))]).unwrap_or_else(|error| panic!("{error}"));
            assert!(matches!(config.storage, Storage::Development), "{text}");
        }
        let off = read(&[("AzureWebJobsStorage", Some("UseDevelopmentStorage=false"))]);
        assert!(off.err().expect("a refusal").contains("AzureWebJobsStorage is wrong"));
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
            ("DecisionRecords", Some("http://a.blob.core.windows.net/d?sig=c2VjcmV0"), "https://account.blob."),
            ("DecisionRecords", Some("https://a.blob.core.windows.net/d"), "no managed identity"),
        ] {
            let error = read(&[(name, value)]).err().unwrap_or_else(|| panic!("{name} {value:?} is accepted"));
            assert!(error.contains(name) && error.contains(shows), "{error}");
            assert!(!error.contains("c2VjcmV0"), "{error}");
        }
    }

    #[test]
    fn an_identity_that_the_app_does_not_have_is_a_mistake() {
        let wanted = ("DecideWithManagedIdentity", Some("true"));
        let error = read(&[wanted]).err().expect("a refusal");
        assert!(
            error.contains("IDENTITY_ENDPOINT is missing") && error.contains("set DecideWithManagedIdentity"),
            "{error}"
        );
        let offered = [("IDENTITY_ENDPOINT", Some("http://127.0.0.1:1/token")), ("IDENTITY_HEADER", Some("x"))];
        let of = |wanted| read(&[wanted, offered[0], offered[1]]).unwrap_or_else(|error| panic!("{error}")).identity;
        assert!(of(wanted).is_some());
        assert!(of(("DecideWithManagedIdentity", None)).is_none(), "it is off unless it is wanted");
    }

    /// The name that every function app in Azure has.
    const IN_AZURE: (&str, Option<&str>) = ("WEBSITE_SITE_NAME", Some("fabrikam-checks"));

    #[test]
    fn the_development_key_is_refused_in_azure() {
        let error = read(&[IN_AZURE]).err().expect("a refusal");
        assert!(error.contains("TokenSealingKey is the development key"), "{error}");
    }

    #[test]
    fn in_azure_an_organisation_must_be_named_and_inline_definitions_are_off() {
        let key = Sealer::generate_key().expect("random numbers");
        let with = |name, value| read(&[IN_AZURE, ("TokenSealingKey", Some(&key)), (name, value)]);
        for wide in [None, Some("https://dev.azure.com/"), Some("https://dev.azure.com/a/,https://*.visualstudio.com/")]
        {
            let error = with("AllowedPlanUrls", wide).err().unwrap_or_else(|| panic!("{wide:?} is accepted"));
            assert!(
                error.contains("every organisation") && error.contains("https://dev.azure.com/fabrikam/"),
                "{error}"
            );
            assert!(!error.contains("TokenSealingKey"), "{error}");
        }
        for named in
            ["https://dev.azure.com/fabrikam", "https://fabrikam.visualstudio.com/", "https://tfs.example/tfs/"]
        {
            let config = with("AllowedPlanUrls", Some(named)).unwrap_or_else(|error| panic!("{error}"));
            assert!(!config.allow_inline_checks);
        }
        let named = ("AllowedPlanUrls", Some("https://dev.azure.com/fabrikam/"));
        let config = read(&[IN_AZURE, named, ("TokenSealingKey", Some(&key)), ("AllowInlineChecks", Some("true"))]);
        assert!(config.unwrap_or_else(|error| panic!("{error}")).allow_inline_checks);
    }

    #[test]
    fn an_account_name_is_enough_for_the_system_assigned_identity() {
        let name = ("AzureWebJobsStorage__accountName", Some("fabrikam"));
        let identity = [("IDENTITY_ENDPOINT", Some("http://127.0.0.1:1/token")), ("IDENTITY_HEADER", Some("x"))];
        let config = read(&[("AzureWebJobsStorage", None), name, identity[0], identity[1]]);
        let storage = config.unwrap_or_else(|error| panic!("{error}")).storage;
        let Storage::Identity { queue_service_uri, .. } = storage else { panic!("another storage") };
        assert_eq!(queue_service_uri, "https://fabrikam.queue.core.windows.net");
        let other = ("AzureWebJobsStorage__credential", Some("workload"));
        let error = read(&[("AzureWebJobsStorage", None), name, other]).err().expect("a refusal");
        assert!(error.contains("AzureWebJobsStorage__credential is `workload`"), "{error}");
    }
}
