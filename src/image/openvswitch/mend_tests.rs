//! What is mended in a source, on the least that there is of its functions.

use std::fs;
use std::process::Command;

use super::root;

/// What `mend-open-vswitch` says of a source, and what becomes of it; `Err` with its complaint.
fn mended(source: &str) -> Result<(String, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ofproto/ofproto-dpif.c");
    fs::create_dir(folder.path().join("ofproto")).unwrap();
    fs::write(&path, source).unwrap();
    let (_, script) = root::SCRIPTS.iter().find(|(name, _)| *name == "mend.sh").unwrap();
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(folder.path()).output().unwrap();
    assert_eq!(
        fs::read_dir(folder.path().join("ofproto")).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok((text(&output.stdout), fs::read_to_string(&path).unwrap()))
    } else {
        assert_eq!(fs::read_to_string(&path).unwrap(), source, "what was not mended is as it was");
        Err(text(&output.stderr))
    }
}

/// Two functions, of which the second may go through all ports.
fn source(condition: &str, loops: bool) -> String {
    let again = if loops { "        bundle_update(bundle);\n" } else { "" };
    format!(
        "static void\nbundle_update(struct ofbundle *bundle)\n{{\n            || ({condition})) {{\n}}\n\n\
         static bool\nbundle_add_port(void)\n{{\n            || (bundle->ofproto->rstp && !rstp_forward_in_state(port->rstp_state))) {{\n}}\n\n\
         static int\nset_stp(void)\n{{\n{again}}}\n\nstatic void\nelsewhere(void)\n{{\n    bundle_update(bundle);\n}}\n"
    )
}

const UPSTREAM: &str = "bundle->ofproto->rstp && !rstp_forward_in_state(port->rstp_state)";
const OURS: &str = "port->rstp_port && !rstp_forward_in_state(port->rstp_state)";

#[test]
fn floods_reach_the_bridges_own_port() {
    let said = "Floods reach the bridge's own port with RSTP.\n";
    assert_eq!(mended(&source(UPSTREAM, true)).unwrap(), (said.to_owned(), source(OURS, true)));
}

#[test]
fn what_needs_no_mending_stays_as_it_is() {
    for sound in [source(UPSTREAM, false), source(OURS, true)] {
        assert_eq!(mended(&sound).unwrap(), (String::new(), sound));
    }
}

#[test]
fn a_source_that_is_written_in_another_way_is_an_error() {
    let error = mended(&source("is_blocked(port)", true)).unwrap_err();
    assert!(error.contains("ofproto/ofproto-dpif.c keeps broadcasts"), "{error}");
}
