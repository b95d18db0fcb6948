//! Each way to reach a storage account, on a real Azurite over https: a check is queued, evaluated and decided.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use azure_core::{RetryOptions, TransportOptions};
use azure_storage::prelude::{AccountSasPermissions, AccountSasResource, AccountSasResourceType, SasToken as _};
use azure_storage::shared_access_signature::account_sas::AccountSharedAccessSignature;
use azure_storage::{CloudLocation, StorageCredentials};
use azure_storage_queues::{QueueServiceClient, QueueServiceClientBuilder};
use checkgate::queue::QUEUE_NAME;
use simulator::azure_devops::{AzureDevOps, CheckIds};
use simulator::azure_pipelines::{Delivered, HEADERS, deliver};
use simulator::functions_host::{FunctionsHost, Handler, QueueSource};
use simulator::sources::Sources;
use simulator::storage_blob::{Grant, signed};
use time::OffsetDateTime;
use tokio::time::{interval, timeout};

use crate::support::app_root;
use crate::support::azurite::{Azurite, Certificate};
use crate::support::executable::environment;

/// How long a decision may take before it counts as never made.
const PATIENCE: Duration = Duration::from_secs(60);

/// The executable under the simulated host, with an account that it reaches by these settings.
struct Account {
    azure_devops: AzureDevOps,
    host: FunctionsHost,
}

impl Account {
    /// `settings` take the place of `AzureWebJobsStorage`.
    async fn reached_by(azurite: &Azurite, certificate: &Certificate, settings: Vec<(String, String)>) -> Self {
        let azure_devops = AzureDevOps::start(simulator::Clock::system()).await.expect("a port");
        let mut environment = environment(&azure_devops, "");
        environment.retain(|(name, _)| name != "AzureWebJobsStorage");
        environment.push(("ExtraRootCertificates".to_owned(), certificate.file.display().to_string()));
        environment.extend(settings);
        // The host has the account's key, as it always may: what is tested is how the handler gets in.
        let source = QueueSource::Rest(service(azurite, &certificate.file));
        let path = env!("CARGO_BIN_EXE_checkgate").into();
        let handler = Handler::Executable { path, environment, stop_after_errors: Some(1) };
        let host = FunctionsHost::start(app_root(), handler, source, simulator::Clock::system()).await;
        let host = host.expect("the host takes the app");
        assert!(host.handler_ready().await, "{:?}", host.output());
        Self { azure_devops, host }
    }

    async fn deliver(&self) -> (CheckIds, Delivered) {
        let ids = self.azure_devops.with(|state| {
            let run = state.run().id;
            state.await_check(run)
        });
        let delivered = deliver(&self.host.function_address("CheckFunction"), HEADERS, "", &ids).await;
        (ids, delivered)
    }

    async fn decides_a_check(&self) {
        self.decides().await;
        self.host.stop().await;
    }

    async fn decides(&self) {
        let (ids, delivered) = self.deliver().await;
        assert!(delivered.accepted(), "{delivered:?} {:?}", self.host.output());
        self.host.listen();
        let decided = async {
            let mut look = interval(Duration::from_millis(20));
            while self.azure_devops.with(|state| state.decision(&ids)).is_none() {
                look.tick().await;
            }
        };
        assert!(timeout(PATIENCE, decided).await.is_ok(), "no decision: {:#?}", self.host.output());
        assert_eq!(self.azure_devops.with(|state| state.decision(&ids)).as_deref(), Some("succeeded"));
    }
}

/// A client of the account with its key.
fn service(azurite: &Azurite, root: &Path) -> QueueServiceClient {
    let (account, key) = Azurite::account();
    let pem = std::fs::read(root).expect("a file");
    let root = reqwest::Certificate::from_pem(&pem).expect("a certificate");
    let http = reqwest::Client::builder().no_proxy().add_root_certificate(root).build().expect("a client");
    let location = CloudLocation::Custom { account: account.to_owned(), uri: azurite.endpoint.clone() };
    let credentials = StorageCredentials::access_key(account.to_owned(), key.to_owned());
    QueueServiceClientBuilder::with_location(location, credentials)
        .transport(TransportOptions::new(Arc::new(http)))
        .retry(RetryOptions::none())
        .build()
}

fn storage(value: String) -> Vec<(String, String)> {
    vec![("AzureWebJobsStorage".to_owned(), value)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_string_with_the_accounts_key_is_enough() {
    let certificate = Certificate::of_this_machine();
    let azurite = Azurite::start_over_https(&certificate);
    let account = Account::reached_by(&azurite, &certificate, storage(azurite.connection_string())).await;
    account.decides_a_check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_access_signature_that_may_only_add_messages_is_enough() {
    let certificate = Certificate::of_this_machine();
    let azurite = Azurite::start_over_https(&certificate);
    // Such a signature cannot make the queue.
    service(&azurite, &certificate.file).queue_client(QUEUE_NAME).create().await.expect("a queue");
    let signature = |permissions: AccountSasPermissions| {
        let (account, key) = Azurite::account();
        let (queue, object) = (AccountSasResource::Queue, AccountSasResourceType::Object);
        let until = OffsetDateTime::now_utc() + Duration::from_secs(3_600);
        let (account, key) = (account.to_owned(), key.to_owned().into());
        let token = AccountSharedAccessSignature::new(account, key, queue, object, until, permissions).token();
        storage(format!("QueueEndpoint={};SharedAccessSignature={}", azurite.endpoint, token.expect("a signature")))
    };
    let may_add = AccountSasPermissions { add: true, ..AccountSasPermissions::default() };
    Account::reached_by(&azurite, &certificate, signature(may_add)).await.decides_a_check().await;

    let may_read = AccountSasPermissions { read: true, ..AccountSasPermissions::default() };
    let account = Account::reached_by(&azurite, &certificate, signature(may_read)).await;
    assert_eq!(account.deliver().await.1.status, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_identity_is_enough_and_an_expired_token_of_it_is_not() {
    let certificate = Certificate::of_this_machine();
    let azurite = Azurite::start_over_https(&certificate);
    let sources = Sources::start(simulator::Clock::system()).await.expect("a port");
    let settings = || {
        let mut settings = sources.identity_settings();
        settings.push(("AzureWebJobsStorage__queueServiceUri".to_owned(), azurite.endpoint.clone()));
        settings.push(("AzureWebJobsStorage__credential".to_owned(), "managedidentity".to_owned()));
        settings
    };
    Account::reached_by(&azurite, &certificate, settings()).await.decides_a_check().await;
    let resources = sources.with(|state| state.identity.tokens.iter().map(|it| it.1.clone()).collect::<Vec<_>>());
    assert_eq!(resources, ["https://storage.azure.com/"], "one token for all calls");

    sources.with(|state| state.identity.lifetime = chrono::TimeDelta::minutes(-10));
    let account = Account::reached_by(&azurite, &certificate, settings()).await;
    assert_eq!(account.deliver().await.1.status, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_certificate_nobody_knows_is_not_reached() {
    let (certificate, other) = (Certificate::of_this_machine(), Certificate::of_this_machine());
    let azurite = Azurite::start_over_https(&certificate);
    let mut settings = storage(azurite.connection_string());
    // The last one counts.
    settings.push(("ExtraRootCertificates".to_owned(), other.file.display().to_string()));
    let account = Account::reached_by(&azurite, &certificate, settings).await;
    assert_eq!(account.deliver().await.1.status, 503);
}

/// A container of a real blob service, as somebody with a token sees it.
struct Container {
    address: String,
    token: String,
    http: reqwest::Client,
}

impl Container {
    async fn create(blobs: &Azurite, certificate: &Certificate, sources: &Sources) -> Self {
        let pem = std::fs::read(&certificate.file).expect("a file");
        let root = reqwest::Certificate::from_pem(&pem).expect("a certificate");
        let http = reqwest::Client::builder().no_proxy().add_root_certificate(root).build().expect("a client");
        let [(_, endpoint), (_, header)] = sources.identity_settings().try_into().expect("two settings");
        let ask = format!("{endpoint}?api-version=2019-08-01&resource=https://storage.azure.com/");
        let answer = http.get(ask).header("X-IDENTITY-HEADER", header).send().await.expect("an answer");
        let answer: serde_json::Value =
            serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("a token");
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        let container = Self { address: format!("{}/decisions", blobs.endpoint), token, http };
        let created = container.ask(reqwest::Method::PUT, "?restype=container").await;
        assert_eq!(created.status(), 201);
        container
    }

    async fn ask(&self, method: reqwest::Method, rest: &str) -> reqwest::Response {
        let request = self.http.request(method, format!("{}{rest}", self.address)).bearer_auth(&self.token);
        let date = simulator::Clock::system().now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let request = request.header("x-ms-version", "2022-11-02").header("x-ms-date", date);
        request.header("content-length", 0).send().await.expect("an answer")
    }

    /// The lines of the blobs of these days.
    async fn lines(&self, days: [chrono::NaiveDate; 2]) -> Vec<String> {
        let mut lines = Vec::new();
        for day in std::collections::BTreeSet::from(days) {
            let answer = self.ask(reqwest::Method::GET, &format!("/{}.jsonl", day.format("%Y/%m/%d"))).await;
            if answer.status() == 200 {
                lines.extend(answer.text().await.expect("text").lines().map(str::to_owned));
            }
        }
        lines
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_appended_to_a_container_by_signature_and_by_identity() {
    let certificate = Certificate::of_this_machine();
    let azurite = Azurite::start_over_https(&certificate);
    let blobs = Azurite::start_blobs_over_https(&certificate);
    let sources = Sources::start(simulator::Clock::system()).await.expect("a port");
    let container = Container::create(&blobs, &certificate, &sources).await;
    let (account, key) = Azurite::account();
    let key = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, key).expect("base64");
    let until = simulator::Clock::system().now() + chrono::TimeDelta::hours(1);
    let grant = Grant { container: "decisions", permissions: "ac", until };
    let signed = format!("{}?{}", container.address, signed(account, &key, &grant));
    let began = simulator::Clock::system().now().date_naive();
    for (count, address) in [(1, &signed), (2, &container.address)] {
        let mut settings = storage(azurite.connection_string());
        settings.extend(sources.identity_settings());
        settings.push(("DecisionRecords".to_owned(), address.clone()));
        let account = Account::reached_by(&azurite, &certificate, settings).await;
        account.decides().await;
        let appended = async {
            let mut look = interval(Duration::from_millis(50));
            while container.lines([began, simulator::Clock::system().now().date_naive()]).await.len() < count {
                look.tick().await;
            }
        };
        assert!(timeout(PATIENCE, appended).await.is_ok(), "no record: {:#?}", account.host.output());
        account.host.stop().await;
    }
    for line in container.lines([began, simulator::Clock::system().now().date_naive()]).await {
        let record: serde_json::Value = serde_json::from_str(&line).expect("a record");
        assert_eq!(record["data"]["result"]["decision"], "succeeded");
    }
}
