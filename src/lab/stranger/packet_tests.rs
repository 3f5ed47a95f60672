//! Tests of [`super`]: frames as they stand in the standards, and what is read from them.

use proptest::prelude::*;

use super::*;

fn end(last: u8, address: &str) -> End {
    End {
        mac: [2, 0, 0, 0, 0, last],
        address: address.parse().unwrap(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn arp_and_neighbour_discovery_are_asked_and_answered() {
    let (own, host) = (end(9, "203.0.113.254"), end(1, "192.0.2.1"));
    let question = who_has(own, host.address).unwrap();
    // RFC 826: Ethernet, IPv4, 6, 4, request.
    assert_eq!(
        hexadecimal(&question),
        "ffffffffffff020000000009080600010800060400010200000000 09cb0071fe000000000000c0000201".replace(' ', "")
    );
    let wanted = host.address;
    assert_eq!(read(&question), Some(Heard::WhoHas { asking: own, wanted }));
    assert_eq!(read(&here_is(host, own).unwrap()), Some(Heard::HereIs { end: host }));

    let (own, host) = (end(9, "2001:db8:ffff::1"), end(1, "2001:db8:1::a"));
    let question = who_has(own, host.address).unwrap();
    assert!(hexadecimal(&question).starts_with("3333ff00000a02000000000986dd"));
    let wanted = host.address;
    assert_eq!(read(&question), Some(Heard::WhoHas { asking: own, wanted }));
    assert_eq!(read(&here_is(host, own).unwrap()), Some(Heard::HereIs { end: host }));
    who_has(own, "192.0.2.1".parse().unwrap()).unwrap_err();
    syn(own, end(1, "192.0.2.1"), 1, 2).unwrap_err();
}

#[test]
fn packets_are_read_as_they_were_made() {
    for (own, host) in [
        (end(9, "203.0.113.254"), end(1, "192.0.2.1")),
        (end(9, "2001:db8:ffff::1"), end(1, "2001:db8:1::a")),
    ] {
        let from = own.address;
        let (port, to_port) = (40001, 22);
        let accepted = false;
        assert_eq!(
            read(&syn(own, host, port, to_port).unwrap()),
            Some(Heard::Tcp {
                from,
                port,
                to_port,
                accepted
            })
        );
        assert_eq!(
            read(&reset(own, host, port, to_port).unwrap()),
            Some(Heard::Tcp {
                from,
                port,
                to_port,
                accepted
            })
        );
        assert_eq!(
            read(&udp(own, host, port, to_port, b"x").unwrap()),
            Some(Heard::Udp { from, port, to_port })
        );
        assert_eq!(read(&gre(own, host, &[0; 14]).unwrap()), Some(Heard::Other { from, protocol: 47 }));
    }
}

#[test]
fn an_accepted_connection_is_told_from_a_refused_one() {
    let (host, own) = (end(1, "192.0.2.1"), end(9, "203.0.113.254"));
    let answer = |accepted: bool| {
        let mut frame = Vec::new();
        let tcp = ip(host, own).unwrap().tcp(22, 40001, 7, 64240).ack(1);
        let tcp = if accepted { tcp.syn() } else { tcp.rst() };
        tcp.write(&mut frame, &[]).unwrap();
        read(&frame)
    };
    for accepted in [true, false] {
        let from = host.address;
        assert_eq!(
            answer(accepted),
            Some(Heard::Tcp {
                from,
                port: 22,
                to_port: 40001,
                accepted
            })
        );
    }
}

#[test]
fn tunnels_hold_the_whole_frame() {
    let (own, host) = (end(9, "203.0.113.254"), end(1, "192.0.2.1"));
    let inner = echo(end(9, "172.17.255.254"), end(1, "172.17.42.1")).unwrap();
    let frame = gre(own, host, &inner).unwrap();
    // Behind Ethernet and IPv4: flags and version 0, Ethernet inside.
    assert_eq!(frame[34..38], [0, 0, 0x65, 0x58]);
    assert_eq!(frame[38..], inner);
    assert_eq!(vxlan(&inner)[..8], [8, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(geneve(&inner)[..4], [0, 0, 0x65, 0x58]);
    assert!(vxlan(&inner).ends_with(&inner) && geneve(&inner).ends_with(&inner));
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn cut_frames_never_panic(length in 0_usize..100) {
        let frame = who_has(end(9, "2001:db8:ffff::1"), "2001:db8::1".parse().unwrap()).unwrap();
        read(frame.get(..length).unwrap_or(&frame));
    }
}
