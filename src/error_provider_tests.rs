//! The exit codes of `up` and `image push`.

use super::*;
use crate::provider::digital_ocean::HostError;
use crate::provider::digital_ocean::spaces::{AddressError, KeysError};

fn of(error: impl Into<PushError>) -> Exit {
    Error::from(ProviderError::Push(error.into())).exit()
}

#[test]
fn keys_and_addresses_are_a_matter_of_the_command_line() {
    assert_eq!(of(KeysError::Missing), Exit::Usage);
    assert_eq!(of(AddressError::Bucket(String::new())), Exit::Usage);
}

#[test]
fn a_file_that_cannot_be_read_or_imported_is_wrong() {
    let not_a_file = ImportError::NotAFile { path: "mesh.raw".into() };
    let unreadable = SpacesError::Read {
        path: "mesh.raw".into(),
        source: std::io::ErrorKind::UnexpectedEof.into(),
    };
    assert_eq!((of(not_a_file), of(unreadable)), (Exit::File, Exit::File));
}

#[test]
fn what_digital_ocean_does_not_do_is_refused() {
    let refused = SpacesError::Refused {
        call: String::new(),
        status: 403,
        message: String::new(),
        variable: "",
    };
    let gone = WaitError::Gone {
        what: String::new(),
        why: String::new(),
    };
    let left = PushError::StillThere { left: String::new() };
    assert_eq!(
        (of(refused), of(gone), of(left)),
        (Exit::ProviderRefused, Exit::ProviderRefused, Exit::ProviderRefused)
    );
}

/// Also when something could not be removed after it.
#[test]
fn an_interruption_is_one() {
    let cause = SpacesError::Interrupted { call: String::new() };
    let left = PushError::Left {
        cause: Box::new(cause.into()),
        left: Vec::new(),
    };
    let waiting = WaitError::Interrupted { what: String::new() };
    let asking = ApiError::Interrupted { call: String::new() };
    for exit in [of(ImportError::Interrupted), of(left), of(waiting), of(asking)] {
        assert_eq!(exit, Exit::Interrupted);
    }
}

fn hosts_missing(failed: impl IntoIterator<Item = HostFailure>) -> Exit {
    let host: HostName = "host1".parse().unwrap();
    let failed = failed.into_iter().map(|why| (host.clone(), why)).collect();
    let (all, consequence) = (3, "");
    Error::from(ProviderError::Hosts { failed, all, consequence }).exit()
}

/// What stopped the others goes before what stopped itself alone.
#[test]
fn of_hosts_that_are_not_up_the_provider_goes_first_then_the_file() {
    let (not_asked, refused) = (|| HostFailure::NotAsked(String::new()), || HostFailure::Refused(String::new()));
    let not_made = || HostFailure::Create(HostError::NeverAppeared);
    assert_eq!(hosts_missing([not_asked()]), Exit::CommandFailed);
    assert_eq!(hosts_missing([not_asked(), refused()]), Exit::File);
    assert_eq!(hosts_missing([refused(), not_made()]), Exit::ProviderRefused);
}

#[test]
fn what_is_said_of_droplets_besides_changes_no_exit_code() {
    for (source, exit) in [(Error::Red { red: 1 }, Exit::ProbeFailed), (Error::Interrupted, Exit::Interrupted)] {
        let source = Box::new(source);
        let standing = String::new();
        assert_eq!(Error::WithDroplets { source, standing }.exit(), exit);
    }
}
