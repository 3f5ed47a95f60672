//! Settings in the words of ovs-vsctl(8) and ovs-vswitchd.conf.db(5).

use crate::plan::{MeshBridge, SpanningTree, TunnelPort};
use crate::spec::{Bfd, LoopProtection};

/// `column=value` words of the Bridge record: protocol, MAC address, priority, timers.
pub fn bridge_settings(bridge: &MeshBridge, tree: &SpanningTree) -> Vec<String> {
    let (rstp, stp) = match tree.protocol {
        LoopProtection::Rstp => (true, false),
        LoopProtection::Stp => (false, true),
    };
    let mut words = vec![
        format!("rstp_enable={rstp}"),
        format!("stp_enable={stp}"),
        // An empty bridge without a controller still forwards as a switch.
        "fail_mode=standalone".to_owned(),
        format!("other_config:hwaddr={}", bridge.mac),
    ];
    match tree.protocol {
        LoopProtection::Rstp => {
            words.push(format!("other_config:rstp-priority={}", bridge.priority));
            words.push(format!("other_config:rstp-max-age={}", tree.max_age));
            words.push(format!("other_config:rstp-forward-delay={}", tree.forward_delay));
            if let Some(count) = tree.transmit_hold_count {
                words.push(format!("other_config:rstp-transmit-hold-count={count}"));
            }
        }
        LoopProtection::Stp => {
            words.push(format!("other_config:stp-priority={}", bridge.priority));
            // Milliseconds, unlike the other two: vswitchd/bridge.c passes it on as they are.
            words.push(format!("other_config:stp-hello-time={}", u32::from(tree.hello) * 1000));
            words.push(format!("other_config:stp-max-age={}", tree.max_age));
            words.push(format!("other_config:stp-forward-delay={}", tree.forward_delay));
        }
    }
    words
}

/// `column=value` words of the Port record, with blanks between them.
pub fn port_settings(port: &TunnelPort, tree: &SpanningTree) -> String {
    match tree.protocol {
        // A tunnel has one other end, so it may go to forwarding without waiting (802.1D-2004 6.4.3).
        LoopProtection::Rstp => format!("other_config:rstp-path-cost={}", port.path_cost),
        LoopProtection::Stp => format!("other_config:stp-path-cost={}", port.path_cost),
    }
}

/// A tunnel as the script `mesh` reads it: its name, words of the Port record, `--`, words of the Interface record.
pub fn tunnel(port: &TunnelPort, tree: &SpanningTree) -> String {
    format!(
        "{} {} -- type={} options:remote_ip={} {}",
        port.name,
        port_settings(port, tree),
        port.kind,
        port.remote,
        interface_settings(port)
    )
}

/// `column=value` words of the Interface record besides type and remote address, with blanks between them.
pub fn interface_settings(port: &TunnelPort) -> String {
    match port.bfd {
        Some(Bfd { interval_ms, multiplier }) => {
            format!("bfd:enable=true bfd:min_tx={interval_ms} bfd:min_rx={interval_ms} bfd:mult={multiplier}")
        }
        None => "bfd:enable=false".to_owned(),
    }
}
