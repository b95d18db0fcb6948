//! The world around checkgate: given what it looks like, when something happens, then what the outside saw.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use simulator::azure_devops::{AzureDevOps, CheckIds, NewCheck, State};
use simulator::azure_pipelines::{
    self, CheckConfiguration, CheckSettings, Conclusion, Delivered, Headers, Stage, Target,
};
use simulator::faults::{Fault, RetryAfter};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::sources::Sources;
use simulator::storage_queue::{Message, NewMessage, StorageQueue};
use tokio::task::JoinSet;

use checkgate::App;
use checkgate::azure_devops::Options;
use checkgate::checks_file::{ChecksFile, CurrentChecks};
use checkgate::cli::{build_app, read_config};
use checkgate::clock::Clock;
use checkgate::decision_log::Patience;
use checkgate::http::managed_identity::ManagedIdentity;
use checkgate::http::resolver::SystemResolver;
use checkgate::notices::UnderWay;
use checkgate::queue::{EarlyTimes, QUEUE_NAME};
use checkgate::sources::Webhooks;
use checkgate::task::sealer::Sealer;

/// The time from one evaluation to the next unless a check says otherwise.
pub(crate) const AN_INTERVAL: Duration = minutes(1);

/// When the simulated worlds begin.
pub(crate) const MONDAY_MORNING: &str = "2026-01-05T09:00:00Z";

/// So many minutes.
pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// The folder of the function app: the repository itself.
pub(crate) fn app_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What the operator allows besides the simulated Azure DevOps.
const ALLOWED_ELSEWHERE: &str =
    "https://dev.azure.com/,https://*.visualstudio.com/,https://tfs.example.com/tfs/DefaultCollection";

/// The checks that ship.
pub(crate) fn shipped() -> String {
    std::fs::read_to_string(app_root().join("checks.yaml")).expect("checks.yaml ships")
}

/// The commit of the run mentions work item 42, which is not completed.
pub(crate) fn an_active_work_item(state: &mut State, run: u64) {
    state.work_item(42, "Active");
    state.runs.get_mut(&run).expect("the run").links_work_item(42);
}

/// Azure DevOps, the storage account and the Functions host around a handler in this process, on one clock.
pub(crate) struct World {
    pub(crate) clock: simulator::Clock,
    azure_devops: AzureDevOps,
    pub(crate) queue: StorageQueue,
    pub(crate) host: FunctionsHost,
    /// Where the handler itself listens, without the host in front.
    pub(crate) handler_url: String,
    pub(crate) run: u64,
    ids: Option<CheckIds>,
    delivered: Option<Delivered>,
    server: tokio::task::JoinHandle<()>,
    may_leave_messages: bool,
    notices: UnderWay,
    pub(crate) setup: Setup,
    /// The handler's process.
    pub(crate) app: Arc<App>,
}

impl World {
    /// A world with one run that has executed `CmdLine`, changed by `given`, and the checks that ship.
    pub(crate) async fn given(given: impl FnOnce(&mut State, u64)) -> Self {
        Self::with_checks(&shipped(), given).await
    }

    /// A world in which `work-item-completed` was evaluated once, and waits for work item 42.
    pub(crate) async fn with_a_waiting_check() -> Self {
        let mut world = Self::given(an_active_work_item).await;
        world.accept(a_check().named("work-item-completed")).await;
        world.run_due_messages().await;
        world
    }

    /// A world around this Azure DevOps, with one run that has executed `CmdLine`, and the checks that ship.
    pub(crate) async fn around(azure_devops: AzureDevOps) -> Self {
        Self::around_with(azure_devops, Setup::default()).await
    }

    /// A world around this Azure DevOps, with a handler that is set up in this way.
    pub(crate) async fn around_with(azure_devops: AzureDevOps, setup: Setup) -> Self {
        let clock = azure_devops.with(|state| state.clock.clone());
        Self::start(clock, azure_devops, setup, |_, _| {}).await
    }

    /// The same with other checks.
    pub(crate) async fn with_checks(checks: &str, given: impl FnOnce(&mut State, u64)) -> Self {
        Self::with_setup(Setup { checks: checks.to_owned(), ..Setup::default() }, given).await
    }

    /// The same with a handler that is set up in this way.
    pub(crate) async fn with_setup(setup: Setup, given: impl FnOnce(&mut State, u64)) -> Self {
        let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        Self::start(clock, azure_devops, setup, given).await
    }

    /// A world with outside systems. `checks` is told their addresses.
    pub(crate) async fn with_sources(checks: impl FnOnce(&Sources) -> String) -> Self {
        let clock = simulator::Clock::starting_at(MONDAY_MORNING.parse().expect("a time"));
        let azure_devops = AzureDevOps::start(clock.clone()).await.expect("a port");
        let sources = Sources::start(clock).await.expect("a port");
        let setup = Setup { checks: checks(&sources), sources: Some(sources), ..Setup::default() };
        Self::around_with(azure_devops, setup).await
    }

    /// The outside systems.
    pub(crate) const fn sources(&self) -> &Sources {
        self.setup.sources.as_ref().expect("a world with sources")
    }

    /// Waits until no notice is under way.
    pub(crate) async fn notices_are_sent(&self) {
        let mut look = tokio::time::interval(Duration::from_millis(2));
        let sent = async {
            while self.notices.count() > 0 {
                look.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), sent).await.expect("a notice is under way for ever");
    }

    async fn start(
        clock: simulator::Clock,
        azure_devops: AzureDevOps,
        setup: Setup,
        given: impl FnOnce(&mut State, u64),
    ) -> Self {
        let queue = StorageQueue::start(clock.clone()).await.expect("a port");
        let run = azure_devops.with(|state| {
            let id = state.run().id;
            given(state, id);
            id
        });
        let app = Arc::new(setup.app(&clock, &queue, &azure_devops));
        let notices = app.notices.clone();
        let (handler_url, server) = serve_shared(Arc::clone(&app)).await;
        let handler = Handler::Url(handler_url.clone());
        let source = QueueSource::Simulated(queue.clone());
        let host =
            FunctionsHost::start(app_root(), handler, source, clock.clone()).await.expect("the host takes the app");
        Self {
            clock,
            azure_devops,
            queue,
            host,
            handler_url,
            run,
            ids: None,
            delivered: None,
            server,
            may_leave_messages: false,
            notices,
            setup,
            app,
        }
    }

    /// Writes a claim into the check's record, as the write of a message does that nobody knows of here.
    pub(crate) async fn claim_record(&self, claim: &str) {
        let ids = self.ids();
        let url = format!(
            "{}{}/_apis/distributedtask/hubs/checks/plans/{}/timelines/{}/records?api-version=7.1",
            ids.plan_url, ids.project_id, ids.plan_id, ids.timeline_id
        );
        let variables = serde_json::json!({ "checkgate.claim": { "value": claim, "isSecret": false } });
        let record = serde_json::json!({ "id": ids.task_instance_id, "variables": variables });
        let body = serde_json::json!({ "count": 1, "value": [record] });
        let request = reqwest::Client::new().patch(url).bearer_auth(&ids.auth_token).json(&body);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
    }

    /// Replaces the handler's process by a fresh one: nothing but the queue message survives.
    pub(crate) async fn restart_handler(&mut self, checks: &str) {
        self.server.abort();
        checks.clone_into(&mut self.setup.checks);
        self.app = Arc::new(self.setup.app(&self.clock, &self.queue, &self.azure_devops));
        self.notices = self.app.notices.clone();
        let (handler_url, server) = serve_shared(Arc::clone(&self.app)).await;
        let source = QueueSource::Simulated(self.queue.clone());
        let handler = Handler::Url(handler_url.clone());
        self.host = FunctionsHost::start(app_root(), handler, source, self.clock.clone())
            .await
            .expect("the host takes the app");
        (self.handler_url, self.server) = (handler_url, server);
    }

    /// Seals and opens messages as the handler does.
    pub(crate) fn sealer(&self) -> Sealer {
        Sealer::new(&self.setup.sealing_key, None).expect("a key")
    }

    /// Deploys other sealing keys; the handler starts afresh.
    pub(crate) async fn change_keys(&mut self, current: &str, previous: Option<&str>) {
        current.clone_into(&mut self.setup.sealing_key);
        self.setup.previous_key = previous.map(str::to_owned);
        let checks = self.setup.checks.clone();
        self.restart_handler(&checks).await;
    }

    /// Looks at Azure DevOps, or changes it.
    pub(crate) fn azure_devops<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        self.azure_devops.with(look)
    }

    /// Somebody completes work item 42.
    pub(crate) fn close_work_item(&self) {
        self.azure_devops(|state| {
            state.work_item(42, "Closed");
        });
    }

    /// The handle on Azure DevOps, for faults and recorded calls.
    pub(crate) const fn azure_devops_server(&self) -> &AzureDevOps {
        &self.azure_devops
    }

    /// The app settings of the handler.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        self.setup.settings(&self.queue, &self.azure_devops)
    }

    /// A check with these ids waits, and so does this message of it: an earlier version of the app queued it.
    pub(crate) fn has_queued(&mut self, ids: CheckIds, message: &str) {
        self.azure_devops.with(|state| state.await_check_with(&ids, NewCheck::default()));
        self.queue.with(|state| {
            state.create(QUEUE_NAME, std::collections::BTreeMap::new()).expect("a queue");
            state.put(QUEUE_NAME, &NewMessage::now(message)).expect("the queue takes it");
        });
        self.ids = Some(ids);
    }

    /// The ids of the check that was delivered last.
    pub(crate) fn ids(&self) -> &CheckIds {
        self.ids.as_ref().expect("a check was delivered")
    }

    /// A stage reaches the resource: Azure Pipelines delivers the check.
    pub(crate) async fn deliver(&mut self, delivery: Delivery) -> Delivered {
        self.deliver_as(NewCheck::default(), delivery).await
    }

    /// A stage reaches the resource, whose check has this form.
    pub(crate) async fn deliver_as(&mut self, new: NewCheck, delivery: Delivery) -> Delivered {
        self.ids = Some(self.azure_devops.with(|state| state.await_check_as(self.run, new)));
        self.deliver_again(delivery).await
    }

    /// Azure Pipelines delivers one check so many times at once.
    pub(crate) async fn deliver_at_once(&mut self, delivery: &Delivery, times: usize) -> Vec<Delivered> {
        self.ids = Some(self.azure_devops.with(|state| state.await_check(self.run)));
        let headers = delivery.headers(self.ids());
        let function = self.host.function_address("CheckFunction");
        let mut deliveries = JoinSet::new();
        for _ in 0..times {
            let (function, headers, delivery) = (function.clone(), headers.clone(), delivery.clone());
            deliveries.spawn(async move {
                azure_pipelines::deliver_with(&function, &delivery.query, &headers, &delivery.body).await
            });
        }
        deliveries.join_all().await
    }

    /// Azure Pipelines delivers the same check once more.
    pub(crate) async fn deliver_again(&mut self, delivery: Delivery) -> Delivered {
        let headers = delivery.headers(self.ids());
        let function = self.host.function_address("CheckFunction");
        let delivered = azure_pipelines::deliver_with(&function, &delivery.query, &headers, &delivery.body).await;
        self.delivered = Some(delivered.clone());
        delivered
    }

    /// Delivers, and expects the acknowledgement.
    pub(crate) async fn accept(&mut self, delivery: Delivery) {
        let delivered = self.deliver(delivery).await;
        assert!(delivered.accepted(), "{delivered:?}");
    }

    /// The host hands over all messages that are visible.
    pub(crate) async fn run_due_messages(&self) -> usize {
        self.host.run_due_messages().await
    }

    /// Time passes; each message is handed over when it becomes visible.
    pub(crate) async fn advance(&self, by: Duration) {
        let until = self.clock.now() + TimeDelta::from_std(by).expect("a short time");
        while let Some(next) = self.queue.next_due_at(QUEUE_NAME).filter(|next| *next <= until) {
            self.wait_until(next);
            self.run_due_messages().await;
        }
        self.wait_until(until);
        self.run_due_messages().await;
    }

    /// Time passes until the next message can be received.
    pub(crate) fn wait_for_the_next_message(&self) {
        self.wait_until(self.queue.next_due_at(QUEUE_NAME).expect("a message"));
    }

    /// Moves the clock forward to this moment. Calls that take time may have moved it further.
    fn wait_until(&self, at: DateTime<Utc>) {
        if at > self.clock.now() {
            self.clock.set(at);
        }
    }

    /// A stage of the run with these checks. Nothing is delivered before it is played.
    pub(crate) fn stage(&self, checks: impl IntoIterator<Item = (CheckSettings, Delivery)>) -> Stage {
        let configuration = |(settings, delivery): (CheckSettings, Delivery)| {
            let function = self.host.function_address("CheckFunction");
            let target = Target::AzureFunction { function, parameters: delivery.query.clone() };
            let body = delivery.body.clone();
            let headers: Headers = Arc::new(move |ids| delivery.headers(ids));
            CheckConfiguration { headers, body, ..CheckConfiguration::new(target, settings) }
        };
        Stage::of(&self.azure_devops, self.run, checks.into_iter().map(configuration))
    }

    /// Time passes for a stage and its checks: deliveries, messages and timeouts come when they are due.
    pub(crate) async fn play(&mut self, stage: &mut Stage, by: Duration) -> Conclusion {
        let until = self.clock.now() + TimeDelta::from_std(by).expect("a short time");
        loop {
            stage.act().await;
            self.ids = stage.ids().into_iter().next();
            let message = self.queue.next_due_at(QUEUE_NAME);
            let next = message.into_iter().chain(stage.next_at()).min().filter(|next| *next <= until);
            self.wait_until(next.unwrap_or(until));
            let invocations = self.run_due_messages().await;
            if next.is_none() && invocations == 0 {
                return stage.act().await;
            }
        }
    }

    /// Calls of Azure DevOps with this method and part of a path take this long.
    pub(crate) fn latency(&self, method: &str, path_part: &str, latency: Duration) {
        self.azure_devops.latency(method, path_part, latency);
    }

    /// A visible message waits this long until the host receives it.
    pub(crate) fn pick_up_lag(&self, lag: Duration) {
        self.queue.with(|state| state.pick_up_lag = TimeDelta::from_std(lag).expect("a short time"));
    }

    /// The messages of the queue, hidden ones too.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.queue.messages(QUEUE_NAME)
    }

    /// What a person reads on the run's page.
    pub(crate) fn log(&self) -> String {
        self.azure_devops.with(|state| state.log_text(self.ids()))
    }

    /// The record's one line.
    pub(crate) fn current_operation(&self) -> String {
        let record = self.azure_devops.with(|state| state.timeline_record(self.ids()));
        record.and_then(|record| record.current_operation).unwrap_or_default()
    }

    /// The test is over before the check is.
    pub(crate) const fn may_leave_messages(&mut self) {
        self.may_leave_messages = true;
    }

    /// The test ends while the check still waits.
    pub(crate) fn still_waits(&mut self) {
        assert!(!self.messages().is_empty(), "no message waits\n{}", self.log());
        self.may_leave_messages = true;
    }

    /// Exactly one decision was accepted: this one.
    #[track_caller]
    pub(crate) fn expect_decision(&self, result: &str) {
        let decisions = self.azure_devops.with(|state| state.decisions(self.ids()));
        let accepted: Vec<&str> =
            decisions.iter().filter(|event| event.accepted).map(|event| event.result.as_str()).collect();
        assert_eq!(accepted, [result], "decisions: {decisions:?}\n{}", self.log());
        assert!(decisions.iter().all(|event| event.result == result), "contradictory: {decisions:?}\n{}", self.log());
    }

    /// No decision was sent.
    #[track_caller]
    pub(crate) fn expect_no_decision(&self) {
        let decisions = self.azure_devops.with(|state| state.decisions(self.ids()));
        assert!(decisions.is_empty(), "decisions: {decisions:?}\n{}", self.log());
    }

    /// The check is looked at again after this time, and not before.
    #[track_caller]
    pub(crate) fn expect_next_evaluation_in(&self, wait: Duration) {
        let next: DateTime<Utc> =
            self.queue.next_visible_at(QUEUE_NAME).unwrap_or_else(|| panic!("no message waits\n{}", self.log()));
        assert_eq!(
            (next - self.clock.now()).num_seconds(),
            i64::try_from(wait.as_secs()).expect("a short time"),
            "{}",
            self.log()
        );
    }

    /// A system that asks for four minutes of peace at each of these calls is called again after that time, and not before: then
    /// this check passes.
    pub(crate) async fn expect_that_a_wait_is_granted(&mut self, check: &str, (method, path): (&str, &str)) {
        self.sources().fail(Fault::throttle(RetryAfter::Seconds(240))).on(method, path).forever();
        self.accept(a_check().named(check)).await;
        self.run_due_messages().await;
        self.expect_no_decision();
        self.expect_next_evaluation_in(minutes(4));
        self.sources().heal();
        self.advance(minutes(4)).await;
        self.expect_decision("succeeded");
    }

    /// The log says this.
    #[track_caller]
    pub(crate) fn expect_log(&self, says: &str) {
        let log = self.log();
        assert!(log.contains(says), "the log does not say {says:?}:\n{log}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
        if std::thread::panicking() {
            println!("\nThe conversation with Azure DevOps:");
            for call in self.azure_devops.calls() {
                println!("  {} {} {}: {} {}", call.at, call.method, call.path, call.status, call.response);
            }
            for call in self.setup.sources.iter().flat_map(|sources| sources.calls()) {
                println!(
                    "  {} {} {}?{}: {} {}",
                    call.at, call.method, call.path, call.query, call.status, call.response
                );
            }
            for invocation in self.host.invocations() {
                println!(
                    "  {} {}: {} {} {:?}",
                    invocation.at, invocation.function, invocation.status, invocation.body, invocation.failure
                );
            }
            return;
        }
        let unknown = self.azure_devops.with(|state| state.unknown_requests.clone());
        assert_eq!(unknown, Vec::<String>::new(), "requests that Azure DevOps does not know");
        let unknown = self.setup.sources.as_ref().map(|sources| sources.with(|state| state.unknown_requests.clone()));
        assert_eq!(unknown.unwrap_or_default(), Vec::<String>::new(), "requests that no source knows");
        let left: Vec<String> = self.messages().into_iter().map(|message| message.text).collect();
        assert!(self.may_leave_messages || left.is_empty(), "messages are left: {left:?}");
    }
}

/// How a handler is set up.
#[derive(Clone)]
pub(crate) struct Setup {
    /// The text of `checks.yaml`.
    pub(crate) checks: String,
    /// The app setting `TokenSealingKey`.
    pub(crate) sealing_key: String,
    /// The app setting `TokenSealingKeyPrevious`.
    pub(crate) previous_key: Option<String>,
    /// How long a call of Azure DevOps may take.
    pub(crate) call_timeout: Duration,
    /// How long the first pause between two tries of a put is.
    pub(crate) retry_pause: Duration,
    /// How often an evaluation moves on the due time of its early successor.
    pub(crate) renew_every: Option<Duration>,
    /// The handler's clock, where it is not the world's.
    pub(crate) clock: Option<Clock>,
    /// The outside systems, whose credentials become app settings.
    pub(crate) sources: Option<Sources>,
    /// The app setting `DecideWithManagedIdentity`. The identity is that of `sources`.
    pub(crate) decide_with_identity: bool,
    /// The app setting `DecisionRecords`. Without a signature, the identity is that of `sources`.
    pub(crate) decision_records: Option<String>,
    /// How long it is tried to append a record.
    pub(crate) append_patience: Patience,
    /// The address by which checks name Azure DevOps, where it is not the simulator's own: a proxy leads there.
    pub(crate) azure_devops_address: Option<String>,
}

impl Default for Setup {
    fn default() -> Self {
        let call_timeout = Options::default().call_timeout;
        Self {
            checks: shipped(),
            sealing_key: Sealer::generate_key().expect("random numbers"),
            previous_key: None,
            call_timeout,
            retry_pause: Duration::from_millis(1),
            renew_every: None,
            clock: None,
            sources: None,
            decide_with_identity: false,
            decision_records: None,
            append_patience: Patience { pause: Duration::from_millis(1), ..Patience::default() },
            azure_devops_address: None,
        }
    }
}

impl Setup {
    /// The app settings.
    pub(crate) fn settings(&self, queue: &StorageQueue, azure_devops: &AzureDevOps) -> Vec<(&'static str, String)> {
        let previous_key = self.previous_key.clone().map(|key| ("TokenSealingKeyPrevious", key));
        let own = format!("http://127.0.0.1:{}/", azure_devops.port());
        let address = self.azure_devops_address.as_ref().unwrap_or(&own);
        let settings = [
            ("FUNCTIONS_CUSTOMHANDLER_PORT", "0".to_owned()),
            ("AzureWebJobsStorage", queue.connection_string()),
            ("AllowedPlanUrls", format!("{ALLOWED_ELSEWHERE},{address}")),
            ("TokenSealingKey", self.sealing_key.clone()),
            ("FUNCTIONS_APP_ROOT_PATH", app_root().display().to_string()),
        ];
        let settings = settings.into_iter().chain(previous_key);
        let records = self.decision_records.clone().map(|address| ("DecisionRecords", address));
        let decides = self.decide_with_identity.then(|| ("DecideWithManagedIdentity", "true".to_owned()));
        let needs_identity = records.is_some() || decides.is_some();
        let identity = self.sources.as_ref().filter(|_| needs_identity).map(|sources| {
            let [endpoint, header] = sources.with(|state| [state.url("identity"), state.identity.header.clone()]);
            [("IDENTITY_ENDPOINT", endpoint), ("IDENTITY_HEADER", header)]
        });
        settings.chain(decides).chain(records).chain(identity.into_iter().flatten()).collect()
    }

    /// The app, as the executable would build it.
    pub(crate) fn app(&self, clock: &simulator::Clock, queue: &StorageQueue, azure_devops: &AzureDevOps) -> App {
        let settings = self.settings(queue, azure_devops);
        let lookup = |name: &str| {
            let found = settings.iter().find(|(known, setting)| *known == name && !setting.is_empty());
            found.map(|(_, setting)| setting.clone())
        };
        let config = read_config(&lookup).unwrap_or_else(|error| panic!("{error}"));
        let hand = clock.clone();
        let pass = clock.clone();
        let clock = self.clock.clone().unwrap_or_else(|| Clock::from_fn(move || hand.now()));
        let clock = clock.moved_by_sleep(move |time| pass.advance(time));
        let options = Options { call_timeout: self.call_timeout, ..Options::default() };
        let mut http = reqwest::Client::builder();
        if self.azure_devops_address.is_some() {
            let proxy = reqwest::Proxy::http(format!("http://127.0.0.1:{}", azure_devops.port()));
            http = http.proxy(proxy.expect("an address"));
        }
        let client = checkgate::azure_devops::AzureDevOps::new(http, options, clock.clone());
        let mut app = build_app(config, clock).expect("the app starts");
        let identity = app.azure_devops.identity().cloned();
        app.azure_devops = client.expect("the HTTP client starts").with_identity(identity);
        app.queue = app.queue.with_retry_pause(self.retry_pause);
        app.decision_log = app.decision_log.with_patience(self.append_patience);
        if let Some(renew_every) = self.renew_every {
            app.queue = app.queue.with_early_times(EarlyTimes { moved_every: renew_every, ..EarlyTimes::default() });
        }
        let file = ChecksFile::parse_for(&self.checks, app.decided_with());
        let file = file.unwrap_or_else(|problems| panic!("{problems:?}"));
        let sources = reached(&file, self.sources.as_ref());
        app.checks = CurrentChecks::fixed(file, sources);
        app
    }
}

/// The connections, with their settings filled in.
fn reached(checks: &ChecksFile, sources: Option<&Sources>) -> checkgate::sources::Sources {
    let settings = sources.map(source_settings).unwrap_or_default();
    let lookup = |name: &str| settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let identity = ManagedIdentity::of_process(&lookup, None).map(Arc::new);
    let http = reqwest::Client::builder();
    let webhooks = Webhooks::new(&checks.connections, &lookup, SystemResolver, reqwest::Client::builder());
    let sources = checkgate::sources::Sources::new(&checks.connections, &lookup, identity, http);
    sources.expect("an HTTP client").with_webhooks(webhooks.expect("an HTTP client"))
}

/// The app settings about outside systems.
fn source_settings(sources: &Sources) -> Vec<(String, String)> {
    let credentials = sources.with(|state| {
        [
            ("SERVICENOW_USER", state.service_now.user.clone()),
            ("SERVICENOW_PASSWORD", state.service_now.password.clone()),
            ("SERVICENOW_CLIENT_ID", state.service_now.client_id.clone()),
            ("SERVICENOW_CLIENT_SECRET", state.service_now.client_secret.clone()),
            ("PROMETHEUS_TOKEN", "prometheus-token".to_owned()),
            ("SONAR_TOKEN", "sonar-token".to_owned()),
            ("EVENTS_TOKEN", "events-token".to_owned()),
        ]
    });
    let webhooks = [("SLACK_WEBHOOK", "slack"), ("TEAMS_WEBHOOK", "teams"), ("EVENTS_WEBHOOK", "events")];
    let webhooks = webhooks.map(|(setting, name)| (setting.to_owned(), sources.webhook(name)));
    let credentials = credentials.map(|(name, value)| (name.to_owned(), value));
    sources.identity_settings().into_iter().chain(credentials).chain(webhooks).collect()
}

/// Serves an app on a free port: its address, and the task that ends with it.
pub(crate) async fn serve(app: App) -> (String, tokio::task::JoinHandle<()>) {
    serve_shared(Arc::new(app)).await
}

/// The same for one that others use too.
pub(crate) async fn serve_shared(app: Arc<App>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (url, tokio::spawn(checkgate::routes::serve(app, listener)))
}

/// A delivery, complete unless told otherwise.
#[derive(Clone)]
pub(crate) struct Delivery {
    block: String,
    changes: Vec<(String, Option<String>)>,
    pub(crate) query: String,
    pub(crate) body: String,
}

/// A delivery with the guide's headers: the default check.
pub(crate) fn a_check() -> Delivery {
    Delivery {
        block: azure_pipelines::HEADERS.to_owned(),
        changes: Vec::new(),
        query: String::new(),
        body: String::new(),
    }
}

impl Delivery {
    /// Names a check of `checks.yaml`.
    pub(crate) fn named(self, name: &str) -> Self {
        self.with("Check", name)
    }

    /// Adds or changes a header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.changes.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Leaves a header out.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.changes.push((name.to_owned(), None));
        self
    }

    /// Uses another block of headers.
    pub(crate) fn with_block(mut self, block: &str) -> Self {
        block.clone_into(&mut self.block);
        self
    }

    /// Adds query parameters behind the key.
    pub(crate) fn with_query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// Brings a body.
    pub(crate) fn with_body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// The headers as they go out.
    pub(crate) fn headers(&self, ids: &CheckIds) -> Vec<(String, String)> {
        let mut headers = azure_pipelines::expand(&self.block, ids, &[]);
        for (name, value) in &self.changes {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.extend(value.clone().map(|value| (name.clone(), value)));
        }
        headers
    }
}
