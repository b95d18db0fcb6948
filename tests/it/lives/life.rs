//! What happens in one life of a check: everything that its seed decides before it begins.

use chrono::TimeDelta;
use simulator::azure_devops::TaskResult;
use simulator::faults::{Fault, RetryAfter};

/// The checks that lives are about.
pub(super) const CHECKS: &str = "
checks:
  task: { timeout: 6m, reevaluateEvery: 3m, conditions: [ taskExecuted: { task: CmdLine } ] }
  no-task: { timeout: 6m, reevaluateEvery: 3m, conditions: [ not: { taskExecuted: { task: CmdLine } } ] }
  item: { timeout: 5m, reevaluateEvery: 3m, conditions: [ workItems: { state: Completed } ] }
  both: { timeout: 6m, reevaluateEvery: 4m,
          conditions: [ taskExecuted: { task: CmdLine }, workItems: { state: Completed } ] }
  either: { timeout: 4m, reevaluateEvery: 150s,
            conditions: [ any: [ taskExecuted: { task: CmdLine }, workItems: { state: Completed } ] ] }
  skips: { timeout: 3m, reevaluateEvery: 2m, onTimeout: skip, conditions: [ workItems: { state: Completed } ] }
  dry: { timeout: 3m, reevaluateEvery: 2m, dryRun: true,
         conditions: [ taskExecuted: { task: CmdLine }, workItems: { state: Completed } ] }
";

/// After this, nothing fails any more. While a record cannot be read, claims cannot tell its duplicates apart, and each duplicate
/// adds one: much longer, and a life has hundreds of evaluations.
pub(super) const CLEARS_UP: TimeDelta = TimeDelta::minutes(12);

/// One check of [`CHECKS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    Task,
    NoTask,
    Item,
    Both,
    Either,
    Skips,
    Dry,
}

impl Check {
    const ALL: [Self; 7] = [Self::Task, Self::NoTask, Self::Item, Self::Both, Self::Either, Self::Skips, Self::Dry];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::NoTask => "no-task",
            Self::Item => "item",
            Self::Both => "both",
            Self::Either => "either",
            Self::Skips => "skips",
            Self::Dry => "dry",
        }
    }

    /// Its `reevaluateEvery`.
    pub(super) const fn interval(self) -> TimeDelta {
        TimeDelta::seconds(match self {
            Self::Task | Self::NoTask | Self::Item => 180,
            Self::Both => 240,
            Self::Either => 150,
            Self::Skips | Self::Dry => 120,
        })
    }

    /// From a delivery to its deadline: the check's `timeout`, less half a minute.
    pub(super) const fn time(self) -> TimeDelta {
        TimeDelta::seconds(match self {
            Self::Task | Self::NoTask | Self::Both => 330,
            Self::Item => 270,
            Self::Either => 210,
            Self::Skips | Self::Dry => 150,
        })
    }
}

/// What happens outside, whatever the handler does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    Delivery,
    Closes,
    Reopens,
    RunIsCancelled,
    /// The run begins to be cancelled, and the stage runs all the same: its condition is `always()`.
    RunIsBeingCancelled,
    /// The messages of the check are lost for good.
    ChainDies,
    CheckEnds(TaskResult),
    TokenExpires,
    OutageOfAzureDevOps(Outage),
    OutageOfQueue,
    OutagesEnd,
}

/// How Azure DevOps is out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outage {
    Down,
    Unreachable,
    SignInPage,
    Throttled,
    /// It does not know any plan. Less than a minute, so that the looks of half a minute see the end of it.
    Gone,
}

impl Outage {
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Down => Fault::status(503),
            Self::Unreachable => Fault::drop_connection(),
            Self::SignInPage => Fault::html(203),
            Self::Gone => Fault::plan_not_found(),
            Self::Throttled => Fault::throttle(RetryAfter::Seconds(30)),
        }
    }
}

/// A whole life.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) seed: u64,
    pub(super) check: Check,
    /// Whether the run has executed the task.
    pub(super) has_task: bool,
    /// Whether the work item is closed at first.
    pub(super) is_closed: bool,
    /// Whether the check's timeline has a record of it.
    pub(super) has_record: bool,
    /// Whether the server serves the callbacks of checks only as previews.
    pub(super) callbacks_are_previews: bool,
    /// What happens, in order; the times count from the beginning.
    pub(super) events: Vec<(TimeDelta, Event)>,
    /// How probable it is that a call fails in one of many ways.
    pub(super) showers: f64,
    /// How probable it is that the evaluation dies, each time that it looks at the clock.
    pub(super) death: f64,
    /// How probable it is that the host dies when evaluations are done, so that their messages come back.
    pub(super) host_death: f64,
    /// How probable it is that the host hands messages out twice, at the same time.
    pub(super) twice: f64,
    /// Whether messages that become visible together are worked on one after the other.
    pub(super) one_at_a_time: bool,
}

impl Life {
    pub(super) fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let check = random.choice(Check::ALL).unwrap_or(Check::Task);
        let (has_task, is_closed) = (random.u8(..4) > 0, random.u8(..4) == 0);
        let mut events = deliveries(&mut random);
        events.extend(changes(&mut random));
        events.extend(ends(&mut random));
        events.extend(death(&mut random));
        let (has_record, callbacks_are_previews) = (random.u8(..8) > 0, random.u8(..8) == 0);
        let is_calm = random.u8(..5) == 0;
        if !is_calm {
            events.extend(outages(&mut random));
        }
        events.sort_by_key(|(at, _)| *at);
        let sometimes = |random: &mut fastrand::Rng, most: f64| if random.bool() { random.f64() * most } else { 0.0 };
        Self {
            seed,
            check,
            has_task,
            is_closed,
            has_record,
            callbacks_are_previews,
            events,
            showers: if is_calm { 0.0 } else { sometimes(&mut random, 0.02) },
            death: sometimes(&mut random, 0.025),
            host_death: sometimes(&mut random, 0.1),
            twice: sometimes(&mut random, 0.1),
            one_at_a_time: random.bool(),
        }
    }

    /// Whether nothing goes wrong in it.
    pub(super) fn is_undisturbed(&self) -> bool {
        self.is_calm()
            && self.redelivery().is_none()
            && self.death == 0.0
            && self.host_death == 0.0
            && self.twice == 0.0
    }

    /// When the check is delivered again because its messages are lost.
    pub(super) fn redelivery(&self) -> Option<TimeDelta> {
        let death = self.events.iter().position(|(_, event)| *event == Event::ChainDies)?;
        let deliveries = self.events[death..].iter().filter(|(_, event)| *event == Event::Delivery);
        deliveries.map(|(at, _)| *at).max()
    }

    /// Whether calls fail in it.
    pub(super) fn is_calm(&self) -> bool {
        let is_outage = |event: &Event| matches!(event, Event::OutageOfAzureDevOps(_) | Event::OutageOfQueue);
        self.showers == 0.0 && !self.events.iter().any(|(_, event)| is_outage(event))
    }
}

fn seconds(random: &mut fastrand::Rng, range: std::ops::Range<i64>) -> TimeDelta {
    TimeDelta::seconds(random.i64(range))
}

/// Mostly one; sometimes some, and a few of them at once.
fn deliveries(random: &mut fastrand::Rng) -> Vec<(TimeDelta, Event)> {
    let mut all = vec![(TimeDelta::zero(), Event::Delivery)];
    while random.u8(..6) == 0 {
        let at = if random.bool() { TimeDelta::zero() } else { seconds(random, 0..180) };
        all.push((at, Event::Delivery));
    }
    all
}

/// The work item is closed, and perhaps opened again.
fn changes(random: &mut fastrand::Rng) -> Vec<(TimeDelta, Event)> {
    let (mut all, mut at) = (Vec::new(), TimeDelta::zero());
    for event in [Event::Closes, Event::Reopens, Event::Closes] {
        if random.u8(..3) == 0 {
            break;
        }
        // Often soon: between the death of an evaluation and the next try.
        at += if random.bool() { seconds(random, 1..12) } else { seconds(random, 1..200) };
        all.push((at, event));
    }
    all
}

/// Somebody or something else ends the check.
fn ends(random: &mut fastrand::Rng) -> Option<(TimeDelta, Event)> {
    let event = match random.u8(..100) {
        0..=9 => Event::RunIsCancelled,
        15..=24 => Event::RunIsBeingCancelled,
        10 => Event::CheckEnds(TaskResult::Canceled),
        11 => Event::CheckEnds(TaskResult::Skipped),
        12 => Event::CheckEnds(TaskResult::Succeeded),
        13 => Event::CheckEnds(TaskResult::Failed),
        14 => Event::TokenExpires,
        _ => return None,
    };
    Some((seconds(random, 0..300), event))
}

/// The messages are lost, and the check is delivered again.
fn death(random: &mut fastrand::Rng) -> Vec<(TimeDelta, Event)> {
    if random.u8(..16) > 0 {
        return Vec::new();
    }
    let at = seconds(random, 0..400);
    vec![(at, Event::ChainDies), (at + seconds(random, 1..1_200), Event::Delivery)]
}

/// Nothing works for a while.
fn outages(random: &mut fastrand::Rng) -> Vec<(TimeDelta, Event)> {
    let begin = seconds(random, 0..240);
    let mut end = begin + seconds(random, 1..400);
    let event = match random.u8(..12) {
        0 => Event::OutageOfAzureDevOps(Outage::Down),
        1 => Event::OutageOfAzureDevOps(Outage::Unreachable),
        2 => Event::OutageOfAzureDevOps(Outage::SignInPage),
        3 => Event::OutageOfAzureDevOps(Outage::Throttled),
        4 => Event::OutageOfQueue,
        5 => {
            end = begin + seconds(random, 1..60);
            Event::OutageOfAzureDevOps(Outage::Gone)
        }
        _ => return Vec::new(),
    };
    vec![(begin, event), (end.min(CLEARS_UP), Event::OutagesEnd)]
}
