//! The simulated queue service, called through the client that checkgate uses.

use std::sync::Arc;
use std::time::Duration;

use azure_core::{RetryOptions, TransportOptions};
use azure_storage::{CloudLocation, StorageCredentials};
use azure_storage_queues::{QueueClient, QueueServiceClientBuilder};
use chrono::{DateTime, TimeDelta};
use simulator::Clock;
use simulator::faults::Fault;
use simulator::storage_queue::StorageQueue;

fn client(storage: &StorageQueue, key: String) -> QueueClient {
    let location = CloudLocation::Custom { account: storage.account(), uri: storage.endpoint() };
    let credentials = StorageCredentials::access_key(storage.account(), key);
    QueueServiceClientBuilder::with_location(location, credentials)
        .transport(TransportOptions::new(Arc::new(reqwest::Client::new())))
        .retry(RetryOptions::none())
        .build()
        .queue_client("checks")
}

/// The error code of the service.
fn code(error: &azure_core::Error) -> Option<&str> {
    error.as_http_error()?.error_code()
}

#[tokio::test]
async fn a_message_is_put_received_updated_and_deleted() {
    let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
    let storage = StorageQueue::start(clock.clone()).await.unwrap();
    let queue = client(&storage, storage.key());
    let text = r#"{"a":"<&> "}"#;

    assert!(queue.get_metadata().await.is_err());
    queue.create().await.unwrap();
    queue.create().await.unwrap();
    let delay = Duration::from_secs(90);
    let put = queue.put_message(text).visibility_timeout(delay).ttl(Duration::from_secs(1000)).await.unwrap();
    assert_eq!(queue.get_metadata().await.unwrap().approximate_messages_count, 1);
    assert_eq!(storage.messages("checks")[0].id, put.queue_message.message_id);
    assert_eq!(storage.next_visible_at("checks"), Some(clock.now() + TimeDelta::seconds(90)));
    assert_eq!(queue.get_messages().await.unwrap().messages.len(), 0);

    clock.advance(delay);
    assert_eq!(queue.peek_messages().await.unwrap().messages[0].message_text, text);
    let hidden = queue.get_messages().number_of_messages(32).visibility_timeout(Duration::from_secs(600));
    let received = hidden.await.unwrap().messages.remove(0);
    assert_eq!((received.message_text.as_str(), received.dequeue_count), (text, 1));

    let update =
        queue.pop_receipt_client(received.pop_receipt()).update("changed", Duration::from_secs(5)).await.unwrap();
    assert_ne!(update.pop_receipt, received.pop_receipt);
    let stale = queue.pop_receipt_client(received.pop_receipt()).delete().await.unwrap_err();
    assert_eq!(code(&stale), Some("PopReceiptMismatch"));
    clock.advance(Duration::from_secs(5));
    let again = queue.get_messages().await.unwrap().messages.remove(0);
    assert_eq!((again.message_text.as_str(), again.dequeue_count), ("changed", 2));
    queue.pop_receipt_client(again.pop_receipt()).delete().await.unwrap();
    assert_eq!(storage.messages("checks"), []);
    queue.delete().await.unwrap();
    let gone = queue.put_message("x").await.unwrap_err();
    assert_eq!(code(&gone), Some("QueueNotFound"));
}

#[tokio::test]
async fn only_the_key_of_the_account_is_accepted() {
    let storage = StorageQueue::start(Clock::system()).await.unwrap();
    let error = client(&storage, "d3Jvbmc=".to_owned()).create().await.unwrap_err();
    assert_eq!(code(&error), Some("AuthenticationFailed"));
    assert_eq!(reqwest::get(storage.endpoint()).await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_message_is_stored_even_if_the_answer_is_lost() {
    let storage = StorageQueue::start(Clock::system()).await.unwrap();
    let queue = client(&storage, storage.key());
    queue.create().await.unwrap();

    storage.fail(Fault::drop_after()).on("POST", "/messages").once();
    assert!(queue.put_message("x").await.is_err());
    assert_eq!(storage.visible("checks").len(), 1);
}

#[tokio::test]
async fn an_account_that_is_down_answers_with_503_until_it_is_up_again() {
    let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
    let storage = StorageQueue::start(clock.clone()).await.unwrap();
    let queue = client(&storage, storage.key());
    queue.create().await.unwrap();

    storage.with(|state| state.go_down_for(TimeDelta::minutes(3)));
    let refused = queue.put_message("x").await.unwrap_err();
    assert_eq!((code(&refused), refused.as_http_error().unwrap().status() as u16), (Some("ServerBusy"), 503));
    clock.advance(Duration::from_secs(180));
    queue.put_message("x").await.unwrap();
}

#[tokio::test]
async fn a_put_takes_time_on_the_simulated_clock() {
    let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
    let storage = StorageQueue::start(clock.clone()).await.unwrap();
    let queue = client(&storage, storage.key());
    queue.create().await.unwrap();

    storage.latency("POST", "/messages", Duration::from_secs(5));
    queue.put_message("x").visibility_timeout(Duration::from_secs(60)).await.unwrap();
    assert_eq!(storage.next_visible_at("checks"), Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(65)));
}
