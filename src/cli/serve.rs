//! Serves the Functions host: from the settings to a listening process, and when it ends.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;

use super::block_on;
use crate::App;
use crate::azure_devops::{self, AzureDevOps};
use crate::check::DecidedWith;
use crate::checks_file::{ChecksFile, CurrentChecks, Rules};
use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, Lookup, Settings};
use crate::decision_log::{DecisionLog, Patience};
use crate::events::Event;
use crate::host::Host;
use crate::http::managed_identity::ManagedIdentity;
use crate::http::resolver::{OutsideResolver, SystemResolver};
use crate::notices::UnderWay;
use crate::queue::CheckQueue;
use crate::queue::claim::ClaimTimes;
use crate::queue::watch::Watch;
use crate::reevaluate_function;
use crate::routes;
use crate::sources::{Sources, Webhooks};

/// How often the process checks whether the Functions host is still alive.
#[cfg(unix)]
const LOOK_AT_PARENT_EVERY: Duration = Duration::from_millis(500);

/// How long a request to the storage account may take to connect.
const QUEUE_CONNECT_TIMEOUT: Duration = Duration::from_millis(900);

/// How long one try to create the queue may take.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest pause between two tries, which jitter may double.
const LONGEST_WARM_UP_PAUSE: Duration = Duration::from_secs(30);

/// How often the process looks for acknowledged checks that nobody evaluates: short against the shortest time between a
/// check's deadline and its timeout.
const LOOK_FOR_CHECKS_EVERY: Duration = Duration::from_secs(3);

/// Serves until the process is killed: the host has no other way to stop it. A clock other than the system's shows how a
/// long wait goes, in less time.
#[must_use]
pub fn serve(clock: Clock) -> ExitCode {
    block_on(super::telemetry::around(run(clock)))
}

/// Ends the process with this line in its log.
fn end(why: &str) -> ExitCode {
    Event::HandlerEnded.report(why);
    ExitCode::FAILURE
}

async fn run(clock: Clock) -> ExitCode {
    let lookup = &config::environment;
    let port = match config::port(lookup) {
        Ok(port) => port,
        Err(error) => return end(&error.to_string()),
    };
    let is_under_host = config::is_under_host(lookup);
    let app = read_config(lookup).map_err(|error| error.to_string()).and_then(|config| build_app(config, clock));
    // The host calls 127.0.0.1. Nobody outside this machine may call.
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => listener,
        Err(error) => {
            return end(&format!("port {port} of FUNCTIONS_CUSTOMHANDLER_PORT cannot be listened on: {error}"));
        }
    };
    tokio::select! {
        () = serve_or_refuse(app, listener) => end("the server ended"),
        code = interrupted(is_under_host) => code,
        () = orphaned(is_under_host) => ExitCode::FAILURE,
    }
}

/// Serves. What is wrong is logged, and does not end the process: the host would start it again, twice, and then end itself,
/// and the pipeline's log would say nothing.
async fn serve_or_refuse(app: Result<App, String>, listener: TcpListener) {
    match app {
        Ok(app) => {
            app.problems.iter().for_each(|problem| Event::AppMisconfigured.say(problem));
            app.host.warnings.iter().for_each(|warning| Event::SettingDoubtful.say(warning));
            tracing::info!("serving");
            let app = Arc::new(app);
            let warm = Arc::clone(&app);
            tokio::spawn(async move { warm_up(&warm.queue).await });
            tokio::spawn(watch(Arc::clone(&app)));
            routes::serve(app, listener).await;
        }
        Err(problem) => {
            Event::AppMisconfigured.say(&problem);
            routes::refuse(problem, listener).await;
        }
    }
}

/// Reads the app's settings, and the files that the host reads.
///
/// # Errors
///
/// A setting that is missing or wrong without which nothing can be served.
pub fn read_config(lookup: Lookup<'_>) -> Result<Config, ConfigError> {
    let files = super::app_folder::read(&config::app_root(lookup));
    Config::read(lookup, Host::read(&files, lookup))
}

/// Creates the queue, until it is there: the host's queue listener waits for it and never creates it. Meanwhile the port is
/// open. This also opens the connection and obtains the identity's token, before the first delivery needs them.
async fn warm_up(queue: &CheckQueue) {
    let pauses = ExponentialBuilder::default().with_max_delay(LONGEST_WARM_UP_PAUSE).with_jitter().without_max_times();
    let create = || async {
        let created = tokio::time::timeout(WARM_UP_TIMEOUT, queue.create()).await;
        created.unwrap_or_else(|_| Err("it did not answer".to_owned()))
    };
    let warn = |why: &String, _| Event::QueueNotCreated.report(why);
    let _ = create.retry(pauses).notify(warn).await;
}

/// Looks for acknowledged checks that nobody evaluates, as long as the process lives.
async fn watch(app: Arc<App>) {
    let mut interval = tokio::time::interval(LOOK_FOR_CHECKS_EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let app = Arc::clone(&app);
        // A task of its own: a panic in one look does not end the next.
        let _ = tokio::spawn(async move { reevaluate_function::watch::look(&app).await }).await;
    }
}

/// Ctrl+C reaches every process of the terminal. Under the host, the host ends this process: if it exited by itself, that
/// would look like a crash, and exit code 0 would mean that it must not be started again.
async fn interrupted(is_under_host: bool) -> ExitCode {
    loop {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        if !is_under_host {
            return ExitCode::from(130);
        }
    }
}

/// Ends when the Functions host is gone without stopping this process, as when it is killed.
///
/// `PR_SET_PDEATHSIG` would be shorter, but it fires when the *thread* that started this process ends, and the host starts
/// it from a thread pool.
async fn orphaned(is_under_host: bool) {
    #[cfg(unix)]
    if is_under_host {
        let parent = std::os::unix::process::parent_id();
        let mut interval = tokio::time::interval(LOOK_AT_PARENT_EVERY);
        while std::os::unix::process::parent_id() == parent {
            interval.tick().await;
        }
        return;
    }
    let _ = is_under_host;
    std::future::pending().await
}

/// Builds what the routes need from the settings.
///
/// # Errors
///
/// A sentence that names what is wrong.
pub fn build_app(mut config: Config, clock: Clock) -> Result<App, String> {
    if let Err(why) = client(config.extra_root_certificates.as_deref()) {
        config.problems.push(why);
        config.extra_root_certificates = None;
    }
    let http = || client(config.extra_root_certificates.as_deref());
    let options = azure_devops::Options { api_version: config.api_version.clone(), ..azure_devops::Options::default() };
    let resolver = OutsideResolver::new(SystemResolver, config.allowed_plan_urls.names_localhost());
    let azure_devops = AzureDevOps::new(http()?.dns_resolver(Arc::new(resolver)), options, clock.clone())
        .map_err(|error| format!("the HTTP client cannot start: {error}"))?
        .with_identity(config.identity);
    let pooled = http()?.connect_timeout(QUEUE_CONNECT_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
    let pooled = pooled.map_err(|error| format!("the HTTP client cannot start: {error}"))?;
    let appends = |container| DecisionLog::with_blobs(container, pooled.clone(), Patience::default());
    let decision_log = config.decision_records.map(appends).unwrap_or_default();
    let queue = CheckQueue::open(&config.storage, &config.host.queue_name, pooled, clock.clone())
        .map_err(|why| format!("app setting {} is wrong: {why}", config.host.connection))?;
    let (settings, roots) = (config.settings, config.extra_root_certificates.clone());
    let connect = move |file: &ChecksFile| {
        let webhooks = build_webhooks(file, &settings, client(roots.as_deref())?)?;
        Ok(build_sources(file, &settings, client(roots.as_deref())?)?.with_webhooks(webhooks))
    };
    let decided_with = azure_devops.identity().map_or(DecidedWith::Token, |_| DecidedWith::Identity);
    let rules = Rules { follows_edits: config.is_development, decided_with };
    let checks = CurrentChecks::open(config.checks_file, rules, Box::new(connect));
    Ok(App {
        clock,
        claim_times: ClaimTimes::default(),
        host: config.host,
        problems: config.problems,
        checks,
        allow_inline_checks: config.allow_inline_checks,
        allowed_plan_urls: config.allowed_plan_urls,
        sealer: config.sealer,
        queue,
        decision_log,
        notices: UnderWay::default(),
        watch: Watch::default(),
        azure_devops,
    })
}

/// Makes the connections of `checks.yaml` ready, with the process's managed identity.
pub(super) fn build_sources(
    checks: &ChecksFile,
    settings: &Settings,
    http: reqwest::ClientBuilder,
) -> Result<Sources, String> {
    let lookup = |name: &str| settings.read(name);
    let identity = ManagedIdentity::of_process(&lookup, lookup("ManagedIdentityClientId")).map(Arc::new);
    Sources::new(&checks.connections, &lookup, identity, http)
        .map_err(|error| format!("the HTTP client cannot start: {error}"))
}

/// Makes the webhooks of `checks.yaml` ready.
fn build_webhooks(checks: &ChecksFile, settings: &Settings, http: reqwest::ClientBuilder) -> Result<Webhooks, String> {
    Webhooks::new(&checks.connections, &|name: &str| settings.read(name), SystemResolver, http)
        .map_err(|error| format!("the HTTP client cannot start: {error}"))
}

/// A client with the certificates that the operator trusts.
pub(super) fn client(extra_roots: Option<&Path>) -> Result<reqwest::ClientBuilder, String> {
    let mut builder = reqwest::Client::builder();
    if let Some(file) = extra_roots {
        let why = |error: &dyn std::fmt::Display| {
            format!("app setting ExtraRootCertificates: {}: {error}; name a PEM file", file.display())
        };
        let pem = fs::read(file).map_err(|error| why(&error))?;
        for certificate in reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| why(&error))? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    Ok(builder)
}
