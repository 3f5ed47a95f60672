use super::*;

/// Three members on loopback addresses: what the mesh does is not looked at here.
fn on_loopback() -> Prober {
    let now = Instant::now();
    let members = [1, 2, 3].map(|last| {
        let address = Ipv4Addr::new(127, 0, 0, last);
        // A port that is free for the first is not for others, so each has its own address.
        let socket = UdpSocket::bind(SocketAddrV4::new(address, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        Member {
            address,
            socket: Some(socket),
        }
    });
    let mut prober = Prober {
        samples: vec![Vec::new(); 9],
        members: members.into(),
        turns: Vec::new(),
        turn: 0,
        pace: Duration::from_millis(50),
        started: now,
        due: now,
        late: Duration::ZERO,
    };
    prober.set_turns();
    prober
}

#[test]
fn all_pairs_take_turns_and_the_dead_none() {
    let mut prober = on_loopback();
    assert_eq!(prober.turns, [(0, 1), (1, 2), (2, 0), (0, 2), (1, 0), (2, 1)]);
    prober.remove(1);
    assert_eq!(prober.turns, [(2, 0), (0, 2)]);
    assert_eq!(prober.per_second(), 40.0);
}

/// Nobody listens on the port of the protocol here, so nothing comes, and all that was sent is lost; what does come is counted.
#[test]
fn what_does_not_come_is_lost_and_copies_are_counted() {
    let mut prober = on_loopback();
    while prober.pairs().any(|samples| samples.len() < 2) {
        prober.step(true).unwrap();
    }
    assert!(prober.pairs().flatten().all(|sample| sample.copies == 0));
    let to = prober.members[1].socket.as_ref().unwrap().local_addr().unwrap();
    let mut message = *b"mesh\0\0\0\x01\0\0\0\x01";
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(&message, to).unwrap();
    sender.send_to(&message, to).unwrap();
    message[0] = b'M';
    sender.send_to(&message, to).unwrap();
    let started = Instant::now();
    while prober.samples[1][1].copies < 2 && started.elapsed() < Duration::from_secs(20) {
        prober.step(false).unwrap();
    }
    assert_eq!(prober.samples[1][1].copies, 2);
    assert_eq!(prober.samples.iter().flatten().map(|sample| sample.copies).sum::<u16>(), 2);
}

#[test]
fn other_datagrams_are_none_of_ours() {
    assert_eq!(read(b"mesh\0\x01\0\x02\0\0\x01\0"), Some((1, 2, 256)));
    assert_eq!(read(b"mush\0\x01\0\x02\0\0\x01\0"), None);
    assert_eq!(read(b"mesh\0\x01\0\x02\0\0\x01"), None);
    assert_eq!(read(b""), None);
}
