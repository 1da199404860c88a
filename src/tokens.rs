//! Splitting SQL into tokens, as far as it takes to see what a statement writes to.
//!
//! Quotes of all three databases are known, and so are comments. What is only known to one of
//! them is read in the way that leaves more of the statement to be looked at.

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'s> {
    /// A key word or a name without quotes.
    Word(&'s str),
    /// A name in quotes.
    Quoted(&'s str),
    /// `%s`, the place of a parameter.
    Placeholder,
    /// Text between single quotes, or a number.
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
}

/// The tokens of a statement.
#[derive(Clone, Debug)]
pub struct Tokens<'s> {
    rest: &'s str,
}

impl<'s> Tokens<'s> {
    /// Starts at the beginning of `sql`.
    #[must_use]
    pub const fn new(sql: &'s str) -> Self {
        Self { rest: sql }
    }

    /// Takes off `count` bytes, which must end at a character's boundary, as ASCII ones do.
    fn take(&mut self, count: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Skips white space and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let end = if self.rest.starts_with("--") {
                self.rest.find(['\n', '\r']).map(|place| place + 1)
            } else if self.rest.starts_with("/*") {
                self.rest.find("*/").map(|place| place + 2)
            } else {
                return;
            };
            self.take(end.unwrap_or(self.rest.len()));
        }
    }

    /// The text up to the closing quote, which may be doubled inside.
    fn quoted(&mut self, close: char) -> &'s str {
        self.take(1);
        let text = self.rest;
        let mut from = 0;
        while let Some(place) = text[from..].find(close) {
            let end = from + place;
            if text[end + 1..].starts_with(close) {
                from = end + 2;
                continue;
            }
            self.take(end + 1);
            return &text[..end];
        }
        self.take(text.len())
    }
}

impl<'s> Iterator for Tokens<'s> {
    type Item = Token<'s>;

    fn next(&mut self) -> Option<Token<'s>> {
        self.skip();
        let first = *self.rest.as_bytes().first()?;
        Some(match first {
            b'"' => Token::Quoted(self.quoted('"')),
            b'`' => Token::Quoted(self.quoted('`')),
            b'[' => Token::Quoted(self.quoted(']')),
            b'\'' => {
                self.quoted('\'');
                Token::Literal
            }
            b'%' if self.rest.starts_with("%s") => {
                self.take(2);
                Token::Placeholder
            }
            b'0'..=b'9' => {
                let end = self
                    .rest
                    .find(|char: char| !char.is_ascii_alphanumeric() && char != '.')
                    .unwrap_or(self.rest.len());
                self.take(end);
                Token::Literal
            }
            _ if is_name(char_at(self.rest)) => {
                let end = self
                    .rest
                    .find(|char| !is_name(char))
                    .unwrap_or(self.rest.len());
                Token::Word(self.take(end))
            }
            sign => {
                self.take(1);
                Token::Sign(sign)
            }
        })
    }
}

fn char_at(text: &str) -> char {
    text.chars().next().unwrap_or(' ')
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$' || !char.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(sql: &str) -> Vec<Token<'_>> {
        Tokens::new(sql).collect()
    }

    #[test]
    fn names_come_out_of_every_kind_of_quotes() {
        use Token::{Quoted, Sign, Word};
        assert_eq!(
            tokens("public.\"a\"\"b\" `c` [d] e$1 \u{e9}t\u{e9}"),
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
    }

    #[test]
    fn comments_and_literals_hide_what_is_in_them() {
        let sql = "/* a */ -- b\n 'it''s; DELETE' 1.5e3 %s ;-- end";
        assert_eq!(
            tokens(sql),
            [
                Token::Literal,
                Token::Literal,
                Token::Placeholder,
                Token::Sign(b';')
            ]
        );
    }

    #[test]
    fn a_text_that_ends_too_soon_ends() {
        for sql in ["'abc", "\"abc", "/* abc", "-- abc", "[", "%", ""] {
            assert!(tokens(sql).len() <= 1, "{sql}");
        }
    }
}
