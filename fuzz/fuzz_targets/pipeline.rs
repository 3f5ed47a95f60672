//! Any bytes as the choices of a valid cluster.yaml: checked, planned, rendered, and judged by what holds for every cluster.
#![no_main]

// Each target needs one of its functions.
#[allow(dead_code)]
#[path = "../../tests/hostile/inputs.rs"]
mod inputs;
mod limit;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| limit::within_a_second(|| inputs::pipeline(bytes)));
