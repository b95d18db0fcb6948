//! The queue trigger: receives messages, invokes, and completes them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::envelope::{self, Payload};
use super::function::{Function, Trigger};
use super::host::Host;
use super::invoker::Outcome;
use super::queue_source::Trouble;
use crate::storage_queue::Message;

/// How long a received message is hidden; not configurable.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// How often the lease of a running invocation is renewed.
const RENEWAL: Duration = Duration::from_secs(5 * 60);
/// The shortest pause between two looks at an empty queue.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// Receives and completes everything that is visible now; returns how many invocations there were.
pub(super) async fn run_due_messages(host: &Arc<Host>) -> usize {
    let mut invocations = 0;
    while let Some(of_batch) = run_a_batch(host).await {
        invocations += of_batch;
    }
    invocations
}

/// Receives and completes one batch of each queue; returns how many invocations there were, `None` if nothing is visible.
pub(super) async fn run_a_batch(host: &Arc<Host>) -> Option<usize> {
    let mut invocations = None;
    for function in host.app.functions.iter().filter(|function| function.queue().is_some()) {
        let messages = receive(host, function).await;
        if !messages.is_empty() {
            invocations = Some(invocations.unwrap_or(0) + process_batch(host, function, messages).await);
        }
    }
    invocations
}

async fn process_batch(host: &Arc<Host>, function: &Function, messages: Vec<Message>) -> usize {
    let one_at_a_time = host.switches().one_at_a_time;
    let (mut invocations, mut running) = (0, JoinSet::new());
    for message in messages {
        let processed = process(host, function, message);
        if one_at_a_time {
            invocations += processed.await;
        } else {
            running.spawn(processed);
        }
    }
    invocations + running.join_all().await.into_iter().sum::<usize>()
}

/// Listens to one function's queue until the host goes down, then waits for what is running.
pub(super) async fn listen(host: Arc<Host>, function: Function) {
    let options = host.app.queues;
    let mut running = JoinSet::new();
    let mut pause = SHORTEST_POLL;
    while !host.is_down() {
        while running.len() > options.new_batch_threshold {
            running.join_next().await;
        }
        while running.try_join_next().is_some() {}
        let receiving = host.lifetime.begin();
        let messages = receive(&host, &function).await;
        if messages.is_empty() {
            drop(receiving);
            host.lifetime.sleep(pause.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
            pause = (pause * 2).min(host.switches().longest_poll.unwrap_or(options.max_polling_interval));
            continue;
        }
        pause = SHORTEST_POLL;
        for message in messages {
            running.spawn(process(&host, &function, message));
        }
    }
    running.join_all().await;
}

async fn receive(host: &Host, function: &Function) -> Vec<Message> {
    let Some(queue) = function.queue().filter(|_| !host.is_down()) else {
        return Vec::new();
    };
    match host.storage(|queues| queues.get(queue, host.app.queues.batch_size, LEASE)).await {
        Ok(mut messages) => {
            host.shuffle(&mut messages);
            messages
        }
        Err(trouble) => {
            host.settle(Err(trouble)).await;
            Vec::new()
        }
    }
}

/// Takes one received message to its end; returns how many invocations it took.
fn process(host: &Arc<Host>, function: &Function, message: Message) -> impl Future<Output = usize> + use<> {
    let (host, function, under_way) = (Arc::clone(host), function.clone(), host.lifetime.begin());
    async move {
        let _under_way = under_way;
        process_now(&host, &function, message).await
    }
}

async fn process_now(host: &Arc<Host>, function: &Function, message: Message) -> usize {
    let options = host.app.queues;
    let Ok(bytes) = decoded(&message.text, options.base64) else {
        host.settle(poison(host, function, &message, &message.pop_receipt).await).await;
        return 0;
    };
    if message.dequeue_count > options.max_dequeue_count {
        host.settle(poison(host, function, &message, &message.pop_receipt).await).await;
        return 0;
    }
    if host.switches().duplicate_deliveries {
        let again = invoke_and_complete(host, function, &message, &bytes);
        tokio::join!(invoke_and_complete(host, function, &message, &bytes), again);
        return 2;
    }
    invoke_and_complete(host, function, &message, &bytes).await;
    1
}

async fn invoke_and_complete(host: &Arc<Host>, function: &Function, message: &Message, bytes: &[u8]) {
    let queue = function.queue().unwrap_or_default();
    let mut receipt = message.pop_receipt.clone();
    let mut invocation = std::pin::pin!(invoke(host, function, message, bytes));
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut invocation => break outcome,
            () = host.clock.sleep(RENEWAL) => match host.storage(|queues| queues.hide(queue, message, &receipt, LEASE)).await {
                Ok(renewed) => receipt = renewed,
                Err(trouble) => host.settle(Err(trouble)).await,
            }
        }
    };
    if host.lifetime.is_gone() {
        return;
    }
    let done = match outcome {
        Outcome::Success(_) => host.storage(|queues| queues.delete(queue, message, &receipt)).await,
        Outcome::Failure(_) | Outcome::Broken(_) => release(host, function, message, &receipt).await,
    };
    host.settle(done).await;
}

async fn invoke(host: &Arc<Host>, function: &Function, message: &Message, bytes: &[u8]) -> Outcome {
    let binary = matches!(function.trigger, Trigger::Queue { binary: true, .. });
    let payload = match std::str::from_utf8(bytes) {
        _ if binary => Payload::Binary(bytes),
        Ok(text) => Payload::Text(text),
        // The parameter cannot be bound: a failure like any other, but the handler never hears of it.
        Err(error) => return Outcome::Failure(error.to_string()),
    };
    let envelope = envelope::of_message(function, message, &payload, host.clock.now());
    let (_, outcome) = host.invoke(function, envelope.to_string().into(), Some(message)).await;
    outcome
}

/// What becomes of a message whose invocation failed.
async fn release(host: &Host, function: &Function, message: &Message, receipt: &str) -> Result<(), Trouble> {
    let options = host.app.queues;
    if message.dequeue_count >= options.max_dequeue_count {
        return poison(host, function, message, receipt).await;
    }
    let hide_for = TimeDelta::from_std(options.visibility_timeout).unwrap_or_default();
    let queue = function.queue().unwrap_or_default();
    host.storage(|queues| queues.hide(queue, message, receipt, hide_for)).await.map(drop)
}

/// Copies a message to the poison queue and deletes it; a queue that can have none keeps it, hidden.
async fn poison(host: &Host, function: &Function, message: &Message, receipt: &str) -> Result<(), Trouble> {
    let queue = function.queue().unwrap_or_default();
    let poison = format!("{queue}-poison");
    if queue.ends_with("-poison") || poison.len() > 63 {
        return Ok(());
    }
    host.storage(|queues| queues.put(&poison, &message.text)).await?;
    host.storage(|queues| queues.delete(queue, message, receipt)).await
}

fn decoded(text: &str, base64: bool) -> Result<Vec<u8>, base64::DecodeError> {
    if base64 { STANDARD.decode(text) } else { Ok(text.as_bytes().to_vec()) }
}

impl Function {
    pub(super) fn queue(&self) -> Option<&str> {
        match &self.trigger {
            Trigger::Queue { queue, .. } => Some(queue),
            Trigger::Http { .. } => None,
        }
    }
}
