//! Settings in the words of ovs-vsctl(8) and ovs-vswitchd.conf.db(5).

use crate::plan::{MeshBridge, Plan, SpanningTree, TunnelPort};
use crate::spec::{Bfd, LoopProtection};

/// `column=value` words of the Bridge record: protocol, what happens without a controller, MAC address, priority, timers.
pub fn bridge_settings(bridge: &MeshBridge, plan: &Plan) -> Vec<String> {
    let (rstp, stp, fail_mode) = match plan.tree().map(|tree| tree.protocol) {
        // An empty bridge without a controller still forwards as a switch.
        Some(LoopProtection::Rstp) => (true, false, "standalone"),
        Some(LoopProtection::Stp) => (false, true, "standalone"),
        // It does not: without a tree it would be a part of a loop. It waits for its rules.
        None => (false, false, "secure"),
    };
    let mut words = vec![
        format!("rstp_enable={rstp}"),
        format!("stp_enable={stp}"),
        format!("fail_mode={fail_mode}"),
        format!("other_config:hwaddr={}", bridge.mac),
    ];
    if let Some(tree) = plan.tree() {
        words.extend(tree_settings(bridge, tree));
    }
    words
}

fn tree_settings(bridge: &MeshBridge, tree: &SpanningTree) -> Vec<String> {
    let mut words = Vec::new();
    let priority = |protocol: &str| {
        bridge
            .priority
            .map(|priority| format!("other_config:{protocol}-priority={priority}"))
    };
    match tree.protocol {
        LoopProtection::Rstp => {
            words.extend(priority("rstp"));
            words.push(format!("other_config:rstp-max-age={}", tree.max_age));
            words.push(format!("other_config:rstp-forward-delay={}", tree.forward_delay));
            if let Some(count) = tree.transmit_hold_count {
                words.push(format!("other_config:rstp-transmit-hold-count={count}"));
            }
        }
        LoopProtection::Stp => {
            words.extend(priority("stp"));
            // Milliseconds, unlike the other two: vswitchd/bridge.c passes it on as they are.
            words.push(format!("other_config:stp-hello-time={}", u32::from(tree.hello) * 1000));
            words.push(format!("other_config:stp-max-age={}", tree.max_age));
            words.push(format!("other_config:stp-forward-delay={}", tree.forward_delay));
        }
    }
    words
}

/// `column=value` words of the Port record, with blanks between them.
pub fn port_settings(port: &TunnelPort, plan: &Plan) -> String {
    match (plan.tree().map(|tree| tree.protocol), port.path_cost) {
        // A tunnel has one other end, so it may go to forwarding without waiting (802.1D-2004 6.4.3).
        (Some(LoopProtection::Rstp), Some(cost)) => format!("other_config:rstp-path-cost={cost}"),
        (Some(LoopProtection::Stp), Some(cost)) => format!("other_config:stp-path-cost={cost}"),
        // There is nothing to be set but for who reads `ovs-vsctl list Port`.
        _ => format!("external_ids:meshimg-peer={}", port.peer),
    }
}

/// `options:...` words of the Interface record, with blanks between them.
pub fn tunnel_options(port: &TunnelPort) -> String {
    match port.number {
        None => format!("options:remote_ip={}", port.remote),
        // Rules set the key of each frame.
        Some(_) => format!("options:remote_ip={} options:key=flow", port.remote),
    }
}

/// A tunnel as the script `mesh` reads it: its name, words of the Port record, `--`, words of the Interface record.
pub fn tunnel(port: &TunnelPort, plan: &Plan) -> String {
    format!(
        "{} {} -- type={} {} {}",
        port.name,
        port_settings(port, plan),
        port.kind,
        tunnel_options(port),
        interface_settings(port)
    )
}

/// `column=value` words of the Interface record besides type and options, with blanks between them.
pub fn interface_settings(port: &TunnelPort) -> String {
    let bfd = match port.bfd {
        Some(Bfd { interval_ms, multiplier }) => {
            format!("bfd:enable=true bfd:min_tx={interval_ms} bfd:min_rx={interval_ms} bfd:mult={multiplier}")
        }
        None => "bfd:enable=false".to_owned(),
    };
    match port.number {
        None => bfd,
        Some(number) => format!("ofport_request={number} {bfd}"),
    }
}
