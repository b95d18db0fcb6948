//! How fast a delivery is acknowledged.

use std::time::{Duration, Instant};

use crate::support::{World, a_check};

const DELIVERIES: usize = 1_000;

/// A tenth of what a person notices, a sixtieth of what Azure Pipelines allows.
const LIMIT: Duration = Duration::from_millis(50);

/// A machine that does something else meanwhile is slow with everything: the best of a few rounds tells about the handler.
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_acknowledged_in_under_50_ms_while_azure_devops_is_unreachable() {
    let mut world = World::given(|_, _| {}).await;
    world.azure_devops_server().refuse_connections(true).await.expect("the port");
    let mut slow = Vec::new();
    for round in 1..=ROUNDS {
        let times = acknowledged(&world).await;
        assert_eq!(world.messages().len(), round * DELIVERIES);
        let at = |percent: usize| times[DELIVERIES * percent / 100 - 1];
        println!("acknowledged: p50 {:?}, p95 {:?}, p99 {:?}, slowest {:?}", at(50), at(95), at(99), at(100));
        if at(99) < LIMIT {
            break;
        }
        slow.push(at(99));
    }
    assert_eq!(world.azure_devops_server().take_calls().len(), 0);
    assert!(slow.len() < ROUNDS, "p99 is {slow:?}");
    world.deliver(a_check()).await;
    world.still_waits();
}

/// How long each of a number of deliveries took, shortest first.
async fn acknowledged(world: &World) -> Vec<Duration> {
    let client = reqwest::Client::new();
    let url = format!("{}/api/CheckFunction?code=&", world.handler_url);
    let mut times = Vec::with_capacity(DELIVERIES);
    for _ in 0..DELIVERIES {
        let ids = world.azure_devops(|state| state.await_check(101));
        let request = a_check()
            .headers(&ids)
            .into_iter()
            .fold(client.post(&url), |request, (name, value)| request.header(name, value));
        let start = Instant::now();
        let answer = request.body("").send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body");
        times.push(start.elapsed());
    }
    times.sort();
    times
}
