//! Any text at all: reading it ends, and what it names of a write's rows is within its parameters.

#![no_main]

use std::collections::HashMap;
use std::sync::LazyLock;

use irontoken::sql::Dialect;
use irontoken::sql::reader::read;
use irontoken::sql::statement::Writes;
use irontoken::sql::tables::{Column, Effects, Kind, Owner, TrackedTables};
use libfuzzer_sys::fuzz_target;

static WATCHES: LazyLock<[TrackedTables; 3]> = LazyLock::new(|| {
    let id = Column {
        owner: Owner::User,
        kind: Kind::Integer,
    };
    [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql].map(|dialect| {
        let columns = HashMap::from([("id".to_owned(), id)]);
        let tables = TrackedTables::new([("u".to_owned(), columns)], ["o".to_owned()], dialect);
        tables.learn(1, Effects::default());
        tables
    })
});

fuzz_target!(|sql: &str| {
    for tables in WATCHES.iter() {
        if let Writes::Rows(_, first, count, total) = read(sql, tables).writes {
            assert!(count > 0 && first + count <= total);
            assert_eq!(sql.bytes().filter(|byte| *byte == b'%').count(), total);
        }
    }
});
