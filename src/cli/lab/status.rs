//! `meshimg lab status`.

use std::path::Path;

use crate::cli::{Context, Format, output};
use crate::error::Error;
use crate::lab::{HostState, LabStatus, Traffic};

pub fn run(file: &Path, format: Format, context: &Context) -> Result<(), Error> {
    let status = super::attach(file, None, context)?.status()?;
    match format {
        Format::Json => output::print_json(&status),
        Format::Text => output::print(&status_text(&status)),
    }
}

fn status_text(status: &LabStatus) -> String {
    let hosts = status.hosts.iter().map(|host| {
        let state = match &host.state {
            HostState::Running { process } => format!("running, process {process}"),
            HostState::Ended { status } => format!("ended: {status}"),
            HostState::Killed => "killed".to_owned(),
        };
        let nic = match (&host.fault, host.plugged) {
            (Some(fault), _) => fault.clone(),
            (None, true) => "connected".to_owned(),
            (None, false) => "not connected".to_owned(),
        };
        let memory = host.memory_kib.map_or_else(String::new, |kib| format!("{} MiB", kib / 1024));
        [
            host.name.clone(),
            host.address.to_string(),
            host.ssh_port.to_string(),
            state,
            memory,
            nic,
        ]
    });
    let traffic = status.traffic.iter().map(|pair| {
        [
            pair.from.clone(),
            pair.to.clone(),
            pair.frames.to_string(),
            pair.bytes.to_string(),
            dropped(pair),
            state(pair),
        ]
    });
    format!(
        "Lab {}: supervisor is process {}, {}\n\n{}\n{}",
        status.cluster,
        status.process,
        status.accelerator,
        output::table(["host", "underlay", "ssh port", "state", "memory", "underlay NIC"], hosts),
        output::table(["from", "to", "frames", "bytes", "dropped", "state"], traffic)
    )
}

/// How many frames did not arrive, and why.
fn dropped(pair: &Traffic) -> String {
    let reasons = [
        ("cut", pair.dropped_by_cut),
        ("loss", pair.dropped_by_loss),
        ("too long", pair.dropped_by_frame_limit),
        ("too many delayed", pair.dropped_by_full_delay),
        ("receiver too slow", pair.dropped_by_full_queue),
    ];
    let named: Vec<String> = reasons
        .iter()
        .filter(|(_, count)| *count != 0)
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    if named.is_empty() { "0".to_owned() } else { named.join(", ") }
}

fn state(pair: &Traffic) -> String {
    match (pair.cut, &pair.impairment) {
        (true, None) => "cut".to_owned(),
        (true, Some(impairment)) => format!("cut; {impairment}"),
        (false, None) => "open".to_owned(),
        (false, Some(impairment)) => impairment.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Traffic {
        serde_json::from_value(serde_json::json!({
            "from": "host1", "to": "host2", "cut": false, "impairment": null, "frames": 7, "bytes": 700, "duplicated": 0, "reordered": 0,
            "dropped-by-cut": 0, "dropped-by-loss": 0, "dropped-by-frame-limit": 0, "dropped-by-full-delay": 0, "dropped-by-full-queue": 0,
        }))
        .unwrap()
    }

    #[test]
    fn an_open_pair_says_so() {
        assert_eq!((dropped(&pair()).as_str(), state(&pair()).as_str()), ("0", "open"));
    }

    #[test]
    fn every_setting_and_every_loss_is_named() {
        let mut pair = pair();
        pair.cut = true;
        assert_eq!(state(&pair), "cut");
        let settings = r#"{"delay-seconds":0.02,"jitter-seconds":0.0055,"loss-percent":20,"duplicate-percent":0.1,
            "reorder-percent":5,"max-frame-bytes":1400,"seed":7}"#;
        pair.impairment = Some(serde_json::from_str(settings).unwrap());
        let said = "delay 20ms +-5.5ms, loss 20%, duplicate 0.1%, reorder 5%, frames to 1400 bytes, seed 7";
        assert_eq!(state(&pair), format!("cut; {said}"));
        pair.cut = false;
        assert_eq!(state(&pair), said);
        // A seed decides nothing here.
        pair.impairment = Some(serde_json::from_str(r#"{"delay-seconds":1.5,"seed":7}"#).unwrap());
        assert_eq!(state(&pair), "delay 1.5s");
        (pair.dropped_by_cut, pair.dropped_by_loss, pair.dropped_by_frame_limit) = (1, 2, 3);
        (pair.dropped_by_full_delay, pair.dropped_by_full_queue) = (4, 5);
        assert_eq!(dropped(&pair), "1 cut, 2 loss, 3 too long, 4 too many delayed, 5 receiver too slow");
    }
}
