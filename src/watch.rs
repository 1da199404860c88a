//! What is watched: the tables whose columns a cached row holds, and where their slots are.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

/// The number of slots of each kind.
pub const SLOTS: usize = 1 << 16;

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
            (Kind::Text, Value::Text(text)) if text.is_ascii() => {
                text.trim_end_matches(' ').to_ascii_lowercase()
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

/// The tables that a statement may write to. All names are in lower case.
#[derive(Debug, Default)]
pub struct Watch {
    /// Double quotes hold a text and not a name, as in `MySQL`.
    double_quotes_hold_text: bool,
    tables: HashMap<String, HashMap<String, Column>>,
    others: HashSet<String>,
}

/// What a table's name says.
#[derive(Debug)]
pub enum Table<'w> {
    /// Its columns are held by cached rows; these of them identify rows.
    Watched(&'w HashMap<String, Column>),
    /// It is none of ours.
    Other,
    /// Nobody knows it: it may be a view of a watched table.
    Unknown,
}

impl Watch {
    /// Takes the watched tables with their identifying columns, and the names of all others.
    #[must_use]
    pub fn new(
        tables: impl IntoIterator<Item = (String, HashMap<String, Column>)>,
        others: impl IntoIterator<Item = String>,
        double_quotes_hold_text: bool,
    ) -> Self {
        let lower = |columns: HashMap<String, Column>| {
            columns
                .into_iter()
                .map(|(name, column)| (name.to_lowercase(), column))
                .collect()
        };
        Self {
            double_quotes_hold_text,
            tables: tables
                .into_iter()
                .map(|(name, columns)| (name.to_lowercase(), lower(columns)))
                .collect(),
            others: others.into_iter().map(|name| name.to_lowercase()).collect(),
        }
    }

    /// Whether double quotes hold a text and not a name.
    #[must_use]
    pub const fn double_quotes_hold_text(&self) -> bool {
        self.double_quotes_hold_text
    }

    /// What is known of a table.
    #[must_use]
    pub fn table(&self, name: &str) -> Table<'_> {
        let name = name.to_lowercase();
        match self.tables.get(&name) {
            Some(columns) => Table::Watched(columns),
            None if self.others.contains(&name) => Table::Other,
            None => Table::Unknown,
        }
    }

    /// Whether a name is that of a watched table.
    #[must_use]
    pub fn is_watched(&self, name: &str) -> bool {
        matches!(self.table(name), Table::Watched(_))
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
        let rows = include_str!("../tests/slots.json").lines();
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
        assert_eq!(column(Kind::Text).slot(Value::Integer(5)), None);
        assert_eq!(column(Kind::Integer).slot(Value::Text("05")), None);
        assert_eq!(column(Kind::Uuid).slot(Value::Text("{9944}")), None);
    }

    #[test]
    fn names_are_compared_without_their_case() {
        let columns = HashMap::from([("ID".to_owned(), column(Kind::Integer))]);
        let watch = Watch::new(
            [("Auth_User".to_owned(), columns)],
            ["Other".to_owned()],
            false,
        );
        assert!(watch.is_watched("AUTH_USER"));
        assert!(
            matches!(watch.table("auth_user"), Table::Watched(columns) if columns.contains_key("id"))
        );
        assert!(matches!(watch.table("other"), Table::Other));
        assert!(matches!(watch.table("a_view"), Table::Unknown));
    }
}
