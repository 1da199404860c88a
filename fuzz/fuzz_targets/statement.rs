//! Any text at all: reading it ends, and what it names of a write's rows is within its parameters.

#![no_main]

use std::collections::HashMap;
use std::sync::LazyLock;

use irontoken::statement::{Writes, read};
use irontoken::watch::{Column, Kind, Owner, Watch};
use libfuzzer_sys::fuzz_target;

static WATCH: LazyLock<Watch> = LazyLock::new(|| {
    let id = Column {
        owner: Owner::User,
        kind: Kind::Integer,
    };
    let columns = HashMap::from([("id".to_owned(), id)]);
    Watch::new([("u".to_owned(), columns)], ["o".to_owned()], false)
});

fuzz_target!(|sql: &str| {
    if let Writes::Rows(_, first, count, total) = read(sql, &WATCH).writes {
        assert!(count > 0 && first + count <= total);
        assert_eq!(sql.bytes().filter(|byte| *byte == b'%').count(), total);
    }
});
