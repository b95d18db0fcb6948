//! The Functions host's envelope, down to the message in it.
#![no_main]

use checkgate::reevaluate_function::envelope::Invocation;
use checkgate::queue::message::CheckMessage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(invocation) = Invocation::parse(data) {
        let _ = CheckMessage::parse(&invocation.message);
    }
});
