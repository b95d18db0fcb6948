//! A queue message. Nothing opens that was not sealed; what was read survives being written.
#![no_main]

use std::sync::LazyLock;

use checkgate::queue::message::CheckMessage;
use checkgate::task::sealer::Sealer;
use checkgate::task::token::AuthToken;
use libfuzzer_sys::fuzz_target;

static SEALER: LazyLock<Sealer> = LazyLock::new(|| Sealer::new(&Sealer::generate_key().expect("random numbers"), None).expect("a key"));

fuzz_target!(|text: &str| {
    let Ok(CheckMessage::V1(message, sealed)) = CheckMessage::parse(text) else { return };
    assert!(sealed.open(&SEALER).is_err());
    let written = message.seal(&AuthToken::new("t".to_owned()), &SEALER);
    // Escapes and defaults may make it longer than what was read.
    let Ok(CheckMessage::V1(again, sealed)) = CheckMessage::parse(&written) else {
        assert!(written.len() > checkgate::queue::message::MAX_MESSAGE, "{written}");
        return;
    };
    assert_eq!(again, message);
    assert!(sealed.open(&SEALER).is_ok());
});
