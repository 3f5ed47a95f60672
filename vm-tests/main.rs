//! Tests on real hosts: QEMU guests of the lab. Run by scripts/test; alone: `MESHIMG_REQUIRE=qemu cargo test --test vm`.
//!
//! One test after the other; those of one cluster share its lab, which the first of them boots. Those of the kind "long" run with
//! `MESHIMG_REQUIRE=qemu,long`.

mod built;
mod clusters;
mod droplets;
mod scenarios;
#[path = "../tests/containers/source.rs"]
mod source;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use meshimg::exec::interrupt;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The tests of a cluster build on each other, and two cores carry one lab.
    arguments.test_threads = Some(1);
    if let Err(error) = interrupt::install() {
        eprintln!("no signal handler: {error}");
        return ExitCode::FAILURE;
    }
    let tiers = std::env::var("MESHIMG_REQUIRE").unwrap_or_default();
    let is_wanted = |name: &str| tiers.split(',').any(|tier| tier == name);
    let required = is_wanted("qemu");
    if !required && !arguments.list {
        eprintln!("vm tests are skipped: they take minutes. MESHIMG_REQUIRE=qemu runs them, as scripts/test does.");
    }
    let is_left_out = |test: &Trial| !required || test.kind() == scenarios::LONG && !is_wanted(scenarios::LONG);
    let tests = scenarios::all().into_iter().map(|test| {
        let left_out = is_left_out(&test);
        test.with_ignored_flag(left_out)
    });
    let tests: Vec<Trial> = tests.collect();
    let conclusion = libtest_mimic::run(&arguments, tests);
    if let Err(error) = clusters::end_all() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
