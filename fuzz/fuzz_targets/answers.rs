//! What Azure DevOps answers, read as the answer to every call: a status, a header `Retry-After`, a body.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| checkgate::azure_devops::fuzzing::read(data));
