//! Any text at all: reading it ends, and what it names of a write's rows is within its parameters.

#![no_main]

use std::collections::HashMap;
use std::sync::LazyLock;

use irontoken::sql::Dialect;
use irontoken::sql::statement::{Writes, read};
use irontoken::watch::{Column, Effects, Kind, Owner, Watch};
use libfuzzer_sys::fuzz_target;

static WATCHES: LazyLock<[Watch; 3]> = LazyLock::new(|| {
    let id = Column {
        owner: Owner::User,
        kind: Kind::Integer,
    };
    [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql].map(|dialect| {
        let columns = HashMap::from([("id".to_owned(), id)]);
        let watch = Watch::new([("u".to_owned(), columns)], ["o".to_owned()], dialect);
        watch.learn(1, Effects::default());
        watch
    })
});

fuzz_target!(|sql: &str| {
    for watch in WATCHES.iter() {
        if let Writes::Rows(_, first, count, total) = read(sql, watch).writes {
            assert!(count > 0 && first + count <= total);
            assert_eq!(sql.bytes().filter(|byte| *byte == b'%').count(), total);
        }
    }
});
