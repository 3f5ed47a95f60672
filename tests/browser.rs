//! The report's page in a real browser: what it shows, in both themes, on a phone, by keyboard and to a screen reader.
//!
//! Needs Debian's package `chromium`; without it the tests are skipped, unless `MESHIMG_REQUIRE=chromium`. With `MESHIMG_SCREENSHOTS=FOLDER`
//! pictures of every page are left there for people to look at.

#[path = "browser/checks.rs"]
mod checks;
#[path = "browser/chromium.rs"]
mod chromium;
#[path = "page/sample.rs"]
mod sample;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use chromium::Chromium;
use libtest_mimic::{Arguments, Failed, Trial};
use meshimg::exec;

type Check = fn(&mut Chromium) -> Result<(), String>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // All of them look at the same tab.
    arguments.test_threads = Some(1);
    let required = std::env::var("MESHIMG_REQUIRE").is_ok_and(|tiers| tiers.split(',').any(|tier| tier == "chromium"));
    let missing = exec::require(&["chromium"]).err();
    if let Some(missing) = &missing {
        if required {
            eprintln!("MESHIMG_REQUIRE wants chromium: {missing}");
            return ExitCode::FAILURE;
        }
        eprintln!("browser tests are skipped: {missing}");
    }
    let browser: Arc<Mutex<Option<Chromium>>> = Arc::default();
    let trial = |(name, check): (&str, Check)| {
        let browser = Arc::clone(&browser);
        Trial::test(name, move || with(&browser, check)).with_ignored_flag(missing.is_some())
    };
    let conclusion = libtest_mimic::run(&arguments, checks::ALL.into_iter().map(trial).collect());
    let ended = browser.lock().map(|mut browser| browser.take().map(Chromium::end));
    if let Ok(Some(Err(error))) = ended {
        eprintln!("the browser did not end: {error}");
    }
    conclusion.exit_code()
}

/// In the one browser, which the first check starts.
fn with(browser: &Mutex<Option<Chromium>>, check: Check) -> Result<(), Failed> {
    let mut browser = browser.lock().map_err(|_| "a check before this one panicked")?;
    if browser.is_none() {
        *browser = Some(Chromium::start()?);
    }
    match browser.as_mut() {
        Some(chromium) => check(chromium).map_err(Failed::from),
        None => Err("no browser".into()),
    }
}
