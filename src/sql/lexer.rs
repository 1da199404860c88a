//! Splitting SQL into statements and tokens, as the database that runs it does.
//!
//! Comments, literals and quoted names are read by the dialect's own rules. Where these depend on
//! a setting of the server (whether a backslash escapes), or the text is not whole, there is no
//! answer: [`Doubt`].

use super::Dialect;

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'s> {
    /// A key word or a name without quotes.
    Word(&'s str),
    /// A name in quotes; in MySQL's double quotes it may be a text.
    Quoted(&'s str),
    /// `%s`, the place of a parameter.
    Placeholder,
    /// A text or a number.
    Literal,
    /// Any other character.
    Sign(u8),
}

impl Token<'_> {
    /// Whether this is a key word, given in capitals.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }

    /// Whether this is a key word or a quoted name, given in capitals.
    #[must_use]
    pub fn is_named(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) | Self::Quoted(found) if found.eq_ignore_ascii_case(word))
    }
}

/// The text cannot be split with certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt;

/// Splits a text into its statements, none of which is empty.
///
/// # Errors
///
/// [`Doubt`] where the text does not tell where a literal, a name or a comment ends, and for
/// comments that MySQL and MariaDB run.
pub fn statements(sql: &str, dialect: Dialect) -> Result<Vec<Vec<Token<'_>>>, Doubt> {
    let mut lexer = Lexer { rest: sql, dialect };
    let mut statements = Vec::new();
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        if token != Token::Sign(b';') {
            tokens.push(token);
        } else if !tokens.is_empty() {
            statements.push(std::mem::take(&mut tokens));
        }
    }
    if !tokens.is_empty() {
        statements.push(tokens);
    }
    Ok(statements)
}

struct Lexer<'s> {
    rest: &'s str,
    dialect: Dialect,
}

impl<'s> Lexer<'s> {
    fn next(&mut self) -> Result<Option<Token<'s>>, Doubt> {
        self.skip()?;
        let Some(first) = self.rest.bytes().next() else {
            return Ok(None);
        };
        let is_mysql = self.dialect == Dialect::Mysql;
        let is_sqlite = self.dialect == Dialect::Sqlite;
        Ok(Some(match first {
            b'\'' => {
                self.quoted(b'\'')?;
                Token::Literal
            }
            b'"' => Token::Quoted(self.quoted(b'"')?),
            b'`' if is_mysql || is_sqlite => Token::Quoted(self.quoted(b'`')?),
            b'[' if is_sqlite => {
                let end = self.rest.find(']').ok_or(Doubt)?;
                Token::Quoted(self.take(end + 1).get(1..end).unwrap_or_default())
            }
            b'$' if self.dialect == Dialect::Postgres && self.dollar_tag().is_some() => {
                self.dollar_quoted()?;
                Token::Literal
            }
            b'%' if self.rest.starts_with("%s") => {
                self.take(2);
                Token::Placeholder
            }
            b'0'..=b'9' => {
                self.take_while(|char| char.is_ascii_alphanumeric() || char == '.');
                Token::Literal
            }
            _ if self.rest.starts_with(is_name) => {
                let word = self.take_while(is_name);
                // A name with escapes of its own: U&"d\0061ta".
                if word.eq_ignore_ascii_case("u") && self.rest.starts_with("&\"") {
                    return Err(Doubt);
                }
                Token::Word(word)
            }
            sign => {
                self.take(1);
                Token::Sign(sign)
            }
        }))
    }

    /// Takes off `count` bytes, which must end at a character's boundary, as ASCII ones do.
    fn take(&mut self, count: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'s str {
        let end = self.rest.find(|char| !belongs(char));
        self.take(end.unwrap_or(self.rest.len()))
    }

    /// Skips white space and comments.
    fn skip(&mut self) -> Result<(), Doubt> {
        loop {
            self.rest = self.rest.trim_start_matches(is_blank);
            if self.starts_line_comment() {
                let ends: &[char] = match self.dialect {
                    Dialect::Postgres => &['\n', '\r'],
                    Dialect::Sqlite | Dialect::Mysql => &['\n'],
                };
                let end = self.rest.find(ends);
                self.take(end.map_or(self.rest.len(), |end| end + 1));
            } else if self.rest.starts_with("/*") {
                self.block_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn starts_line_comment(&self) -> bool {
        let is_mysql = self.dialect == Dialect::Mysql;
        if is_mysql && self.rest.starts_with('#') {
            return true;
        }
        self.rest.strip_prefix("--").is_some_and(|after| {
            // MySQL takes "5--1" for a sum.
            !is_mysql || after.is_empty() || after.starts_with(|char: char| char <= ' ')
        })
    }

    fn block_comment(&mut self) -> Result<(), Doubt> {
        let is_run = self.rest.starts_with("/*!") || self.rest.starts_with("/*M!");
        if is_run && self.dialect == Dialect::Mysql {
            return Err(Doubt);
        }
        self.take(2);
        let mut depth = 1;
        while depth > 0 {
            let closes = self.rest.find("*/").ok_or(Doubt)?;
            let opens = self.rest.find("/*").filter(|opens| *opens < closes);
            match opens {
                // Only PostgreSQL's nest.
                Some(opens) if self.dialect == Dialect::Postgres => {
                    self.take(opens + 2);
                    depth += 1;
                }
                _ => {
                    self.take(closes + 2);
                    depth -= 1;
                }
            }
        }
        Ok(())
    }

    /// The text up to the closing quote, which may be doubled inside.
    fn quoted(&mut self, quote: u8) -> Result<&'s str, Doubt> {
        let quote = char::from(quote);
        self.take(1);
        let text = self.rest;
        let mut from = 0;
        loop {
            let end = from + text[from..].find(quote).ok_or(Doubt)?;
            if text[end + 1..].starts_with(quote) {
                from = end + 2;
                continue;
            }
            // Whether it escapes what follows is a setting of the server's, or of the literal's.
            if self.dialect != Dialect::Sqlite && text[..end].contains('\\') {
                return Err(Doubt);
            }
            self.take(end + 1);
            return Ok(&text[..end]);
        }
    }

    /// The mark that a literal of PostgreSQL's begins and ends with, as `$$` or `$body$`.
    fn dollar_tag(&self) -> Option<&'s str> {
        let end = self.rest.get(1..)?.find('$')? + 1;
        let tag = self.rest.get(..=end)?;
        let name = tag.get(1..end)?;
        let is_tag = name
            .chars()
            .all(|char| char.is_alphanumeric() || char == '_')
            && !name.starts_with(|char: char| char.is_ascii_digit());
        is_tag.then_some(tag)
    }

    fn dollar_quoted(&mut self) -> Result<(), Doubt> {
        let tag = self.dollar_tag().ok_or(Doubt)?;
        self.take(tag.len());
        let end = self.rest.find(tag).ok_or(Doubt)?;
        self.take(end + tag.len());
        Ok(())
    }
}

/// White space as databases have it, which know none outside of ASCII.
fn is_blank(char: char) -> bool {
    matches!(char, ' ' | '\t'..='\r')
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$' || !char.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(sql: &str, dialect: Dialect) -> Vec<Token<'_>> {
        statements(sql, dialect).expect("no doubt").concat()
    }

    fn words(sql: &str, dialect: Dialect) -> String {
        let words = tokens(sql, dialect);
        let words = words.iter().filter_map(|token| match token {
            Token::Word(word) => Some(*word),
            _ => None,
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_come_out_of_the_quotes_that_a_dialect_has() {
        use Token::{Quoted, Sign, Word};
        assert_eq!(
            tokens(
                "public.\"a\"\"b\" `c` [d] e$1 \u{e9}t\u{e9}",
                Dialect::Sqlite
            ),
            [
                Word("public"),
                Sign(b'.'),
                Quoted("a\"\"b"),
                Quoted("c"),
                Quoted("d"),
                Word("e$1"),
                Word("\u{e9}t\u{e9}"),
            ]
        );
        assert_eq!(
            tokens("a[1]", Dialect::Postgres),
            [Word("a"), Sign(b'['), Token::Literal, Sign(b']')]
        );
    }

    #[test]
    fn comments_and_literals_hide_what_is_in_them() {
        let sql = "/* a */ -- b\n 'it''s; DELETE' 1.5e3 %s -- end";
        for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
            assert_eq!(
                tokens(sql, dialect),
                [Token::Literal, Token::Literal, Token::Placeholder]
            );
        }
    }

    #[test]
    fn a_comment_ends_where_the_dialect_ends_it() {
        let sql = "-- a\rb\nc";
        assert_eq!(words(sql, Dialect::Postgres), "b c");
        assert_eq!(words(sql, Dialect::Sqlite), "c");
        assert_eq!(words(sql, Dialect::Mysql), "c");
        let sql = "/* /* */ a */ b";
        assert_eq!(words(sql, Dialect::Postgres), "b");
        assert_eq!(words(sql, Dialect::Sqlite), "a b");
        assert_eq!(words("a # b", Dialect::Mysql), "a");
        assert_eq!(words("a # b", Dialect::Postgres), "a b");
        assert_eq!(words("a --b\n c", Dialect::Mysql), "a b c");
        assert_eq!(words("a -- b\n c", Dialect::Mysql), "a c");
    }

    #[test]
    fn a_dollar_begins_a_literal_of_postgresql() {
        let sql = "a $$ ; b ' $$ c $t$ $$ d $t$ e $1";
        assert_eq!(words(sql, Dialect::Postgres), "a c e $1");
    }

    #[test]
    fn statements_are_split_where_they_end_and_nowhere_else() {
        let sql = ";a ';' \";\" /*;*/;;b; ";
        for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
            assert_eq!(statements(sql, dialect).expect("no doubt").len(), 2);
        }
    }

    #[test]
    fn what_a_setting_decides_or_does_not_end_is_in_doubt() {
        for sql in ["'abc", "\"abc", "/* abc"] {
            for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
                assert_eq!(statements(sql, dialect), Err(Doubt), "{sql}");
            }
        }
        let backslash = r"a 'b\' c";
        assert_eq!(statements(backslash, Dialect::Mysql), Err(Doubt));
        assert_eq!(statements(backslash, Dialect::Postgres), Err(Doubt));
        assert!(statements(backslash, Dialect::Sqlite).is_ok());
        assert_eq!(statements("a /*! b */", Dialect::Mysql), Err(Doubt));
        assert_eq!(statements("U&\"a\"", Dialect::Postgres), Err(Doubt));
        assert_eq!(statements("$$ a", Dialect::Postgres), Err(Doubt));
        assert_eq!(statements("[a", Dialect::Sqlite), Err(Doubt));
    }

    #[test]
    fn a_text_that_ends_too_soon_ends() {
        for sql in ["", "%", "-- abc", "$", "$a", "U&", "#"] {
            for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
                assert!(statements(sql, dialect).is_ok(), "{sql}");
            }
        }
    }
}
