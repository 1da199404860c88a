//! Which rows a statement writes to, by its grammar and its parameters.

use std::collections::HashMap;

use super::Dialect;
use super::lexer::Token;
use super::statement::{Statement, Writes};
use super::tables::{Column, Table, TrackedTables};

/// Reads a statement that writes to one table, by a function that knows its grammar.
pub(super) fn one_table(
    sql: &str,
    tokens: &[Token<'_>],
    tables: &TrackedTables,
    grammar: fn(&mut Parser<'_, '_>, &TrackedTables) -> Option<Writes>,
) -> Statement {
    let names = ["SET_CONFIG", "PG_SETTINGS"];
    if tokens
        .iter()
        .any(|token| names.iter().any(|name| token.is_named(name)))
    {
        return Statement::UNKNOWN;
    }
    let mut parser = Parser {
        tokens: tokens.iter(),
        parameters: 0,
    };
    let writes = grammar(&mut parser, tables).unwrap_or(Writes::Everything);
    let writing = |writes| Statement {
        consults: true,
        ..Statement::writing(writes)
    };
    let Writes::Rows(_, _, _, total) = writes else {
        return writing(writes);
    };
    // A placeholder that is not one, or one that does not look like it, would shift the others.
    let all_seen = memchr::memchr_iter(b'%', sql.as_bytes()).count() == total;
    let names_are_names = !(tables.dialect() == Dialect::Mysql && sql.contains('"'));
    if all_seen && names_are_names && !sql.contains('?') {
        writing(writes)
    } else {
        writing(Writes::Everything)
    }
}

/// Reads on, counting the parameters that it passes.
pub(super) struct Parser<'s, 't> {
    tokens: std::slice::Iter<'t, Token<'s>>,
    parameters: usize,
}

/// The name of a table, and the schema or the database that it is given with.
struct Name<'s> {
    qualifier: Option<&'s str>,
    name: &'s str,
}

impl Name<'_> {
    fn table<'w>(&self, tables: &'w TrackedTables) -> Table<'w> {
        tables.table(self.qualifier, self.name)
    }
}

impl<'s> Parser<'s, '_> {
    fn next(&mut self) -> Option<Token<'s>> {
        let token = self.tokens.next().copied();
        self.parameters += usize::from(token == Some(Token::Placeholder));
        token
    }

    /// A name of one or more parts, and the token after it.
    fn name(&mut self, first: Option<Token<'s>>) -> Option<(Name<'s>, Option<Token<'s>>)> {
        let mut part = first;
        let mut qualifier = None;
        loop {
            let (Token::Word(name) | Token::Quoted(name)) = part? else {
                return None;
            };
            let after = self.next();
            if after != Some(Token::Sign(b'.')) {
                return Some((Name { qualifier, name }, after));
            }
            qualifier = Some(name);
            part = self.next();
        }
    }

    /// Whether any of the tokens that are left is one of `words`.
    fn has(&mut self, words: &[&str]) -> bool {
        let mut found = false;
        while let Some(token) = self.next() {
            found |= words.iter().any(|word| token.is(word));
        }
        found
    }

    /// The rows that a `WHERE` of one condition names, up to the end of the statement.
    fn rows(&mut self, columns: &HashMap<String, Column>) -> Option<Writes> {
        let first = self.next();
        let (name, operator) = self.name(first)?;
        let column = *columns.get(&name.name.to_lowercase())?;
        let before = self.parameters;
        match operator? {
            Token::Sign(b'=') if self.next()? == Token::Placeholder => {}
            word if word.is("IN") && self.next()? == Token::Sign(b'(') => loop {
                if self.next()? != Token::Placeholder {
                    return None;
                }
                match self.next()? {
                    Token::Sign(b',') => {}
                    Token::Sign(b')') => break,
                    _ => return None,
                }
            },
            _ => return None,
        }
        let count = self.parameters - before;
        let rows = Writes::Rows(column, before, count, self.parameters);
        match self.next() {
            None => Some(rows),
            Some(token) if token.is("RETURNING") && !self.has(&SUBSTATEMENT) => Some(rows),
            _ => None,
        }
    }
}

/// Words of a second statement within one, as PostgreSQL's `WITH` allows it.
const SUBSTATEMENT: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "MERGE"];

pub(super) fn insert(parser: &mut Parser<'_, '_>, tables: &TrackedTables) -> Option<Writes> {
    let mut token = parser.next()?;
    // `INSERT OR REPLACE INTO` and the like of SQLite, `INSERT IGNORE INTO` of MySQL.
    while !token.is("INTO") {
        if token.is("REPLACE") || !matches!(token, Token::Word(_)) {
            return None;
        }
        token = parser.next()?;
    }
    let first = parser.next();
    let (name, _) = parser.name(first)?;
    match name.table(tables) {
        Table::Unknown => None,
        // Also the `UPDATE` of `ON CONFLICT` and of `ON DUPLICATE KEY`.
        Table::Tracked(_) if parser.has(&SUBSTATEMENT) => None,
        Table::Tracked(_) => Some(Writes::NewRows),
        // The update of its own conflicts is no other table's; a statement before it may be.
        Table::Other if parser.has(&["DELETE", "MERGE", "WITH"]) => None,
        Table::Other => Some(Writes::Nothing),
    }
}

pub(super) fn update(parser: &mut Parser<'_, '_>, tables: &TrackedTables) -> Option<Writes> {
    let mut first = parser.next()?;
    if first.is("ONLY") {
        first = parser.next()?;
    }
    let (name, after) = parser.name(Some(first))?;
    if !after?.is("SET") || tables.changes_others(name.name) {
        // An alias, a second table of MySQL's, a conflict clause of SQLite's; or rows elsewhere
        // that change with these.
        return None;
    }
    match name.table(tables) {
        Table::Unknown => None,
        Table::Other if parser.has(&SUBSTATEMENT) => None,
        Table::Other => Some(Writes::Nothing),
        Table::Tracked(table) => {
            let mut depth = 0_i32;
            loop {
                match parser.next()? {
                    Token::Sign(b'(') => depth += 1,
                    Token::Sign(b')') => depth -= 1,
                    word if word.is("FROM") && depth == 0 => return None,
                    word if word.is("WHERE") && depth == 0 => return parser.rows(table),
                    _ => {}
                }
            }
        }
    }
}

pub(super) fn delete(parser: &mut Parser<'_, '_>, tables: &TrackedTables) -> Option<Writes> {
    if !parser.next()?.is("FROM") {
        return None;
    }
    let mut first = parser.next()?;
    if first.is("ONLY") {
        first = parser.next()?;
    }
    let (name, after) = parser.name(Some(first))?;
    if tables.takes_others_along(name.name) {
        return None;
    }
    match name.table(tables) {
        Table::Tracked(columns) if after?.is("WHERE") => parser.rows(columns),
        // What else follows may name the table that is really written to.
        Table::Other
            if after.is_none_or(|token| token.is("WHERE")) && !parser.has(&SUBSTATEMENT) =>
        {
            Some(Writes::Nothing)
        }
        _ => None,
    }
}
