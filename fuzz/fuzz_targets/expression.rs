//! A line with a CEL expression, then the JSON that it is about. The same values give the same answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: checkgate_fuzz::let_cel_panic(),
    |text: &str| {
        let (expression, body) = text.split_once('\n').unwrap_or((text, "null"));
        checkgate::conditions::fuzzing::evaluate(expression, body);
    }
);
