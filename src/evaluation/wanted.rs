//! What conditions ask for.

use crate::conditions::{Condition, Scope};
use crate::evaluation::Memory;
use crate::facts::Wanted;

/// The facts that these conditions need, and those inside them.
pub(super) fn wanted_in(conditions: &[Condition], scope: Scope<'_>, memory: &Memory) -> Wanted {
    let mut wanted = Wanted::default();
    let scope = |place: &str| Scope { state: memory.state(place), ..scope };
    for (index, condition) in conditions.iter().enumerate() {
        condition.facts(&index.to_string(), &scope, &mut wanted);
    }
    wanted
}

/// The facts that each condition itself needs, in the order of an explanation: outermost first.
pub(super) fn wanted_by_each(conditions: &[Condition], scope: Scope<'_>, memory: &Memory) -> Vec<Wanted> {
    let mut each = Vec::new();
    for (index, condition) in conditions.iter().enumerate() {
        collect(condition, &index.to_string(), (scope, memory), &mut each);
    }
    each
}

fn collect(condition: &Condition, place: &str, known: (Scope<'_>, &Memory), each: &mut Vec<Wanted>) {
    let (scope, memory) = known;
    let mut wanted = Wanted::default();
    let Some((_, inside)) = condition.kind.inside() else {
        condition.facts(place, &|place| Scope { state: memory.state(place), ..scope }, &mut wanted);
        return each.push(wanted);
    };
    each.push(wanted);
    for (index, inner) in inside.iter().enumerate() {
        collect(inner, &format!("{place}.{index}"), known, each);
    }
}
