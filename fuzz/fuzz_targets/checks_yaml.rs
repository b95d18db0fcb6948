//! `checks.yaml`. What is valid survives being written as JSON; what is not is explained in single lines.
#![no_main]

use checkgate::checks_file::ChecksFile;
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
    match ChecksFile::parse(text) {
        Ok(file) => {
            let json = serde_json::to_string(&file).expect("JSON");
            assert_eq!(serde_json::from_str::<ChecksFile>(&json).expect("what was written is read"), file);
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
}
);
