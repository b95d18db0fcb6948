//! A line with a CEL expression, then the JSON that it is about. The same values give the same answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        // The CEL library works on a thread of its own, whose panics are answers. All others are findings.
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() != Some("cel") {
                abort(panic);
            }
        }));
    },
    |text: &str| {
        let (expression, body) = text.split_once('\n').unwrap_or((text, "null"));
        checkgate::conditions::fuzzing::evaluate(expression, body);
    }
);
