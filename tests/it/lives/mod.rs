//! Thousands of lives of checks, from delivery to decision, while everything around them fails: none lost, none decided
//! wrongly or twice, and where there is no decision it is known why.
//!
//! A life follows from its seed alone: [`life`] says what it is, [`scene`] plays it on a [`stage`] with the real routes and
//! clients over real connections, [`judge`] knows by itself how it must end ([`facts`]: what its conditions come to;
//! [`answers`]: what it must be answered, where the answer decides). Time is virtual, and a life runs in one thread, so
//! that the same seed is the same life: `CHECKGATE_SEED=… cargo test lives` repeats just that one, and
//! `CHECKGATE_LIVES=… cargo test lives` plays so many.

mod answers;
mod facts;
mod judge;
mod life;
mod scene;
mod stage;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use checkgate::config;

use judge::End;
use life::Life;
use stage::Stage;

/// Threads: some, so that a life which really waits for a time limit does not hold up the others.
const THREADS: usize = 4;

/// The lives of these seeds, or the one that `CHECKGATE_SEED` names, and how they ended.
fn live(seeds: Range<u64>) {
    let asked = config::environment("CHECKGATE_SEED").map(|seed| seed.parse().expect("CHECKGATE_SEED is a number"));
    let seeds = asked.map_or(seeds, |seed: u64| seed..seed + 1);
    let (begin, next, failed) = (Instant::now(), AtomicU64::new(seeds.start), AtomicBool::new(false));
    let mut ends = BTreeMap::<End, usize>::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| live_some(&seeds, &next, &failed))).collect();
        for thread in threads {
            for (end, count) in thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic)) {
                *ends.entry(end).or_default() += count;
            }
        }
    });
    println!("{} lives in {:?}: {ends:?}", ends.values().sum::<usize>(), begin.elapsed());
}

/// Takes one seed after the other, until none is left or a life has failed.
fn live_some(seeds: &Range<u64>, next: &AtomicU64, failed: &AtomicBool) -> BTreeMap<End, usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut ends = BTreeMap::new();
    runtime.block_on(async {
        let mut stage = Stage::set().await;
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                break;
            }
            let life = Life::of(seed);
            let account = stage.play(&life).await;
            match judge::judge(&life, &account) {
                Ok(end) => *ends.entry(end).or_default() += 1,
                Err(why) => {
                    failed.store(true, Ordering::Relaxed);
                    panic!("{why}; repeat it with CHECKGATE_SEED={seed} cargo test lives\n{life:#?}\n{account}");
                }
            }
        }
    });
    ends
}

#[test]
fn ten_thousand_lives_end_in_their_right_decisions_whatever_fails() {
    let asked = config::environment("CHECKGATE_LIVES").map(|count| count.parse().expect("CHECKGATE_LIVES is a number"));
    live(0..asked.unwrap_or(10_000));
}

#[test]
#[ignore = "takes an hour; run it with `cargo test --release -- --ignored soak`"]
fn soak_of_a_million_lives() {
    live(0..1_000_000);
}
