#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| whatsapp_otp::fuzzing::webhook(input));
