//! What differs from one operating system to another: one file for each, with the same names.
//!
//! | name | what it is |
//! | --- | --- |
//! | `user` | the number of the user that the process runs as now |
//! | `may_open_all_files` | whether that is one who may open the files of all others |
//! | `now` | a clock that is never set and goes on while the machine sleeps |
//! | `open`, `create` | a file that is shared by the processes of one user |
//! | `Facts` | what there is to know of a file before it is trusted |
//! | `length_and_links` | the two of them that are asked for on each reading |

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

/// What there is to know of a file before it is trusted.
#[derive(Debug)]
pub struct Facts {
    /// Which file it is, among all of the machine.
    pub identity: (u64, u64),
    /// Neither a folder nor a device.
    pub is_regular: bool,
    /// The user that it belongs to.
    pub owner: u32,
    /// No other user may open it.
    pub is_private: bool,
    /// Its size in bytes.
    pub length: u64,
    /// The names that it has.
    pub links: u64,
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_clock_goes_on() {
        let before = now();
        std::thread::sleep(Duration::from_millis(40));
        let passed = now().saturating_sub(before);
        assert!(passed >= Duration::from_millis(20));
        assert!(passed < Duration::from_secs(60));
    }

    #[test]
    fn a_file_is_told_from_another() {
        let path = std::env::temp_dir().join(format!("irontoken-{}-facts", std::process::id()));
        let _ = fs::remove_file(&path);
        let other = path.with_extension("other");
        let file = create(&path).expect("made");
        assert!(create(&path).is_err());
        fs::write(&other, b"12345").expect("written");
        let (found, elsewhere) = (Facts::at(&path).expect("there"), Facts::at(&other));
        let elsewhere = elsewhere.expect("there");
        assert_eq!(found.identity, Facts::of(&file).expect("open").identity);
        assert_ne!(found.identity, elsewhere.identity);
        assert!(found.is_regular && found.is_private);
        assert_eq!((found.owner, found.length, found.links), (user(), 0, 1));
        assert_eq!(elsewhere.length, 5);
        let other_file = open(&other).expect("opened");
        assert_eq!(length_and_links(&other_file), Some((5, 1)));
        let folder = Facts::at(&std::env::temp_dir()).expect("there");
        assert!(!folder.is_regular);
        drop((file, other_file));
        fs::remove_file(path)
            .and_then(|()| fs::remove_file(other))
            .expect("removed");
    }
}
