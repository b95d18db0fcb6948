//! What happens in one life of a check: everything that its seed decides before it begins.

use std::time::Duration;

use chrono::TimeDelta;
use simulator::azure_devops::{TaskResult, UpdateAnswer};
use simulator::azure_pipelines::{CheckSettings, ErrorStatus};
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

const FIRST_DELIVERY: (TimeDelta, Event) = (TimeDelta::zero(), Event::Delivery);

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

    /// Its `timeout`.
    pub(super) const fn timeout(self) -> TimeDelta {
        TimeDelta::minutes(match self {
            Self::Task | Self::NoTask | Self::Both => 6,
            Self::Item => 5,
            Self::Either => 4,
            Self::Skips | Self::Dry => 3,
        })
    }

    /// From a delivery to its deadline: the check's `timeout`, less half a minute.
    pub(super) fn time(self) -> TimeDelta {
        self.timeout() - TimeDelta::seconds(30)
    }
}

/// Who decides the check, as it is configured in Azure Pipelines and by its headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Azure Pipelines waits for checkgate's decision.
    Callback,
    /// Azure Pipelines takes any answer with status 200 for a decision, as it does unless somebody changes that. checkgate
    /// does not know it.
    Acknowledged,
    /// The decision is the answer, which Azure Pipelines may ask for more than once.
    Answered,
}

/// How messages are lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loss {
    Messages,
    /// The queue too.
    Queue,
    /// The next put is acknowledged, and lost.
    NextPut,
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
    /// Messages of the check are lost for good.
    Lost(Loss),
    CheckEnds(TaskResult),
    TokenExpires,
    OutageOfAzureDevOps(Outage),
    /// The handler's calls of the queue fail for so long: all of them, or those with this method. It may end while an
    /// evaluation holds on.
    OutageOfQueue(&'static str, TimeDelta),
    /// The storage account is down: the host receives nothing either.
    StorageIsDown(TimeDelta),
    OutagesEnd,
    /// Azure DevOps does not know the check for a moment.
    Hiccup(Hiccup),
}

/// A typed error that says that nobody waits for the check, so many times. It takes three to believe it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hiccup {
    /// The session of the decision moves from one server to another, which answers with this status.
    Session(u16, u64),
    Plan(u64),
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
    /// Whether the check's timeline and that of the run have odd records of others.
    pub(super) has_odd_records: bool,
    /// Whether the stage runs although the run is cancelled.
    pub(super) always_runs: bool,
    /// Who decides.
    pub(super) mode: Mode,
    /// How the check is configured in Azure Pipelines.
    pub(super) settings: CheckSettings,
    /// How long each call of Azure DevOps takes.
    pub(super) latency: Duration,
    /// How long a visible message waits until the host receives it.
    pub(super) pick_up_lag: TimeDelta,
    /// Whether the server serves the callbacks of checks only as previews.
    pub(super) callbacks_are_previews: bool,
    /// What it answers updates of records with.
    pub(super) update_answer: UpdateAnswer,
    /// Whether the handler has decided a check before, and knows that it gets whole records.
    pub(super) answers_are_known: bool,
    /// What happens, in order; the times count from the beginning.
    pub(super) events: Vec<(TimeDelta, Event)>,
    /// How probable it is that a call fails in one of many ways.
    pub(super) showers: f64,
    /// How probable it is that the evaluation dies, each time that it looks at the clock.
    pub(super) death: f64,
    /// Whether the host dies with the evaluation, so that its message stays locked.
    pub(super) machines_die: bool,
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
        let mode = match random.u8(..24) {
            0 => Mode::Acknowledged,
            1 | 2 => Mode::Answered,
            _ => Mode::Callback,
        };
        let is_calm = random.u8(..5) == 0;
        let is_slow = random.u8(..4) == 0;
        let sometimes = |random: &mut fastrand::Rng, most: f64| if random.bool() { random.f64() * most } else { 0.0 };
        Self {
            seed,
            check,
            has_task: random.u8(..4) > 0,
            is_closed: random.u8(..4) == 0,
            has_record: random.u8(..8) > 0,
            has_odd_records: random.u8(..4) == 0,
            always_runs: random.u8(..8) == 0,
            mode,
            settings: settings(&mut random, check, mode),
            latency: Duration::from_millis(if is_slow { random.u64(1..1_000) } else { 0 }),
            pick_up_lag: TimeDelta::seconds(if is_slow { random.i64(0..8) } else { 0 }),
            callbacks_are_previews: random.u8(..8) == 0,
            update_answer: update_answer(seed),
            answers_are_known: seed % 6 > 3,
            events: events(&mut random, mode, is_calm),
            showers: if is_calm { 0.0 } else { sometimes(&mut random, 0.02) },
            death: sometimes(&mut random, 0.025),
            host_death: sometimes(&mut random, 0.1),
            twice: sometimes(&mut random, 0.1),
            one_at_a_time: random.bool(),
            machines_die: random.bool(),
        }
    }

    /// A check that passes at once.
    pub(super) fn that_passes() -> Self {
        Self {
            seed: 0,
            check: Check::Task,
            has_task: true,
            is_closed: true,
            has_record: true,
            has_odd_records: false,
            always_runs: false,
            mode: Mode::Callback,
            settings: CheckSettings::callback(Check::Task.timeout()),
            latency: Duration::ZERO,
            pick_up_lag: TimeDelta::zero(),
            callbacks_are_previews: false,
            update_answer: UpdateAnswer::WholeRecords,
            answers_are_known: true,
            events: vec![FIRST_DELIVERY],
            showers: 0.0,
            death: 0.0,
            machines_die: false,
            host_death: 0.0,
            twice: 0.0,
            one_at_a_time: true,
        }
    }

    /// Whether nothing goes wrong in it.
    pub(super) fn is_undisturbed(&self) -> bool {
        self.death == 0.0 && self.has_nothing_but_deaths()
    }

    /// Whether nothing goes wrong in it but that machines die.
    pub(super) fn has_nothing_but_deaths(&self) -> bool {
        self.is_calm()
            && self.redelivery().is_none()
            && (self.death == 0.0 || self.machines_die)
            && self.host_death == 0.0
            && self.twice == 0.0
            && (!self.is_slow() || self.deliveries().count() == 1)
    }

    /// When the check is delivered again because its messages are lost.
    pub(super) fn redelivery(&self) -> Option<TimeDelta> {
        let loss = self.events.iter().position(|(_, event)| matches!(event, Event::Lost(_)))?;
        let deliveries = self.events[loss..].iter().filter(|(_, event)| *event == Event::Delivery);
        deliveries.map(|(at, _)| *at).max()
    }

    /// Whether no call fails in it.
    pub(super) fn is_calm(&self) -> bool {
        let is_trouble = |event: &Event| {
            matches!(
                event,
                Event::OutageOfAzureDevOps(_) | Event::OutageOfQueue(..) | Event::StorageIsDown(_) | Event::Hiccup(_)
            )
        };
        self.showers == 0.0 && !self.events.iter().any(|(_, event)| is_trouble(event))
    }

    /// Whether time passes while it is evaluated.
    pub(super) fn is_slow(&self) -> bool {
        !self.latency.is_zero() || !self.pick_up_lag.is_zero()
    }

    /// When it is delivered.
    pub(super) fn deliveries(&self) -> impl Iterator<Item = TimeDelta> + '_ {
        self.events.iter().filter(|(_, event)| *event == Event::Delivery).map(|(at, _)| *at)
    }

    /// Whether this happens in it.
    pub(super) fn has_event(&self, wanted: Event) -> bool {
        self.events.iter().any(|(_, event)| *event == wanted)
    }
}

fn seconds(random: &mut fastrand::Rng, range: std::ops::Range<i64>) -> TimeDelta {
    TimeDelta::seconds(random.i64(range))
}

/// Half of the servers answer with whole records.
const fn update_answer(seed: u64) -> UpdateAnswer {
    match seed % 6 {
        0 => UpdateAnswer::WithoutVariables,
        1 => UpdateAnswer::OnlyWhatWasWritten,
        2 => UpdateAnswer::Nothing,
        _ => UpdateAnswer::WholeRecords,
    }
}

/// Half of the checks have the *Timeout* that the docs ask for. The others wait for long, so that what comes late is seen.
fn settings(random: &mut fastrand::Rng, check: Check, mode: Mode) -> CheckSettings {
    let timeout = if random.bool() { check.timeout() } else { TimeDelta::days(1) };
    match mode {
        Mode::Callback => CheckSettings::callback(timeout),
        Mode::Acknowledged => CheckSettings { timeout, ..CheckSettings::default() },
        Mode::Answered => {
            let interval = if random.bool() { check.timeout() / 10 } else { TimeDelta::zero() };
            let guide = CheckSettings::api_response(check.timeout(), interval);
            let error_status = if random.bool() { ErrorStatus::Final } else { ErrorStatus::AskedAgain };
            let success_criteria = if random.bool() { guide.success_criteria.clone() } else { String::new() };
            CheckSettings { error_status, success_criteria, ..guide }
        }
    }
}

/// What happens, in order.
fn events(random: &mut fastrand::Rng, mode: Mode, is_calm: bool) -> Vec<(TimeDelta, Event)> {
    let mut events = vec![FIRST_DELIVERY];
    events.extend(changes(random));
    if mode != Mode::Answered {
        events.extend(further_deliveries(random));
        events.extend(loss(random));
    }
    events.extend(ends(random).filter(|(_, event)| mode != Mode::Answered || *event == Event::RunIsCancelled));
    if !is_calm {
        events.extend(outages(random));
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

/// Mostly none; sometimes some, and a few of them at once.
fn further_deliveries(random: &mut fastrand::Rng) -> Vec<(TimeDelta, Event)> {
    let mut all = Vec::new();
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

/// Messages are lost, and the check is delivered again.
fn loss(random: &mut fastrand::Rng) -> Vec<(TimeDelta, Event)> {
    let loss = match random.u8(..48) {
        0 => Loss::Messages,
        1 => Loss::Queue,
        2 => Loss::NextPut,
        _ => return Vec::new(),
    };
    let at = seconds(random, 0..400);
    vec![(at, Event::Lost(loss)), (at + seconds(random, 1..1_200), Event::Delivery)]
}

/// Nothing works for a while.
fn outages(random: &mut fastrand::Rng) -> Vec<(TimeDelta, Event)> {
    let begin = seconds(random, 0..240);
    let mut end = begin + seconds(random, 1..400);
    let event = match random.u8(..16) {
        0 => Event::OutageOfAzureDevOps(Outage::Down),
        1 => Event::OutageOfAzureDevOps(Outage::Unreachable),
        2 => Event::OutageOfAzureDevOps(Outage::SignInPage),
        3 => Event::OutageOfAzureDevOps(Outage::Throttled),
        4 => {
            let method = random.choice(["", "POST", "PUT"]).unwrap_or_default();
            Event::OutageOfQueue(method, end.min(CLEARS_UP) - begin)
        }
        5 => {
            end = begin + seconds(random, 1..60);
            Event::OutageOfAzureDevOps(Outage::Gone)
        }
        6 => return vec![(begin, Event::StorageIsDown(end.min(CLEARS_UP) - begin))],
        7 => {
            return vec![(
                begin,
                Event::Hiccup(Hiccup::Session(if random.bool() { 404 } else { 500 }, random.u64(1..3))),
            )];
        }
        8 => return vec![(begin, Event::Hiccup(Hiccup::Plan(random.u64(1..3))))],
        _ => return Vec::new(),
    };
    vec![(begin, event), (end.min(CLEARS_UP), Event::OutagesEnd)]
}
