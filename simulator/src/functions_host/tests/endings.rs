//! How hosts and invocations end. Nobody waits here: the clock is moved.

use chrono::TimeDelta;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;

/// Lets everything happen that waits for no clock.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Moves the clock by such steps until the task has ended; returns how far.
pub(super) async fn advance_until<T>(clock: &Clock, step: Duration, task: &JoinHandle<T>) -> Duration {
    let mut passed = Duration::ZERO;
    while !task.is_finished() {
        clock.advance(step);
        passed += step;
        settle().await;
    }
    passed
}

impl World {
    /// The handler has a message, and does not answer yet.
    async fn with_a_message_in_flight() -> (Self, JoinHandle<usize>) {
        let world = Self::with_handler(200, "application/json", "{}").await;
        world.answers.send_replace(false);
        world.put("x");
        let run = world.run();
        world.handler_has(1).await;
        (world, run)
    }

    fn run(&self) -> JoinHandle<usize> {
        let host = self.host.clone();
        tokio::spawn(async move { host.run_due_messages().await })
    }

    async fn handler_has(&self, requests: usize) {
        while self.requests.lock().unwrap().len() < requests {
            tokio::task::yield_now().await;
        }
    }

    async fn is_taken_again_by_a_new_host_after_the_lease(&self) {
        let new = self.start_host().await;
        let visible_at = self.storage.next_visible_at(QUEUE).unwrap();
        assert_eq!(visible_at, DateTime::UNIX_EPOCH + TimeDelta::minutes(10));
        self.clock.set(visible_at - TimeDelta::seconds(1));
        assert_eq!(new.run_due_messages().await, 0);
        self.clock.set(visible_at);
        assert_eq!(new.run_due_messages().await, 1);
        assert_eq!(new.invocations()[0].dequeue_count, 2);
        assert_eq!(self.storage.messages(QUEUE), []);
    }
}

#[tokio::test]
async fn a_lost_storage_account_ends_the_host_and_the_message_comes_again_although_its_work_was_done() {
    let (world, run) = World::with_a_message_in_flight().await;
    world.storage.refuse_connections(true).await.unwrap();
    world.answers.send_replace(true);

    let passed = advance_until(&world.clock, Duration::from_millis(100), &run).await;

    assert!((24..=32).contains(&passed.as_secs()), "{passed:?}");
    assert!(world.host.invocations()[0].succeeded());
    assert_eq!(world.host.exit_code(), Some(0));
    assert!(world.host.why_down().is_some_and(|why| why.contains("after 6 tries")), "{:?}", world.host.why_down());

    world.storage.refuse_connections(false).await.unwrap();
    world.is_taken_again_by_a_new_host_after_the_lease().await;
}

#[tokio::test]
async fn a_host_that_cannot_ask_for_messages_ends_too() {
    let world = World::with_handler(200, "application/json", "{}").await;
    world.storage.refuse_connections(true).await.unwrap();
    advance_until(&world.clock, Duration::from_secs(1), &world.run()).await;
    assert_eq!(world.host.exit_code(), Some(0));
}

#[tokio::test]
async fn a_short_outage_of_the_storage_account_is_survived() {
    let (world, run) = World::with_a_message_in_flight().await;
    world.storage.refuse_connections(true).await.unwrap();
    world.answers.send_replace(true);
    while world.host.invocations().is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        settle().await;
        world.clock.advance(Duration::from_secs(1));
    }
    world.storage.refuse_connections(false).await.unwrap();
    advance_until(&world.clock, Duration::from_secs(1), &run).await;
    assert_eq!(world.host.why_down(), None);
    assert_eq!(world.storage.messages(QUEUE), []);
}

#[tokio::test]
async fn a_stopped_host_waits_for_what_is_in_flight() {
    let (world, run) = World::with_a_message_in_flight().await;
    let stopping = world.stop().await;
    world.clock.advance(Duration::from_secs(5));
    world.answers.send_replace(true);
    stopping.await.unwrap();
    run.await.unwrap();
    assert_eq!(world.storage.messages(QUEUE), []);
    assert_eq!(world.host.exit_code(), Some(0));
}

#[tokio::test]
async fn a_stopped_host_leaves_after_ten_seconds_and_the_message_keeps_its_lease() {
    let (world, run) = World::with_a_message_in_flight().await;
    let stopping = world.stop().await;
    world.clock.advance(Duration::from_secs(9));
    settle().await;
    assert!(!stopping.is_finished());

    world.clock.advance(Duration::from_secs(1));
    stopping.await.unwrap();
    run.await.unwrap();

    assert_eq!(world.host.exit_code(), Some(0));
    assert_eq!(world.requests.lock().unwrap().len(), 1, "the handler gets no notice");
    world.answers.send_replace(true);
    world.is_taken_again_by_a_new_host_after_the_lease().await;
}

impl World {
    async fn stop(&self) -> JoinHandle<()> {
        let host = self.host.clone();
        let stopping = tokio::spawn(async move { host.stop().await });
        settle().await;
        stopping
    }
}

#[tokio::test]
async fn a_machine_that_dies_completes_nothing() {
    let (world, run) = World::with_a_message_in_flight().await;
    world.host.crash().await;
    run.await.unwrap();
    assert_eq!(world.host.exit_code(), None);
    world.answers.send_replace(true);
    world.is_taken_again_by_a_new_host_after_the_lease().await;
}

#[tokio::test]
async fn a_chunked_delivery_is_answered_500_and_never_reaches_the_handler() {
    let world = World::with_handler(200, "application/json", "{}").await;
    let url = world.host.function_url("CheckFunction");
    let address = url.trim_start_matches("http://").split('/').next().unwrap();
    let request = format!(
        "POST /api/CheckFunction HTTP/1.1\r\nHost: {address}\r\nx-functions-key: {}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
        world.host.function_key()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(world.requests.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_handler_that_cannot_be_started_costs_each_delivery_135_seconds_and_then_the_host() {
    let mut world = World::with_handler(200, "application/json", "{}").await;
    let handler =
        Handler::Executable { path: "/no/such/file".into(), environment: Vec::new(), stop_after_errors: None };
    let queues = QueueSource::Simulated(world.storage.clone());
    world.host = FunctionsHost::start(app(), handler, queues, world.clock.clone()).await.unwrap();
    assert!(!world.host.handler_ready().await);
    assert!(world.host.output()[0].contains("Failed to start Worker Channel"));
    assert_eq!(world.host.why_down(), None, "the host reports itself started");

    let url = format!("{}?code={}", world.host.function_url("CheckFunction"), world.host.function_key());
    let delivery = tokio::spawn(async move { reqwest::Client::new().post(url).send().await.unwrap() });
    world.host.host.lifetime.busy().await;
    world.clock.advance(Duration::from_secs(134));
    settle().await;
    assert!(!delivery.is_finished());
    world.clock.advance(Duration::from_secs(1));

    let answer = delivery.await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (500, ""));
    assert_eq!(world.host.exit_code(), Some(0));
}

#[tokio::test]
async fn an_answer_without_content_never_ends_a_queue_call() {
    let no_content_type = "";
    for (status, content_type, body) in [
        (200, "application/json", ""),
        (200, no_content_type, ""),
        (200, "application/json", "null"),
        (204, no_content_type, ""),
    ] {
        let world = World::with_handler(status, content_type, body).await;
        world.put("x");
        let run = world.run();
        world.handler_has(1).await;
        // The function's time is 30 minutes.
        for _ in 0..29 {
            world.clock.advance(Duration::from_secs(60));
            settle().await;
        }
        assert!(world.host.invocations().is_empty(), "{status} {body}");
        assert!(world.storage.next_visible_at(QUEUE).unwrap() > world.clock.now(), "the lease is renewed");

        let passed = advance_until(&world.clock, Duration::from_secs(60), &run).await;
        assert!(passed >= Duration::from_secs(121 * 60), "{passed:?}: five tries take five times as long");
        assert_eq!(world.host.invocations().len(), 5);
        assert_eq!(world.host.invocations()[0].failure.as_deref(), Some("A function timeout has occurred."));
        assert_eq!(world.storage.poison(QUEUE).len(), 1);
    }
}
