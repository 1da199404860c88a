//! What one process of a fleet tells the others: which slots have been written to.
//!
//! A message is words with spaces between them: `t` and `u` before the four hexadecimal digits of
//! a token's and a user's slot, `*` for every row there is, and `?` before the name of somebody who
//! asks who is there. Nothing in it tells a key, or which row a slot is.

use std::fmt::Write;

use crate::epochs::Touched;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Rows have been written.
    Written(Touched),
    /// Somebody asks who is there; the name is for the answer.
    RollCall(String),
}

/// The message that tells what has been written.
#[must_use]
pub fn tell(touched: &Touched) -> String {
    if touched.everything {
        return "*".to_owned();
    }
    let mut text = String::with_capacity(6 * (touched.tokens.len() + touched.users.len()));
    let slots = [('t', &touched.tokens), ('u', &touched.users)];
    for (kind, slots) in slots {
        for slot in slots {
            let space = if text.is_empty() { "" } else { " " };
            // Writing to a text cannot fail.
            let _ = write!(text, "{space}{kind}{slot:04x}");
        }
    }
    text
}

/// What a message says; one that cannot be read may say anything, and so says everything.
#[must_use]
pub fn hear(message: &str) -> News {
    if let Some(name) = message.strip_prefix('?')
        && name.len() == NAME
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return News::RollCall(name.to_owned());
    }
    News::Written(written(message).unwrap_or_else(Touched::everything))
}

/// The length of the name in a roll call.
const NAME: usize = 32;

fn written(message: &str) -> Option<Touched> {
    let mut touched = Touched::default();
    for word in message.split(' ') {
        if word == "*" {
            return Some(Touched::everything());
        }
        let (kind, digits) = word.split_at_checked(1)?;
        let is_slot = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let slot = u32::from_str_radix(digits, 16).ok().filter(|_| is_slot)?;
        match kind {
            "t" => touched.tokens.push(slot),
            "u" => touched.users.push(slot),
            _ => return None,
        }
    }
    Some(touched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard() {
        let rows = Touched {
            tokens: vec![0, 0xabcd],
            users: vec![0xffff, 5],
            ..Touched::default()
        };
        assert_eq!(tell(&rows), "t0000 tabcd uffff u0005");
        for touched in [rows, Touched::everything()] {
            assert_eq!(hear(&tell(&touched)), News::Written(touched));
        }
    }

    #[test]
    fn what_cannot_be_read_is_everything() {
        let messages = [
            "",
            " ",
            "t",
            "t12",
            "t12345",
            "x1234",
            "t+123",
            "t1234  u1234",
            "*x",
            "?",
            "?12 ",
            "u123g",
            "\u{e9}1234",
            "1",
        ];
        for message in messages {
            let everything = News::Written(Touched::everything());
            assert_eq!(hear(message), everything, "{message:?}");
        }
    }

    #[test]
    fn a_roll_call_is_told_from_news() {
        let name = "0123456789abcdef0123456789abcdef";
        assert_eq!(hear(&format!("?{name}")), News::RollCall(name.to_owned()));
    }
}
