//! Any bytes as a cluster.yaml: read, judged, and what is wrong with them printed.
#![no_main]

// Each target needs one of its functions.
#[allow(dead_code)]
#[path = "../../tests/hostile/inputs.rs"]
mod inputs;
mod limit;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| limit::within_a_second(|| inputs::parse(bytes)));
