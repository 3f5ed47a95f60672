//! What the underlay's switch carries between two ports, in frames of 1500 bytes. Figures: docs/bench.md.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use meshimg::lab::switch::Switch;
use meshimg::lab::switch::impairment::Impairment;

const FRAME: usize = 1500;

/// With its length before it.
const WIRE: usize = FRAME + 4;

/// Written at once, as a busy NIC does.
const BATCH: u64 = 32;

/// Frames on their way at most: fewer than a port's queue holds, so that none is dropped.
const WINDOW: u64 = 600;

/// A switch with three ports, and the far ends of the first two, which it knows.
fn plugged() -> (Switch, UnixStream, UnixStream) {
    let switch = Switch::new(3);
    let [mut a, mut b] = [0, 1].map(|port| {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        switch.plug(port, theirs).expect("the port is there");
        ours
    });
    let mut wire = [0; WIRE];
    b.write_all(&frame(2, 1)).expect("the switch reads");
    a.read_exact(&mut wire).expect("the switch writes");
    (switch, a, b)
}

fn frame(from: u8, to: u8) -> [u8; WIRE] {
    let mut wire = [0; WIRE];
    wire[..4].copy_from_slice(&(FRAME as u32).to_be_bytes());
    wire[4..16].copy_from_slice(&[2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from]);
    wire
}

/// How long `count` frames take from `a` to `b`.
fn transfer(a: &mut UnixStream, b: &mut UnixStream, count: u64) -> Duration {
    let batch: Vec<u8> = (0..BATCH).flat_map(|_| frame(1, 2)).collect();
    let received = AtomicU64::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = 0;
            while sent < count {
                let now = BATCH.min(count - sent);
                while sent + now > received.load(Relaxed) + WINDOW {
                    std::thread::park();
                }
                a.write_all(&batch[..now as usize * WIRE]).expect("the switch reads");
                sent += now;
            }
        });
        let mut buffer = vec![0; 256 * 1024];
        let mut bytes = 0;
        while bytes < count * WIRE as u64 {
            bytes += b.read(&mut buffer).expect("the switch writes") as u64;
            received.store(bytes / WIRE as u64, Relaxed);
            sender.thread().unpark();
        }
    });
    started.elapsed()
}

fn settings(json: &str) -> Option<Impairment> {
    Some(serde_json::from_str(json).expect("settings"))
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("switch, 1500 bytes");
    group.throughput(Throughput::Bytes(FRAME as u64));

    let (_switch, mut a, mut b) = plugged();
    group.bench_function("clean", |bencher| bencher.iter_custom(|count| transfer(&mut a, &mut b, count)));

    // What is wrong with other pairs costs this one nothing.
    let (switch, mut a, mut b) = plugged();
    for (from, to) in [(0, 2), (2, 0), (1, 2), (2, 1)] {
        switch.set_impairment(from, to, settings(r#"{"delay-seconds":0.01,"loss-percent":20,"seed":1}"#));
    }
    group.bench_function("clean, others impaired", |bencher| {
        bencher.iter_custom(|count| transfer(&mut a, &mut b, count))
    });

    let (switch, mut a, mut b) = plugged();
    switch.set_impairment(0, 1, settings(r#"{"delay-seconds":0.001,"seed":1}"#));
    group.bench_function("delay 1ms", |bencher| bencher.iter_custom(|count| transfer(&mut a, &mut b, count)));

    let (switch, mut a, mut b) = plugged();
    let capture = switch.capture(0, 1);
    std::thread::scope(|scope| {
        scope.spawn(|| capture.write(&mut std::io::sink(), &["there".to_owned(), "back".to_owned()]));
        group.bench_function("captured", |bencher| bencher.iter_custom(|count| transfer(&mut a, &mut b, count)));
        switch.end_capture(&capture);
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
