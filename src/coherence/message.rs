//! The messages between the processes of a fleet: which slots have been written to.
//!
//! A message is words with spaces between them: `t` and `u` before the four hexadecimal digits of
//! a token's and a user's slot, `*` for every row there is, and `?` before the name of a reply
//! channel, where somebody lists the processes that listen. Nothing in it tells a key, or which row a slot is.

use std::fmt::Write;

use super::versions::WriteSet;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Rows have been written.
    Written(WriteSet),
    /// Somebody lists the processes; the name is for the replies.
    ListProcesses(String),
}

/// The message of a write set.
#[must_use]
pub fn encode(write_set: &WriteSet) -> String {
    if write_set.everything {
        return "*".to_owned();
    }
    let mut text = String::with_capacity(6 * (write_set.tokens.len() + write_set.users.len()));
    let slots = [('t', &write_set.tokens), ('u', &write_set.users)];
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
pub fn decode(message: &str) -> Message {
    if let Some(name) = message.strip_prefix('?')
        && name.len() == NAME
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Message::ListProcesses(name.to_owned());
    }
    Message::Written(written(message).unwrap_or_else(WriteSet::everything))
}

/// The length of the name for the replies.
const NAME: usize = 32;

fn written(message: &str) -> Option<WriteSet> {
    let mut write_set = WriteSet::default();
    for word in message.split(' ') {
        if word == "*" {
            return Some(WriteSet::everything());
        }
        let (kind, digits) = word.split_at_checked(1)?;
        let is_slot = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let slot = u32::from_str_radix(digits, 16).ok().filter(|_| is_slot)?;
        match kind {
            "t" => write_set.tokens.push(slot),
            "u" => write_set.users.push(slot),
            _ => return None,
        }
    }
    Some(write_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard() {
        let rows = WriteSet {
            tokens: vec![0, 0xabcd],
            users: vec![0xffff, 5],
            ..WriteSet::default()
        };
        assert_eq!(encode(&rows), "t0000 tabcd uffff u0005");
        for write_set in [rows, WriteSet::everything()] {
            assert_eq!(decode(&encode(&write_set)), Message::Written(write_set));
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
            let everything = Message::Written(WriteSet::everything());
            assert_eq!(decode(message), everything, "{message:?}");
        }
    }

    #[test]
    fn a_roll_call_is_told_from_news() {
        let name = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            decode(&format!("?{name}")),
            Message::ListProcesses(name.to_owned())
        );
    }
}
