//! The life of a check as a model that is checked exhaustively: all interleavings of a few messages, with a few troubles at
//! any of their steps.
//!
//! The model calls the real [`Claims`]. It abstracts from the rest: what an evaluation finds is chosen freely each time; one
//! write of the claim stands for all of an evaluation; time passes only as the number of evaluations, and of the host's lease
//! the model knows just that it is longer than it takes until an early successor is due; an evaluation is shorter than the
//! interval to the next one; calls of Azure DevOps happen one at a time, as they do there; of claims whose write timed out only
//! the last one may still arrive. It knows no outage of reads, no clock that goes wrong, and neither
//! the last tries of a message nor the poison queue: `lives` and `faults` do. Each protection can be switched off, and then
//! a counterexample must be found: else the model would prove nothing about it.

use std::collections::BTreeSet;

use checkgate::queue::claim::{Claim, Claims, Ownership};
use chrono::{DateTime, Utc};
use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

/// What keeps a check from being lost or doubled; all of it is on in the real code.
#[derive(Clone)]
struct Protocol {
    claims: bool,
    waiting_for_other_chain: bool,
    /// Whether a message that is tried again counts on a claim of its first try.
    tries: bool,
    pending_decision: bool,
    /// Whether a decision counts only if nobody else has claimed the check since this evaluation did.
    claim_before_decision: bool,
    /// Whether an evaluation takes a decision out of the record that does not count.
    withdrawing: bool,
    enqueue_before_acknowledging: bool,
    successor_before_delete: bool,
    /// Whether an evaluation begins by queueing its message once more.
    early_successor: bool,
    deadline: bool,
    /// Whether another delivery goes on with a check whose chain is dead.
    taking_over: bool,
    /// Whether it waits first until that chain can only be dead.
    waiting_for_the_dead: bool,
    /// Whether it takes three looks to believe that nobody waits for the check.
    more_looks: bool,
    /// The number of the evaluation that reaches the deadline; the first is 0.
    last_evaluation: u8,
    /// How many times Azure Pipelines delivers the check at most.
    deliveries: u8,
    /// How many things go wrong at most, whichever they are.
    troubles: u8,
}

impl Protocol {
    const fn with(last_evaluation: u8, deliveries: u8, troubles: u8) -> Self {
        Self {
            claims: true,
            waiting_for_other_chain: true,
            tries: true,
            pending_decision: true,
            claim_before_decision: true,
            withdrawing: true,
            enqueue_before_acknowledging: true,
            successor_before_delete: true,
            early_successor: true,
            deadline: true,
            taking_over: true,
            waiting_for_the_dead: true,
            more_looks: true,
            last_evaluation,
            deliveries,
            troubles,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Decision {
    Approved,
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Finding {
    Met,
    NotMet,
    /// Or not measured, which is the same here.
    NotYet,
}

/// How the check ended in Azure Pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    Decided(Decision),
    Cancelled,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Message {
    id: u8,
    handed_out: u8,
    evaluations: u8,
    claims: Vec<Claim>,
    doubted: Option<Claim>,
    pending_decision: Option<Decision>,
    /// Whether its chain has owned the check.
    begun: bool,
    /// The messages of other chains which have their turn before this one looks again.
    awaits: BTreeSet<u8>,
    /// Whether it waits for those, and not only for a claim that may be on its way.
    is_promised: bool,
    /// Whether the record holds another claim by now than the one that was doubted.
    doubt_is_past: bool,
    /// How many looks in a row found nobody waiting.
    gone_looks: u8,
    /// How many posts of the decision found nobody waiting.
    gone_posts: u8,
    /// Whether it is an early successor.
    is_early: bool,
    /// Whether its evaluation died, so that it comes back when the host's lease is over.
    is_leased: bool,
}

impl Message {
    /// Its early successor, without claims.
    fn early(&self) -> Self {
        let (claims, awaits) = (Vec::new(), BTreeSet::new());
        Self { id: 0, handed_out: 0, is_early: true, is_leased: false, claims, awaits, ..self.clone() }
    }

    /// Waits for another chain, which may have promised to look again.
    fn wait(&mut self, claim: Option<Claim>, is_promised: bool) {
        self.doubted = claim;
        (self.is_promised, self.doubt_is_past) = (is_promised, false);
    }
}

/// The next thing that an evaluation does; it may die before each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Look,
    Claim,
    Judge,
    Keep(Decision),
    ReadBack(Decision),
    Report(Decision),
    Doubt,
    Put,
    Delete,
    /// Only without the protection that the successor comes first.
    DeleteFirst,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Evaluation {
    message: Message,
    step: Step,
    claims: Claims,
    /// The message as it was handed out, but for its claims: the early successor, which is in the queue and whose due time
    /// moves on. `None` where there is none, or nobody knows of it.
    early: Option<Message>,
    has_put: bool,
    is_deleted: bool,
}

/// How a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Luck {
    Good,
    /// It happens, but the answer is lost.
    AnswerLost,
    /// It does not happen, or only later.
    Fails,
    /// It is done twice, or answered without being done.
    Odd,
    /// The answer is for a moment that nobody waits for the check.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Deliver,
    /// The handler dies between its two halves.
    DeliverHalf,
    HandOut(usize),
    /// The same for one that was handed out before, and comes before its chain looks again as it has promised.
    HandOutSoon(usize),
    /// The message's lease lapses, or the host is another one: somebody else gets it too.
    HandOutTwice(usize),
    /// The same for a first try whose early successor is not queued. Alone that changes nothing.
    HandOutBare(usize),
    /// The same for one whose early successor goes its own way: its put seems to fail, or its due time is not moved on, or it
    /// can be neither changed nor deleted in the end.
    HandOutUnheld(usize),
    /// The evaluation of a first try dies before anything else.
    HandOutAndDie(usize),
    Advance(usize, Luck),
    Find(usize, Finding),
    Die(usize),
    /// The message is lost for good.
    Lose(usize),
    /// A write of a claim that timed out arrives after all.
    ArriveLate,
    Cancel,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    // Azure DevOps.
    claim: Option<Claim>,
    /// The decisions in the record, and the claims with which they were made, oldest first. The newest counts.
    kept: Vec<(Claim, Decision)>,
    /// Those that are known not to count, by their claims.
    uncounted: Vec<Claim>,
    end: Option<End>,
    late_claim: Option<Claim>,
    // The queue and its host.
    queue: Vec<Message>,
    running: Vec<Evaluation>,
    // What has happened.
    deliveries: u8,
    acknowledged: bool,
    troubles: u8,
    /// Evaluations that found it was their turn.
    turns: u8,
    has_duplicates: bool,
    is_unkept: bool,
    /// Whether a claim was not written, so that a chain that lives may seem dead.
    is_unclaimed: bool,
    /// Whether a chain that lives was taken for dead.
    is_ousted: bool,
    /// Whether an evaluation had no early successor, or lost it.
    is_bare: bool,
    /// Whether an evaluation has followed a decision that was known not to count, instead of making one.
    is_stale: bool,
    evidence: bool,
    announced: BTreeSet<Decision>,
    accepted: Vec<Decision>,
}

fn name(id: u8) -> String {
    id.to_string()
}

impl State {
    /// Puts a message, and returns its id.
    fn put(&mut self, message: Message) -> u8 {
        // New, and not that of a message that is gone.
        let ids =
            self.queue.iter().chain(self.running.iter().map(|running| &running.message)).map(|message| message.id);
        let mut latest = ids.max().unwrap_or_default();
        let mut count = |claim: &Claim| latest = claim.message_id.parse::<u8>().unwrap_or_default().max(latest);
        // Of its predecessor too, which is not among the running ones at this moment.
        message.claims.iter().for_each(&mut count);
        self.each_claim(|claim| count(claim));
        self.queue.push(Message { id: latest + 1, handed_out: 0, ..message });
        latest + 1
    }

    fn kept_decision(&self) -> Option<Decision> {
        self.kept.last().map(|(_, decision)| *decision)
    }

    /// Whether the decision that counts was made with the record's claim. Then all others follow it.
    fn is_settled(&self) -> bool {
        self.kept.last().map(|(kept, _)| kept.made_at) == self.claim.as_ref().map(|claim| claim.made_at)
    }

    fn keep(&mut self, claim: Option<&Claim>, decision: Decision) {
        let made_at = claim.map_or(0, |claim| claim.made_at);
        self.kept.retain(|(kept, _)| kept.made_at != made_at);
        self.kept.push((Claim { made_at, message_id: String::new(), next_look: None }, decision));
        self.kept.sort();
    }

    /// The decision that was made with this claim does not count.
    fn uncount(&mut self, claim: Option<&Claim>, protocol: &Protocol) {
        let made_at = claim.map_or(0, |claim| claim.made_at);
        if protocol.withdrawing {
            self.kept.retain(|(kept, _)| kept.made_at != made_at);
        } else {
            self.uncounted.push(Claim { made_at, message_id: String::new(), next_look: None });
        }
    }

    /// An evaluation has a successor. Those that wait for it go on to wait for the successor, if they saw the claim of this
    /// evaluation, or if it made none: in both cases the successor's turn comes before the chain counts as dead.
    fn promise(&mut self, evaluation: &Evaluation, successor: u8) {
        let id = evaluation.message.id;
        let running = self.running.iter_mut().map(|running| &mut running.message);
        for message in self.queue.iter_mut().chain(running) {
            let has_seen = message.doubted.as_ref().is_some_and(|claim| claim.message_id == name(id));
            if (has_seen || !evaluation.claims.has_made) && message.awaits.contains(&id) {
                message.awaits.insert(successor);
            }
        }
    }

    /// Later than any claim that was made.
    fn now(&mut self) -> u64 {
        let mut latest = 0;
        self.each_claim(|claim| latest = claim.made_at.max(latest));
        latest + 1
    }

    fn each_claim(&mut self, mut act: impl FnMut(&mut Claim)) {
        let queued = self.queue.iter_mut().flat_map(|message| message.claims.iter_mut().chain(&mut message.doubted));
        let running = self.running.iter_mut().flat_map(|running| {
            let message = &mut running.message;
            let early = running.early.iter_mut().flat_map(|early| &mut early.doubted);
            running.claims.known.iter_mut().chain(&mut message.claims).chain(&mut message.doubted).chain(early)
        });
        let kept = self.kept.iter_mut().map(|(claim, _)| claim).chain(&mut self.uncounted);
        self.claim.iter_mut().chain(&mut self.late_claim).chain(kept).chain(queued).chain(running).for_each(&mut act);
    }

    /// Forgets what cannot count any more: of older claims when they were made, and those of messages that neither live nor
    /// have a claim that the record holds or may still get.
    fn forget(&mut self) {
        let owner = |claim: &Claim| claim.message_id.clone();
        let mut owners: BTreeSet<String> = self.claim.iter().chain(&self.late_claim).map(owner).collect();
        let messages = self.queue.iter().chain(self.running.iter().map(|running| &running.message));
        owners.extend(messages.map(|message| name(message.id)));
        let keep = |claims: &mut Vec<Claim>| {
            let Some(newest) = claims.pop() else { return };
            claims.retain(|claim| owners.contains(&claim.message_id) && claim.message_id != newest.message_id);
            claims.iter_mut().for_each(|claim| claim.made_at = 0);
            claims.sort();
            claims.dedup();
            claims.push(newest);
        };
        let running =
            self.running.iter_mut().flat_map(|running| running.early.iter_mut().chain([&mut running.message]));
        for message in self.queue.iter_mut().chain(running) {
            keep(&mut message.claims);
            let is_past = |doubted: &mut Claim| ![&self.claim, &self.late_claim].contains(&&Some(doubted.clone()));
            message.doubt_is_past |= message.doubted.take_if(is_past).is_some() && !message.begun;
            message.awaits.retain(|id| owners.contains(&name(*id)));
            // Handed out again is handed out again.
            message.handed_out = message.handed_out.min(2);
            message.is_early &= message.handed_out == 0;
        }
        for running in &mut self.running {
            keep(&mut running.claims.known);
            // After its look it counts only whether it was tried before, and that only until it makes a claim.
            let claims = &mut running.claims;
            let has_looked = running.step != Step::Look;
            claims.retried_at = claims.retried_at.map(|at| if has_looked { u64::MAX } else { at });
            claims.retried_at.take_if(|_| claims.has_made);
            // It only makes room for itself, and there is room for all here.
            running.claims.recorded = None;
        }
    }

    /// Once the check has ended, every message that looks for it ends without doing anything, so that only those evaluations
    /// count which looked before.
    fn forget_all_but_decisions(&mut self) {
        let has_looked =
            |step| matches!(step, Step::Claim | Step::Judge | Step::Keep(_) | Step::ReadBack(_) | Step::Report(_));
        self.running.retain(|running| has_looked(running.step));
        for running in &mut self.running {
            let evaluations = running.message.evaluations;
            running.message = Message { evaluations, ..Message::default() };
            running.claims = Claims::new(String::new(), Vec::new());
            running.early = None;
        }
        self.queue.clear();
        (self.claim, self.late_claim) = (None, None);
    }

    /// Names and numbers everything anew, so that states which differ in nothing that counts are one.
    fn renumber(&mut self) {
        if self.end.is_some() {
            self.forget_all_but_decisions();
        }
        self.queue.sort_by_key(|message| (message.id, message.handed_out));
        self.running.sort_by_key(|running| (running.message.id, running.message.handed_out));
        self.forget();
        let (mut times, mut owners) = (BTreeSet::from([0]), BTreeSet::new());
        self.each_claim(|claim| {
            times.insert(claim.made_at);
            owners.insert(claim.message_id.parse::<u8>().unwrap_or_default());
        });
        owners.extend(self.queue.iter().chain(self.running.iter().map(|running| &running.message)).map(|it| it.id));
        let place = |of: usize| u8::try_from(of).unwrap_or_default();
        let times: Vec<u64> = times.into_iter().collect();
        let ids: Vec<u8> = owners.into_iter().collect();
        let new_id = |id: u8| place(ids.iter().position(|known| *known == id).unwrap_or_default());
        self.each_claim(|claim| {
            claim.made_at = place(times.iter().position(|time| *time == claim.made_at).unwrap_or_default()).into();
            claim.message_id = name(new_id(claim.message_id.parse().unwrap_or_default()));
        });
        let renew = |message: &mut Message| {
            message.id = new_id(message.id);
            message.awaits = message.awaits.iter().map(|id| new_id(*id)).collect();
        };
        self.queue.iter_mut().for_each(renew);
        for running in &mut self.running {
            renew(&mut running.message);
            running.claims.message_id = name(running.message.id);
        }
    }

    /// The host hands the message out again, unless it was deleted.
    fn give_back(&mut self, mut evaluation: Evaluation) {
        self.release_early(&mut evaluation);
        if !evaluation.is_deleted {
            self.has_duplicates |= evaluation.has_put;
            self.queue.push(evaluation.message);
        }
    }

    /// The evaluation has done with its early successor, which goes on.
    fn release_early(&mut self, evaluation: &mut Evaluation) {
        let Some(early) = evaluation.early.take() else { return };
        let id = self.put_early(&evaluation.message, early);
        self.promise(evaluation, id);
        // The host's lease is longer than the minute after which the early successor is due.
        evaluation.message.awaits.insert(id);
    }

    fn put_early(&mut self, of: &Message, early: Message) -> u8 {
        let mut claims = of.claims.clone();
        claims.insert(0, Claim { made_at: 0, message_id: name(of.id), next_look: None });
        self.has_duplicates = true;
        self.put(Message { claims, ..early })
    }

    /// Whether this evaluation may begin: each is shorter than the interval, so that none of an earlier one still runs.
    fn is_due(&self, message: &Message) -> bool {
        // What the host keeps does not hold up its early successor. One that waits for another chain waits longer.
        let counts = |other: &Message| message.is_promised || !other.is_leased;
        let is_awaited = |other: &Message| message.awaits.contains(&other.id) && counts(other);
        !self.messages().any(is_awaited)
            && self.running.iter().all(|running| running.message.evaluations >= message.evaluations)
    }

    /// A message that is tried again may come before its chain looks again as it has promised, or afterwards.
    fn hand_out(&mut self, mut message: Message, protocol: &Protocol, is_soon: bool) {
        message.handed_out += 1;
        message.is_leased = false;
        let claims = Claims::new(name(message.id), message.claims.clone());
        let is_retry = protocol.tries && (message.handed_out > 1 || message.is_early);
        let claims = if is_retry { claims.of_retry(if is_soon { 0 } else { u64::MAX }) } else { claims };
        let early = Some(message.early()).filter(|_| protocol.early_successor && message.handed_out == 1);
        let is_newcomer = protocol.taking_over && !message.begun;
        let claims = if is_newcomer { claims.of_newcomer(0) } else { claims };
        let step = Step::Look;
        self.running.push(Evaluation { message, step, claims, early, has_put: false, is_deleted: false });
    }

    /// All messages but the one whose step it is.
    fn messages(&self) -> impl Iterator<Item = &Message> {
        self.queue.iter().chain(self.running.iter().map(|running| &running.message))
    }

    /// Those of the chain that made the record's claim.
    fn owners(&self) -> impl Iterator<Item = &Message> {
        let made = |id: &String| self.claim.as_ref().is_some_and(|claim| claim.message_id == *id);
        self.messages().filter(move |message| {
            made(&name(message.id)) || message.claims.iter().any(|claim| made(&claim.message_id))
        })
    }

    /// Whether it makes a difference that this message is tried again before its chain looks again.
    fn may_be_soon(&self, message: &Message) -> bool {
        let is_own = self.owners().any(|owner| owner.id == message.id);
        is_own && (message.handed_out > 0 || message.is_early)
    }

    /// A message is lost. Only another delivery can save the check then, or one that still waits: not one that has seen the
    /// lost chain live.
    fn lose(&mut self, index: usize) {
        self.queue.remove(index);
        self.is_bare = true;
        let running = self.running.iter().filter(|running| running.step != Step::Delete);
        let mut left = self.queue.iter().chain(running.map(|running| &running.message));
        self.acknowledged &= left.any(|message| !message.begun && !message.doubt_is_past);
    }
}

impl Protocol {
    fn judge(&self, state: &State, claims: &mut Claims, message: &Message) -> Ownership {
        let past = Claim { made_at: 0, message_id: String::new(), next_look: None };
        let doubted = message.doubted.as_ref().or_else(|| message.doubt_is_past.then_some(&past));
        match claims.judge(state.claim.as_ref(), doubted) {
            _ if !self.claims => Ownership::Ours,
            Ownership::Unclear(_) if !self.waiting_for_other_chain => Ownership::Other,
            turn => turn,
        }
    }

    /// How many times in a row nobody has to wait for the check before that is believed.
    const fn looks_to_believe(&self) -> u8 {
        if self.more_looks { 3 } else { 1 }
    }

    /// One machine of Azure DevOps does not know the check for a moment.
    const fn look_in_vain(&self, evaluation: &mut Evaluation) {
        evaluation.message.gone_looks += 1;
        let is_believed = evaluation.message.gone_looks >= self.looks_to_believe();
        evaluation.step = if is_believed { Step::Delete } else { Step::Doubt };
    }

    fn look(&self, state: &mut State, evaluation: &mut Evaluation) {
        let message = &mut evaluation.message;
        message.gone_looks = 0;
        // Every claim promises a look at once. Where all have had their turn, one that is still there is late.
        let is_late = (message.is_promised && message.doubted == state.claim) || !self.waiting_for_the_dead;
        let newcomer_at = &mut evaluation.claims.newcomer_at;
        *newcomer_at = newcomer_at.map(|_| if is_late { u64::MAX } else { 0 });
        let turn = self.judge(state, &mut evaluation.claims, message);
        if let (Ownership::Promised(_), None) = (turn, state.end) {
            message.awaits =
                state.messages().filter(|other| other.begun).chain(state.owners()).map(|it| it.id).collect();
            message.wait(state.claim.clone(), true);
            evaluation.step = Step::Doubt;
            return;
        }
        if evaluation.claims.dead_since.take().is_some() {
            state.is_ousted |= state.end.is_none() && state.owners().next().is_some();
        }
        if state.end.is_some() || turn == Ownership::Other {
            evaluation.step = Step::Delete;
            return;
        }
        if self.pending_decision {
            state.is_stale |= state.kept.last().is_some_and(|(kept, _)| state.uncounted.contains(kept));
            message.pending_decision = state.kept_decision().or(message.pending_decision);
        }
        let is_over = message.evaluations >= self.last_evaluation;
        if matches!(turn, Ownership::Unclear(_)) && message.pending_decision.is_none() && !is_over {
            message.wait(state.claim.clone(), false);
            evaluation.step = Step::Doubt;
            return;
        }
        message.wait(None, false);
        message.begun = true;
        message.awaits.clear();
        state.turns += 1;
        evaluation.step = match message.pending_decision {
            Some(decision) if state.is_settled() || !self.claim_before_decision => Step::Report(decision),
            _ => Step::Claim,
        };
    }

    fn find(&self, state: &mut State, evaluation: &mut Evaluation, finding: Finding) {
        let is_over = evaluation.message.evaluations >= self.last_evaluation;
        let decide = |decision| if self.pending_decision { Step::Keep(decision) } else { Step::Report(decision) };
        state.evidence |= finding == Finding::Met;
        evaluation.step = match finding {
            Finding::Met => decide(Decision::Approved),
            Finding::NotMet => decide(Decision::Rejected),
            Finding::NotYet if !is_over => self.come_back(),
            Finding::NotYet if self.deadline => decide(Decision::Rejected),
            Finding::NotYet => Step::Delete,
        };
    }

    const fn come_back(&self) -> Step {
        if self.successor_before_delete { Step::Put } else { Step::DeleteFirst }
    }

    /// Takes the next step. Returns the evaluation unless it is over.
    fn advance(&self, state: &mut State, mut evaluation: Evaluation, luck: Luck) -> Option<Evaluation> {
        let happens = luck != Luck::Fails;
        match evaluation.step {
            Step::Look if luck == Luck::Gone => self.look_in_vain(&mut evaluation),
            Step::Look => self.look(state, &mut evaluation),
            Step::Claim => self.claim(state, &mut evaluation, happens),
            Step::Keep(decision) => self.keep(state, &mut evaluation, (decision, luck)),
            Step::ReadBack(decision) => self.read_back(state, &mut evaluation, decision),
            Step::Report(decision) => self.report(state, &mut evaluation, decision, luck),
            Step::Doubt | Step::Put => return Self::put(state, evaluation, luck),
            Step::DeleteFirst => {
                evaluation.is_deleted = true;
                evaluation.step = Step::Put;
            }
            Step::Delete => return None,
            Step::Judge => {}
        }
        Some(evaluation)
    }

    fn claim(&self, state: &mut State, evaluation: &mut Evaluation, happens: bool) {
        state.is_unclaimed |= !happens;
        let claim = Some(evaluation.claims.make_until(state.now(), DateTime::<Utc>::MAX_UTC));
        if happens {
            state.claim = claim;
        } else {
            state.late_claim = claim;
        }
        let has_claimed = happens && self.claim_before_decision;
        // What the record holds then is the answer.
        let kept = state.kept_decision().filter(|_| has_claimed && self.pending_decision);
        evaluation.step = match kept.or(evaluation.message.pending_decision) {
            _ if has_claimed && state.end.is_some() => Step::Delete,
            Some(decision) if self.claim_before_decision => Step::Keep(decision),
            Some(decision) => Step::Report(decision),
            None => Step::Judge,
        };
    }

    fn keep(&self, state: &mut State, evaluation: &mut Evaluation, (decision, luck): (Decision, Luck)) {
        let happens = luck != Luck::Fails;
        state.is_unclaimed |= !happens;
        if !self.claim_before_decision {
            let claim = Some(evaluation.claims.make_until(state.now(), DateTime::<Utc>::MAX_UTC));
            state.claim = if happens { claim } else { state.claim.take() };
        }
        if happens {
            state.keep(evaluation.claims.newest(), decision);
        }
        state.is_unkept |= !happens;
        evaluation.step = if luck == Luck::Good { Step::ReadBack(decision) } else { Step::Report(decision) };
    }

    fn read_back(&self, state: &mut State, evaluation: &mut Evaluation, decision: Decision) {
        let made = evaluation.claims.newest().cloned();
        let is_claimed_since = self.claim_before_decision && made != state.claim;
        let turn = self.judge(state, &mut evaluation.claims, &evaluation.message);
        let is_over = evaluation.message.evaluations >= self.last_evaluation;
        evaluation.step = match turn {
            _ if state.end.is_some() => Step::Delete,
            Ownership::Other => Step::Delete,
            Ownership::Unclear(_) if !is_over || is_claimed_since => {
                evaluation.message.wait(state.claim.clone(), false);
                Step::Doubt
            }
            _ if is_claimed_since => {
                evaluation.message.wait(state.claim.clone(), false);
                Step::Doubt
            }
            _ => Step::Report(state.kept_decision().unwrap_or(decision)),
        };
        if state.end.is_none() && !matches!(evaluation.step, Step::Report(_)) {
            state.uncount(made.as_ref(), self);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a step of the model: what it changes, and what happens to it")]
    fn report(&self, state: &mut State, evaluation: &mut Evaluation, decision: Decision, luck: Luck) {
        let is_late = state.end.is_some();
        state.announced.insert(decision);
        if !is_late && matches!(luck, Luck::Good | Luck::AnswerLost) {
            state.end = Some(End::Decided(decision));
            state.accepted.push(decision);
        }
        // Accepted, the record is read again: it is completed, unless the answer meant nothing.
        evaluation.step = match luck {
            Luck::Good => Step::Delete,
            Luck::Odd if is_late => Step::Delete,
            Luck::Gone if evaluation.message.gone_posts + 1 >= self.looks_to_believe() => Step::Delete,
            Luck::Gone => {
                evaluation.message.gone_posts += 1;
                evaluation.message.pending_decision = Some(decision).filter(|_| self.pending_decision);
                self.come_back()
            }
            Luck::Odd | Luck::AnswerLost | Luck::Fails => {
                evaluation.message.pending_decision = Some(decision).filter(|_| self.pending_decision);
                self.come_back()
            }
        };
    }

    fn put(state: &mut State, mut evaluation: Evaluation, luck: Luck) -> Option<Evaluation> {
        let message = evaluation.message.clone();
        let claims = evaluation.claims.clone().hand_on(state.now());
        let successor = Message { claims, evaluations: message.evaluations + 1, is_early: false, ..message };
        // The check goes on with its early successor as that is, because nothing can be changed or put.
        if luck == Luck::Fails && evaluation.early.is_some() {
            state.release_early(&mut evaluation);
            evaluation.step = Step::Delete;
            return Some(evaluation);
        }
        evaluation.early = None;
        if luck != Luck::Fails {
            let id = state.put(successor.clone());
            state.promise(&evaluation, id);
            evaluation.has_put = true;
        }
        match luck {
            Luck::Good | Luck::Gone => {}
            Luck::Odd => {
                let id = state.put(successor);
                state.promise(&evaluation, id);
                state.has_duplicates = true;
            }
            Luck::AnswerLost | Luck::Fails => {
                state.give_back(evaluation);
                return None;
            }
        }
        evaluation.step = Step::Delete;
        Some(evaluation).filter(|evaluation| !evaluation.is_deleted)
    }
}

/// How a step may go.
const fn lucks(evaluation: &Evaluation) -> &'static [Luck] {
    match evaluation.step {
        Step::Claim | Step::Keep(_) => &[Luck::Good, Luck::Fails],
        Step::Look => &[Luck::Good, Luck::Gone],
        Step::Report(_) => &[Luck::Good, Luck::AnswerLost, Luck::Fails, Luck::Odd, Luck::Gone],
        Step::Doubt | Step::Put if evaluation.early.is_some() => &[Luck::Good, Luck::Fails],
        Step::Doubt | Step::Put => &[Luck::Good, Luck::AnswerLost, Luck::Fails, Luck::Odd],
        _ => &[Luck::Good],
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // Nothing that goes wrong in a check that was cancelled changes anything.
        let may_fail = state.troubles < self.troubles && state.end != Some(End::Cancelled);
        if state.deliveries < self.deliveries {
            actions.push(Action::Deliver);
        }
        if may_fail && state.deliveries < self.deliveries {
            actions.push(Action::DeliverHalf);
        }
        for (index, message) in state.queue.iter().enumerate().filter(|(_, message)| state.is_due(message)) {
            actions.push(Action::HandOut(index));
            if self.tries && state.may_be_soon(message) {
                actions.push(Action::HandOutSoon(index));
            }
            if may_fail && message.handed_out == 0 {
                actions.push(Action::HandOutTwice(index));
            }
            if may_fail && message.handed_out == 0 && self.early_successor {
                actions.extend([Action::HandOutUnheld(index), Action::HandOutAndDie(index)]);
                actions.extend((state.troubles + 1 < self.troubles).then_some(Action::HandOutBare(index)));
            }
        }
        if may_fail {
            actions.extend((0..state.queue.len()).map(Action::Lose));
        }
        for (index, running) in state.running.iter().enumerate() {
            if running.step == Step::Judge {
                let findings = [Finding::Met, Finding::NotMet, Finding::NotYet];
                actions.extend(findings.map(|finding| Action::Find(index, finding)));
            } else {
                let lucks = lucks(running).iter().filter(|luck| may_fail || **luck == Luck::Good);
                actions.extend(lucks.map(|luck| Action::Advance(index, *luck)));
            }
            if may_fail {
                actions.push(Action::Die(index));
            }
        }
        if state.late_claim.is_some() {
            actions.push(Action::ArriveLate);
        }
        if state.deliveries > 0 && state.end.is_none() {
            actions.push(Action::Cancel);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each action of the model")]
    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let is_good = matches!(
            action,
            Action::Deliver
                | Action::HandOut(_)
                | Action::HandOutSoon(_)
                | Action::Find(..)
                | Action::Advance(_, Luck::Good)
                | Action::Cancel
                | Action::ArriveLate
        );
        state.troubles += u8::from(!is_good);
        match action {
            Action::Deliver | Action::DeliverHalf => {
                let is_whole = action == Action::Deliver;
                state.deliveries += 1;
                state.has_duplicates |= state.deliveries > 1;
                if is_whole || self.enqueue_before_acknowledging {
                    state.put(Message::default());
                }
                state.acknowledged |= is_whole || !self.enqueue_before_acknowledging;
            }
            Action::HandOut(index) | Action::HandOutSoon(index) => {
                let message = state.queue.remove(index);
                state.hand_out(message, self, matches!(action, Action::HandOutSoon(_)));
            }
            Action::HandOutBare(index) | Action::HandOutUnheld(index) => {
                state.is_bare |= action == Action::HandOutBare(index);
                let message = state.queue.remove(index);
                if action == Action::HandOutUnheld(index) {
                    // The two at the same time are much like one message that is handed out twice. So where the model is large,
                    // one comes after the other.
                    let is_large = self.deliveries > 1 || self.troubles > 1;
                    let awaits = [message.id].into_iter().filter(|_| is_large).collect();
                    let early = Message { awaits, ..message.early() };
                    state.put_early(&message, early);
                }
                state.hand_out(message, self, false);
                state.running.last_mut().expect("it was handed out").early = None;
            }
            Action::HandOutAndDie(index) => {
                state.is_bare = true;
                let message = &mut state.queue[index];
                (message.handed_out, message.is_leased) = (1, true);
            }
            Action::HandOutTwice(index) => {
                state.has_duplicates = true;
                let message = state.queue.remove(index);
                state.hand_out(message.clone(), self, false);
                state.hand_out(message, self, false);
            }
            Action::Find(index, finding) => {
                let mut evaluation = state.running.remove(index);
                self.find(&mut state, &mut evaluation, finding);
                state.running.insert(index, evaluation);
            }
            Action::Advance(index, luck) => {
                let evaluation = state.running.remove(index);
                if let Some(evaluation) = self.advance(&mut state, evaluation, luck) {
                    state.running.insert(index, evaluation);
                }
            }
            Action::Die(index) => {
                let mut evaluation = state.running.remove(index);
                let Message { id, handed_out, claims, .. } = evaluation.message.clone();
                let given = evaluation.early.clone().unwrap_or_else(|| evaluation.message.clone());
                evaluation.message = Message { id, handed_out, claims, is_leased: true, ..given };
                state.give_back(evaluation);
            }
            Action::Lose(index) => state.lose(index),
            Action::ArriveLate => state.claim = state.late_claim.take(),
            Action::Cancel => state.end = Some(End::Cancelled),
        }
        state.renumber();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NOT_LOST, |_, state: &State| {
                !state.acknowledged || !state.queue.is_empty() || !state.running.is_empty() || state.end.is_some()
            }),
            Property::always(ONE_ACCEPTED, |_, state: &State| state.accepted.len() <= 1),
            Property::always(ONE_ANNOUNCED, |_, state: &State| {
                let may_differ = state.is_unkept || (state.is_unclaimed && state.has_duplicates);
                may_differ || state.announced.len() <= 1
            }),
            Property::always(NOT_STALE, |_, state: &State| !state.is_stale),
            Property::always(EVIDENCE, |_, state: &State| {
                state.evidence || !state.accepted.contains(&Decision::Approved)
            }),
            Property::always(DUPLICATES_DIE, |protocol: &Self, state: &State| {
                let disturbances = state.troubles + state.deliveries.saturating_sub(1);
                // One of the four where two decide at the same moment, and one of them waits.
                state.turns <= protocol.last_evaluation + 1 + 4 * disturbances
            }),
            Property::always(NOT_DELAYED, |_, state: &State| {
                let is_awaited = state.acknowledged && state.end.is_none() && !state.is_bare;
                let is_late = state.running.is_empty() && state.queue.iter().all(|message| message.is_leased);
                !is_awaited || !is_late
            }),
            Property::always(NOT_OUSTED, |_, state: &State| !state.is_ousted || state.is_unclaimed),
            // What would make the rest vacuous.
            Property::sometimes("a check is approved", |_, state: &State| state.accepted.contains(&Decision::Approved)),
            Property::sometimes("a check is rejected", |_, state: &State| state.accepted.contains(&Decision::Rejected)),
            Property::sometimes("a check is cancelled", |_, state: &State| state.end == Some(End::Cancelled)),
        ]
    }
}

const NOT_LOST: &str = "an acknowledged check that nobody works on has ended";
const ONE_ACCEPTED: &str = "at most one decision is accepted";
const ONE_ANNOUNCED: &str = "one decision is announced, however many evaluations make one and die";
const NOT_OUSTED: &str = "a chain that lives is not taken for dead";
const NOT_DELAYED: &str = "a death does not hold up a check for the host's lease";
const NOT_STALE: &str = "a decision that did not count is not followed later";
const EVIDENCE: &str = "no check passes without evidence";
const DUPLICATES_DIE: &str = "duplicates die out";

/// Checks the state space: all of it, or until this property is found broken. Returns those that are.
fn broken(protocol: Protocol, until: Option<&'static str>) -> Vec<&'static str> {
    let begin = std::time::Instant::now();
    let finish = until.map_or(HasDiscoveries::All, |name| HasDiscoveries::AllOf([name].into()));
    let checker = protocol.checker().threads(2).finish_when(finish).spawn_bfs().join();
    println!("{} states, {} deep, in {:?}", checker.unique_state_count(), checker.max_depth(), begin.elapsed());
    let discoveries = checker.discoveries();
    let mut broken = Vec::new();
    for property in checker.model().properties() {
        match (property.expectation, discoveries.get(property.name)) {
            (Expectation::Always, Some(path)) => {
                println!("{}: {:?}", property.name, path.clone().into_actions());
                broken.push(property.name);
            }
            (Expectation::Sometimes, None) => assert!(until.is_some(), "never: {}", property.name),
            _ => {}
        }
    }
    broken
}

#[test]
fn with_all_protections_nothing_is_lost_doubled_or_passed_without_evidence() {
    for (last_evaluation, deliveries, troubles) in [(3, 2, 0), (2, 1, 1), (1, 2, 1), (1, 1, 2)] {
        let protocol = Protocol::with(last_evaluation, deliveries, troubles);
        assert_eq!(broken(protocol, None), Vec::<&str>::new());
    }
}

#[track_caller]
fn breaks(protocol: Protocol, property: &'static str) {
    assert!(broken(protocol, Some(property)).contains(&property));
}

#[test]
fn without_claims_duplicates_live_on() {
    breaks(Protocol { claims: false, ..Protocol::with(3, 2, 0) }, DUPLICATES_DIE);
}

#[test]
fn without_waiting_for_the_other_chain_a_late_claim_ends_the_chain_that_lives() {
    breaks(Protocol { waiting_for_other_chain: false, ..Protocol::with(2, 2, 1) }, NOT_LOST);
}

#[test]
fn without_counting_earlier_tries_a_late_claim_ends_the_chain_that_lives() {
    // Without early successors it is found sooner.
    breaks(Protocol { tries: false, early_successor: false, ..Protocol::with(1, 2, 2) }, NOT_LOST);
}

#[test]
fn without_the_pending_decision_a_decision_is_made_again_and_differently() {
    breaks(Protocol { pending_decision: false, ..Protocol::with(2, 1, 1) }, ONE_ANNOUNCED);
}

#[test]
fn without_the_claim_before_the_decision_two_evaluations_announce_different_ones() {
    breaks(Protocol { claim_before_decision: false, ..Protocol::with(1, 1, 1) }, ONE_ANNOUNCED);
}

#[test]
fn without_withdrawing_a_decision_that_did_not_count_it_is_followed_later() {
    breaks(Protocol { withdrawing: false, ..Protocol::with(2, 1, 1) }, NOT_STALE);
}

#[test]
fn without_the_queue_before_the_acknowledgement_a_check_is_lost() {
    breaks(Protocol { enqueue_before_acknowledging: false, ..Protocol::with(2, 1, 1) }, NOT_LOST);
}

#[test]
fn without_the_successor_before_the_deletion_a_check_is_lost() {
    let protocol = Protocol { successor_before_delete: false, early_successor: false, ..Protocol::with(2, 1, 1) };
    breaks(protocol, NOT_LOST);
}

#[test]
fn without_the_early_successor_a_death_holds_up_a_check_for_the_lease() {
    breaks(Protocol { early_successor: false, ..Protocol::with(2, 1, 1) }, NOT_DELAYED);
}

#[test]
fn without_taking_over_another_delivery_ends_for_the_claim_of_a_dead_chain() {
    breaks(Protocol { taking_over: false, ..Protocol::with(1, 2, 1) }, NOT_LOST);
}

#[test]
fn without_waiting_for_the_dead_another_delivery_ousts_the_chain_that_lives() {
    breaks(Protocol { waiting_for_the_dead: false, ..Protocol::with(1, 2, 0) }, NOT_OUSTED);
}

#[test]
fn without_more_looks_a_check_that_is_gone_for_a_moment_is_lost() {
    breaks(Protocol { more_looks: false, ..Protocol::with(2, 1, 1) }, NOT_LOST);
}

#[test]
fn without_the_deadline_a_check_ends_undecided() {
    breaks(Protocol { deadline: false, ..Protocol::with(2, 1, 0) }, NOT_LOST);
}
