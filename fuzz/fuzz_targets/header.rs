//! Any header, any keyword: the parser does what splitting at white space would do.

#![no_main]

use irontoken::credentials::header::{Malformed, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (header, keyword) = input;
    let keyword = keyword.to_ascii_lowercase();
    let words: Vec<&[u8]> = header
        .split(|byte| b" \t\n\r\x0b\x0c".contains(byte))
        .filter(|word| !word.is_empty())
        .collect();
    let expected = match words[..] {
        [] => Ok(None),
        [scheme, ..] if scheme.to_ascii_lowercase() != keyword => Ok(None),
        [_] => Err(Malformed::NoCredentials),
        [_, key] => std::str::from_utf8(key)
            .map(Some)
            .map_err(|_| Malformed::InvalidCharacters),
        _ => Err(Malformed::ContainsSpaces),
    };
    assert_eq!(parse(header, &keyword), expected);
    if let Ok(Some(key)) = parse(header, &keyword) {
        assert!(!key.is_empty() && key.len() < header.len());
    }
});
