//! The tracked tables, whose columns a cached row holds, and the slots of their rows.

use std::collections::{HashMap, HashSet};

use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use super::Dialect;
use crate::coherence::versions::SLOTS;

/// Whose slots a column's values name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The primary key of a token.
    Token,
    /// The primary key of a user.
    User,
}

/// The type of an identifying column, as far as it decides which values are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer.
    Integer,
    /// A text, under a collation that may ignore case and trailing spaces.
    Text,
    /// A UUID.
    Uuid,
}

/// A value of an identifying column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'v> {
    /// An integer.
    Integer(i64),
    /// A text.
    Text(&'v str),
}

/// A column whose values tell which rows a statement touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Whose primary key it holds.
    pub owner: Owner,
    /// Its type.
    pub kind: Kind,
}

impl Column {
    /// The slot of a value; `None` where a value that the database calls equal might have another.
    #[must_use]
    pub fn slot(&self, value: Value<'_>) -> Option<u32> {
        let text = match (self.kind, value) {
            (Kind::Integer, Value::Integer(number)) => number.to_string(),
            (Kind::Text, Value::Text(text)) => {
                let text = text.trim_end_matches(' ').to_ascii_lowercase();
                text.bytes().all(is_weighed).then_some(text)?
            }
            (Kind::Uuid, Value::Text(text)) => {
                let digits = text.replace('-', "").to_ascii_lowercase();
                let is_uuid =
                    digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                is_uuid.then_some(digits)?
            }
            _ => return None,
        };
        let digest = Sha256::digest(text);
        let number = u16::from_be_bytes([digest[0], digest[1]]);
        Some(u32::from(number) % u32::try_from(SLOTS).unwrap_or(u32::MAX))
    }
}

/// Whether every collation tells a character from none: some pass over control characters, and
/// some expand or fold what is not ASCII.
const fn is_weighed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-')
}

/// What the database does by itself when a table is written to, which no statement names. All
/// names are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Tables with a trigger or a rule of unknown effect.
    pub any: HashSet<String>,
    /// Tables whose deleted rows take rows of tracked tables with them.
    pub cascades: HashSet<String>,
    /// Tables whose changed rows change rows of tracked tables too.
    pub updates: HashSet<String>,
}

/// The tables that a statement may write to. All names are in lower case.
#[derive(Debug)]
pub struct TrackedTables {
    dialect: Dialect,
    tables: HashMap<String, HashMap<String, Column>>,
    others: HashSet<String>,
    /// The version of the schema that they were asked for, and what they are.
    effects: RwLock<Option<(u64, Effects)>>,
}

/// What a table's name says.
#[derive(Debug)]
pub enum Table<'w> {
    /// Its columns are held by cached rows; these of them identify rows.
    Tracked(&'w HashMap<String, Column>),
    /// It is none of ours.
    Other,
    /// Nobody knows it: it may be a view of a tracked table.
    Unknown,
}

impl TrackedTables {
    /// Takes the tracked tables with their identifying columns, and the names of all others,
    /// which have their schema before a point where Django writes it.
    #[must_use]
    pub fn new(
        tables: impl IntoIterator<Item = (String, HashMap<String, Column>)>,
        others: impl IntoIterator<Item = String>,
        dialect: Dialect,
    ) -> Self {
        let lower = |columns: HashMap<String, Column>| {
            columns
                .into_iter()
                .map(|(name, column)| (name.to_lowercase(), column))
                .collect()
        };
        Self {
            dialect,
            tables: tables
                .into_iter()
                .map(|(name, columns)| (name.to_lowercase(), lower(columns)))
                .collect(),
            others: others.into_iter().map(|name| name.to_lowercase()).collect(),
            effects: RwLock::new(None),
        }
    }

    /// Whose SQL the statements are.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What is known of a table. Of a tracked one nothing is, while its triggers are not known.
    #[must_use]
    pub fn table(&self, qualifier: Option<&str>, name: &str) -> Table<'_> {
        let name = name.to_lowercase();
        if let Some(columns) = self.tables.get(&name) {
            let is_plain = |(_, effects): &(u64, Effects)| !effects.any.contains(&name);
            return if self.effects.read().as_ref().is_some_and(is_plain) {
                Table::Tracked(columns)
            } else {
                Table::Unknown
            };
        }
        // Another schema may have a view of that name.
        let known = match qualifier {
            Some(qualifier) => format!("{}.{name}", qualifier.to_lowercase()),
            None => name,
        };
        if self.others.contains(&known) {
            Table::Other
        } else {
            Table::Unknown
        }
    }

    /// Whether deleting a table's rows may delete or change rows of tracked tables too.
    #[must_use]
    pub fn takes_others_along(&self, name: &str) -> bool {
        self.may_affect(name, |effects| &effects.cascades)
    }

    /// Whether changing a table's rows may change rows of tracked tables too.
    #[must_use]
    pub fn changes_others(&self, name: &str) -> bool {
        self.may_affect(name, |effects| &effects.updates)
    }

    /// Whether a table is one of some effects, or these are not known.
    fn may_affect(&self, name: &str, of: fn(&Effects) -> &HashSet<String>) -> bool {
        let name = name.to_lowercase();
        let does = |(_, effects): &(u64, Effects)| of(effects).contains(&name);
        self.effects.read().as_ref().is_none_or(does)
    }

    /// Whether a name is that of a tracked table.
    #[must_use]
    pub fn is_tracked(&self, name: &str) -> bool {
        self.tables.contains_key(&name.to_lowercase())
    }

    /// Whether the effects are known for a version of the schema.
    #[must_use]
    pub fn knows(&self, schema: u64) -> bool {
        let is_new = |(known, _): &(u64, Effects)| *known == schema;
        self.effects.read().as_ref().is_some_and(is_new)
    }

    /// Takes the effects, which were asked for after the schema had the version.
    pub fn learn(&self, schema: u64, effects: Effects) {
        *self.effects.write() = Some((schema, effects));
    }

    /// Forgets the effects: what the schema is now is not known.
    pub fn forget(&self) {
        *self.effects.write() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: Kind) -> Column {
        Column {
            owner: Owner::Token,
            kind,
        }
    }

    #[test]
    fn values_that_a_database_calls_equal_share_a_slot() {
        let text = column(Kind::Text);
        let slot = text.slot(Value::Text("abcdef"));
        assert!(slot.is_some());
        assert_eq!(text.slot(Value::Text("ABCdef  ")), slot);
        let uuid = column(Kind::Uuid);
        let slot = uuid.slot(Value::Text("9944b091-99c6-2bcf-9418-ad846dd0e4bb"));
        assert!(slot.is_some());
        assert_eq!(
            uuid.slot(Value::Text("9944B09199C62BCF9418AD846DD0E4BB")),
            slot
        );
    }

    /// The vectors that the triggers of `PostgreSQL` are held against too. No crate that reads JSON
    /// is needed for rows of texts without a surrogate or an escape but these.
    #[test]
    fn the_slots_are_those_that_the_database_computes() {
        let rows = include_str!("../../tests/fleet/slots.json").lines();
        let mut count = 0;
        for row in rows.filter_map(|line| line.trim().strip_prefix('[')?.split_once(']')) {
            let fields: Vec<String> = row.0.split(", ").map(unquoted).collect();
            let [kind, value, wanted] = fields.as_slice() else {
                panic!("{row:?}");
            };
            let (kind, value) = match kind.as_str() {
                "integer" => (
                    Kind::Integer,
                    Value::Integer(value.parse().expect("a number")),
                ),
                "uuid" => (Kind::Uuid, Value::Text(value)),
                _ => (Kind::Text, Value::Text(value)),
            };
            let slot = column(kind).slot(value).map(|slot| format!("{slot:04x}"));
            assert_eq!(slot.as_deref().unwrap_or("null"), wanted, "{row:?}");
            count += 1;
        }
        assert!(count > 20, "{count}");
    }

    /// The value of a literal of JSON.
    fn unquoted(literal: &str) -> String {
        let mut text = String::new();
        let mut characters = literal.trim_matches('"').chars();
        while let Some(character) = characters.next() {
            text.push(match character {
                '\\' => match characters.next().expect("an escape") {
                    't' => '\t',
                    'n' => '\n',
                    'u' => {
                        let digits: String = characters.by_ref().take(4).collect();
                        let number = u32::from_str_radix(&digits, 16).expect("digits");
                        // Half of a character that takes two: as little ASCII as the whole.
                        char::from_u32(number).unwrap_or('\u{fffd}')
                    }
                    other => other,
                },
                other => other,
            });
        }
        text
    }

    #[test]
    fn values_whose_equals_cannot_be_told_have_no_slot() {
        assert_eq!(column(Kind::Text).slot(Value::Text("caf\u{e9}")), None);
        assert_eq!(column(Kind::Text).slot(Value::Text("abc\u{1}")), None);
        assert_eq!(column(Kind::Text).slot(Value::Text("a b")), None);
        assert_eq!(column(Kind::Text).slot(Value::Integer(5)), None);
        assert_eq!(column(Kind::Integer).slot(Value::Text("05")), None);
        assert_eq!(column(Kind::Uuid).slot(Value::Text("{9944}")), None);
    }

    #[test]
    fn names_are_compared_without_their_case() {
        let columns = HashMap::from([("ID".to_owned(), column(Kind::Integer))]);
        let tables = TrackedTables::new(
            [("Auth_User".to_owned(), columns)],
            ["Other".to_owned()],
            Dialect::Sqlite,
        );
        tables.learn(1, Effects::default());
        assert!(tables.is_tracked("AUTH_USER"));
        assert!(
            matches!(tables.table(None, "auth_user"), Table::Tracked(columns) if columns.contains_key("id"))
        );
        assert!(matches!(tables.table(None, "other"), Table::Other));
        assert!(matches!(
            tables.table(Some("schema"), "other"),
            Table::Unknown
        ));
        assert!(matches!(tables.table(None, "a_view"), Table::Unknown));
    }

    #[test]
    fn a_table_whose_triggers_are_not_known_is_not_known() {
        let columns = HashMap::from([("id".to_owned(), column(Kind::Integer))]);
        let tables = TrackedTables::new(
            [("users".to_owned(), columns)],
            ["posts".to_owned()],
            Dialect::Sqlite,
        );
        let is_tracked = || matches!(tables.table(None, "users"), Table::Tracked(_));
        assert!(!is_tracked() && tables.takes_others_along("posts"));
        assert!(tables.changes_others("posts"));
        tables.learn(1, Effects::default());
        assert!(is_tracked() && !tables.takes_others_along("posts"));
        assert!(tables.knows(1) && !tables.knows(2));
        let names = HashSet::from(["users".to_owned()]);
        let effects = Effects {
            any: names.clone(),
            cascades: names.clone(),
            updates: names,
        };
        tables.learn(2, effects);
        assert!(!is_tracked() && tables.takes_others_along("Users"));
        assert!(tables.changes_others("Users") && !tables.changes_others("posts"));
        tables.forget();
        assert!(!tables.knows(2));
    }
}
