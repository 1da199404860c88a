//! The domain's own speed, without Python: `cargo bench --no-default-features`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use irontoken::credentials::{header, random_key};

fn headers(criterion: &mut Criterion) {
    let good = b"Token 9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b";
    let other = b"Basic dXNlcjpwYXNzd29yZA==";
    let large = [b"Token ".as_slice(), &vec![b'a'; 1 << 20]].concat();
    let mut group = criterion.benchmark_group("header::parse");
    group.bench_function("our scheme", |bencher| {
        bencher.iter(|| header::parse(black_box(good), black_box(b"Token")).is_ok());
    });
    group.bench_function("another scheme", |bencher| {
        bencher.iter(|| header::parse(black_box(other), black_box(b"Token")).is_ok());
    });
    group.bench_function("a megabyte", |bencher| {
        bencher.iter(|| header::parse(black_box(&large), black_box(b"Token")).is_ok());
    });
    group.finish();
}

fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("random_key::generate");
    for count in [1, 10_000] {
        group.bench_function(format!("{count} of 20 bytes"), |bencher| {
            bencher.iter(|| {
                random_key::generate::<random_key::Failure>(black_box(count), 20, |key| {
                    black_box(key);
                    Ok(())
                })
                .is_ok()
            });
        });
    }
    group.finish();
}

criterion_group!(domain, headers, keys);
criterion_main!(domain);
