//! The domain's own speed, without Python: `cargo bench --no-default-features`.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use irontoken::cache::entry::{Entry, EntryVersion};
use irontoken::cache::store::Store;
use irontoken::coherence::mmap::SharedWords;
use irontoken::coherence::versions::{Slots, Versions};
use irontoken::credentials::{header, random_key};
use irontoken::sql::Dialect;
use irontoken::sql::reader;
use irontoken::sql::tables::{Column, Effects, Kind, Owner, TrackedTables};

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

const ROW: Slots = Slots { token: 1, user: 2 };
const VERSION: EntryVersion = EntryVersion { host: 0, fleet: 0 };

fn cache(criterion: &mut Criterion) {
    let words = SharedWords::private(Versions::<SharedWords>::words(8)).expect("memory");
    let versions = Versions::new(words, 8);
    let store = Store::new(1000, Duration::from_secs(60)).expect("random bytes");
    let now = Instant::now();
    let key = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b";
    let entry = Entry {
        slots: ROW,
        related: Box::default(),
        version: VERSION,
        read_at: now,
        until: None,
        last_recorded: AtomicU64::new(0),
        bytes: 0,
        row: (),
    };
    store.put(0, store.fingerprint(key), entry);
    let mut group = criterion.benchmark_group("cache");
    group.bench_function("the fingerprint of a key", |bencher| {
        bencher.iter(|| store.fingerprint(black_box(key)));
    });
    group.bench_function("a version that is current", |bencher| {
        bencher.iter(|| versions.are_current(black_box(ROW), black_box(0)));
    });
    group.bench_function("a row that is there", |bencher| {
        let fingerprint = store.fingerprint(key);
        bencher.iter(|| {
            let is_current =
                |slots, version: EntryVersion| versions.are_current(slots, version.host);
            store
                .get(0, black_box(fingerprint), is_current, now)
                .is_some()
        });
    });
    group.finish();
}

fn statements(criterion: &mut Criterion) {
    let key = Column {
        owner: Owner::Token,
        kind: Kind::Text,
    };
    let columns = HashMap::from([("key".to_owned(), key)]);
    let tables = TrackedTables::new(
        [("authtoken_token".to_owned(), columns)],
        ["auth_user_groups".to_owned()],
        Dialect::Sqlite,
    );
    tables.learn(1, Effects::default());
    let columns: Vec<_> = (0..40)
        .map(|n| format!("\"blog_post\".\"column{n}\""))
        .collect();
    let long = format!("SELECT {} FROM \"blog_post\" WHERE 1", columns.join(", "));
    let mut group = criterion.benchmark_group("reader::read");
    for (name, sql) in [
        ("SELECT 1", "SELECT 1"),
        ("a SELECT of forty columns", long.as_str()),
        (
            "an UPDATE of a token",
            "UPDATE \"authtoken_token\" SET \"created\" = %s WHERE \"authtoken_token\".\"key\" = %s",
        ),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| reader::read(black_box(sql), &tables));
        });
    }
    group.finish();
}

criterion_group!(domain, headers, keys, cache, statements);
criterion_main!(domain);
