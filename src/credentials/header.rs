//! Reading an `Authorization` header.
//!
//! Here is what makes a header ours, what makes it malformed, and where its key lies. The rules
//! are those of `rest_framework.authentication.TokenAuthentication`, which splits the header with
//! Python's `bytes.split()`. What becomes of a malformed header is the caller's affair.

/// Why a header that names our scheme holds no usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The keyword stands alone.
    NoCredentials,
    /// More than one word follows the keyword.
    ContainsSpaces,
    /// The key is not UTF-8, or the header held a character that no HTTP server delivers.
    InvalidCharacters,
}

impl Malformed {
    /// The stable, machine-readable name of the reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::ContainsSpaces => "contains_spaces",
            Self::InvalidCharacters => "invalid_characters",
        }
    }
}

/// Finds the key in a header, or tells that the header is for another scheme (`Ok(None)`).
///
/// `keyword` is compared without regard to the case of ASCII letters; a keyword with other
/// letters must come in lower case. The header is walked once, and not past the first word when
/// the scheme is another one.
///
/// # Errors
///
/// [`Malformed`] when the scheme is ours and what follows is not exactly one UTF-8 word.
pub fn parse<'h>(header: &'h [u8], keyword: &[u8]) -> Result<Option<&'h str>, Malformed> {
    let (scheme, rest) = next_word(header);
    if scheme.is_empty() || !scheme.eq_ignore_ascii_case(keyword) {
        return Ok(None);
    }
    let (key, rest) = next_word(rest);
    if key.is_empty() {
        return Err(Malformed::NoCredentials);
    }
    if !next_word(rest).0.is_empty() {
        return Err(Malformed::ContainsSpaces);
    }
    match std::str::from_utf8(key) {
        Ok(key) => Ok(Some(key)),
        Err(_) => Err(Malformed::InvalidCharacters),
    }
}

/// Finds the key in a header that holds nothing else, or tells that it is blank (`Ok(None)`).
///
/// # Errors
///
/// [`Malformed`] when it holds more than one word, or one that is not UTF-8.
pub fn parse_bare(header: &[u8]) -> Result<Option<&str>, Malformed> {
    let (key, rest) = next_word(header);
    if key.is_empty() {
        return Ok(None);
    }
    if !next_word(rest).0.is_empty() {
        return Err(Malformed::ContainsSpaces);
    }
    let key = std::str::from_utf8(key).map_err(|_| Malformed::InvalidCharacters)?;
    Ok(Some(key))
}

/// Whether a header has no word in it, and so no scheme.
#[must_use]
pub fn is_blank(header: &[u8]) -> bool {
    header.iter().all(|byte| is_space(*byte))
}

/// The first word of `text` and what follows it; an empty word when there is none.
fn next_word(text: &[u8]) -> (&[u8], &[u8]) {
    let start = text
        .iter()
        .position(|byte| !is_space(*byte))
        .unwrap_or(text.len());
    let text = &text[start..];
    let end = text
        .iter()
        .position(|byte| is_space(*byte))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// White space as `bytes.split()` has it: `is_ascii_whitespace` and the vertical tab.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_well_formed_header_is_found() {
        assert_eq!(parse(b"Token abc", b"Token"), Ok(Some("abc")));
        assert_eq!(
            parse(b"\x0b tOKEN\t\x0c abc\r\n", b"Token"),
            Ok(Some("abc"))
        );
    }

    #[test]
    fn a_header_may_be_the_key_alone() {
        assert_eq!(parse_bare(b" abc\t"), Ok(Some("abc")));
        assert_eq!(parse_bare(b" \x0b"), Ok(None));
        assert_eq!(parse_bare(b"a b"), Err(Malformed::ContainsSpaces));
        assert_eq!(parse_bare(b"\xff"), Err(Malformed::InvalidCharacters));
    }

    #[test]
    fn another_scheme_is_not_ours() {
        for header in [
            &b""[..],
            b"   ",
            b"Tokenabc",
            b"Bearer abc",
            b"Bearer a b c",
        ] {
            assert_eq!(parse(header, b"Token"), Ok(None), "{header:?}");
        }
    }

    #[test]
    fn a_header_without_a_word_is_blank() {
        assert!(is_blank(b"") && is_blank(b" \x0b\x0c\t\r\n"));
        assert!(!is_blank(b" x"));
    }

    #[test]
    fn an_empty_keyword_matches_nothing() {
        assert_eq!(parse(b"  ", b""), Ok(None));
        assert_eq!(parse(b"abc", b""), Ok(None));
    }

    #[test]
    fn each_malformed_case_is_told_apart() {
        assert_eq!(parse(b"Token", b"Token"), Err(Malformed::NoCredentials));
        assert_eq!(parse(b"Token \t ", b"Token"), Err(Malformed::NoCredentials));
        assert_eq!(
            parse(b"Token a b", b"Token"),
            Err(Malformed::ContainsSpaces)
        );
        assert_eq!(
            parse(b"Token a\x0bb", b"Token"),
            Err(Malformed::ContainsSpaces)
        );
        assert_eq!(
            parse(b"Token \xff", b"Token"),
            Err(Malformed::InvalidCharacters)
        );
    }

    #[test]
    fn spaces_are_reported_before_invalid_characters() {
        assert_eq!(
            parse(b"Token \xff b", b"Token"),
            Err(Malformed::ContainsSpaces)
        );
    }

    #[test]
    fn bytes_that_unicode_calls_white_space_do_not_split() {
        // U+00A0, U+0085 and 0x1C to 0x1F split a Python str, not bytes.
        assert_eq!(
            parse("Token a\u{a0}b".as_bytes(), b"Token"),
            Ok(Some("a\u{a0}b"))
        );
        assert_eq!(parse(b"Token a\x1c\x1fb", b"Token"), Ok(Some("a\x1c\x1fb")));
    }

    #[test]
    fn a_keyword_outside_ascii_matches_its_lower_case_bytes() {
        let keyword = "jetón".as_bytes();
        assert_eq!(parse("JETón abc".as_bytes(), keyword), Ok(Some("abc")));
        assert_eq!(parse("JETÓN abc".as_bytes(), keyword), Ok(None));
    }
}
