//! Every artifact of every example, read by the programs that read it on a host: in containers of Debian 12 and 13.
//!
//! Needs Docker; without it the tests are skipped, unless `MESHIMG_REQUIRE=docker`. `scripts/with-docker cargo test --test containers` has a
//! Docker of its own for as long as the tests run, where none answers. The containers have no network.

#[path = "containers/bench.rs"]
mod bench;
#[path = "containers/broken.rs"]
mod broken;
#[path = "containers/claims.rs"]
mod claims;
#[path = "containers/container.rs"]
mod container;
#[path = "containers/droplet.rs"]
mod droplet;
#[path = "containers/fabric.rs"]
mod fabric;
#[path = "containers/host.rs"]
mod host;
#[path = "containers/image.rs"]
mod image;
#[path = "containers/openvswitch.rs"]
mod openvswitch;
#[path = "containers/own_archive.rs"]
mod own_archive;
#[path = "containers/parsers.rs"]
mod parsers;
#[path = "containers/source.rs"]
mod source;
#[path = "containers/stanzas.rs"]
mod stanzas;
#[path = "containers/ways.rs"]
mod ways;

use std::process::ExitCode;

use host::{Host, Release};
use libtest_mimic::{Arguments, Failed, Trial};
use meshimg::exec::interrupt;

/// Each container takes a processor and 100 MB.
const MOST_THREADS: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    if arguments.test_threads.is_none() {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        arguments.test_threads = Some(processors.min(MOST_THREADS));
    }
    // A wait that is interrupted ends its test, which removes its container.
    if let Err(error) = interrupt::install() {
        eprintln!("no signal handler: {error}");
        return ExitCode::FAILURE;
    }
    let required = std::env::var("MESHIMG_REQUIRE").is_ok_and(|tiers| tiers.split(',').any(|tier| tier == "docker"));
    let missing = if arguments.list { None } else { container::missing().err() };
    if let Some(missing) = &missing {
        if required {
            eprintln!("MESHIMG_REQUIRE wants docker: {missing}");
            return ExitCode::FAILURE;
        }
        eprintln!("container tests are skipped: {missing}\nscripts/with-docker cargo test --test containers brings its own.");
    }
    let mut tests = match hosts() {
        Ok(tests) => tests,
        Err(error) => {
            eprintln!("{}", error.message().unwrap_or("the examples cannot be read"));
            return ExitCode::FAILURE;
        }
    };
    tests.extend(bench::tests());
    tests.extend(broken::tests());
    tests.extend(droplet::tests());
    tests.extend(fabric::tests());
    tests.extend(own_archive::tests());
    match ways::tests() {
        Ok(ways) => tests.extend(ways),
        Err(error) => {
            eprintln!("{}", error.message().unwrap_or("the examples cannot be read"));
            return ExitCode::FAILURE;
        }
    }
    let tests = tests.into_iter().map(|test| test.with_ignored_flag(missing.is_some()));
    // These need no container.
    let tests = claims::tests().into_iter().chain(tests).collect();
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// A test for each host of each example. Those of the release that fewer have come first and in turn with others, so that two images
/// are made at once.
fn hosts() -> Result<Vec<Trial>, Failed> {
    let test = |host: Host| {
        let name = format!("{}::{}::{}", host.example, host.plan.name, host.release());
        Trial::test(name, move || all_is_read(&host))
    };
    let (fewer, more): (Vec<Host>, Vec<Host>) = host::all()?.into_iter().partition(|host| host.release() == Release::Debian12);
    let mut more = more.into_iter();
    let in_turn = fewer
        .into_iter()
        .flat_map(|host| [Some(host), more.next()])
        .flatten()
        .collect::<Vec<_>>();
    Ok(in_turn.into_iter().chain(more).map(test).collect())
}

/// No parser has anything to say.
fn all_is_read(host: &Host) -> Result<(), Failed> {
    let container = container::Container::start(host)?;
    let mut findings = Vec::new();
    for parser in parsers::ALL {
        let found = container.run(parser, host)?;
        findings.extend(found.into_iter().map(|finding| format!("{}: {finding}", parser.name)));
    }
    container.end()?;
    if findings.is_empty() {
        Ok(())
    } else {
        Err(findings.join("\n").into())
    }
}
