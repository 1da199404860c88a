//! What a client presents, and how it is made and compared.

pub mod header;
pub mod issued_key;
pub mod random_key;
