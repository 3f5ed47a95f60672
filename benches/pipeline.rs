//! From the text of a cluster.yaml to user-data, in full mesh and sparse: check, plan and render as `meshimg cloud-init` does them, without files.
//! Figures: docs/bench.md.

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use meshimg::plan::{Plan, plan};
use meshimg::render::{Artifacts, cloud_init, with_seeds};
use meshimg::spec::{Spec, load};

fn cluster_yaml(hosts: u32, topology: &str) -> String {
    let host = |number: u32| format!("  - {{name: host{number}, address: {}}}\n", Ipv4Addr::from(0xc612_0000 + number));
    format!(
        "version: 1\nname: bench\nmesh: {{topology: {topology}}}\ncontainers: {{subnet: 10.0.0.0/8}}\nhosts:\n{}",
        (1..=hosts).map(host).collect::<String>()
    )
}

fn checked(text: &str) -> Spec {
    load(text.as_bytes()).expect("it is valid").0
}

fn planned(spec: &Spec) -> Plan {
    plan(spec).expect("it was checked")
}

fn rendered(plan: &Plan) -> Artifacts {
    cloud_init(plan, None).expect("it fits")
}

fn pipeline(criterion: &mut Criterion) {
    for (hosts, topology) in [
        (3, "full"),
        (30, "full"),
        (100, "full"),
        (100, "sparse"),
        (1_000, "sparse"),
        (10_000, "sparse"),
    ] {
        let text = cluster_yaml(hosts, topology);
        let spec = checked(&text);
        let plan = planned(&spec);
        let artifacts = rendered(&plan);
        let mut group = criterion.benchmark_group(format!("{hosts} hosts, {topology}"));
        // Ten is the least that criterion takes.
        group.sample_size(if hosts > 100 { 10 } else { 20 });
        let mut stage = |name: &str, run: &dyn Fn()| {
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter(run));
        };
        stage("check+plan+render", &|| {
            drop(black_box(rendered(&planned(&checked(black_box(&text))))))
        });
        stage("check", &|| drop(black_box(checked(black_box(&text)))));
        stage("plan", &|| drop(black_box(planned(black_box(&spec)))));
        stage("render", &|| drop(black_box(rendered(black_box(&plan)))));
        group.bench_function("seeds", |bencher| {
            let seeds = |artifacts: Artifacts| with_seeds(artifacts).expect("they fit");
            bencher.iter_batched(|| artifacts.clone(), seeds, BatchSize::LargeInput);
        });
        group.finish();
    }
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
