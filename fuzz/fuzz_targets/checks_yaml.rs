//! `checks.yaml`. What is valid survives being written as JSON; what is not is explained in single lines.
#![no_main]

use checkgate::checks_file::ChecksFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: checkgate_fuzz::let_cel_panic(),
    |text: &str| match ChecksFile::parse(text) {
        Ok(file) => {
            let json = serde_json::to_string(&file).expect("JSON");
            assert_eq!(serde_json::from_str::<ChecksFile>(&json).expect("what was written is read"), file);
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
);
