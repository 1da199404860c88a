//! One row that holds several models' columns: the token's part, and those of what is loaded with
//! it.

/// The parts of a row, the token's first. The others are `None` where a nullable foreign key leads
/// nowhere.
///
/// The second, which nearly always is the user, is held in place: its row is found without one
/// more step.
#[derive(Debug)]
pub struct Parts<T> {
    token: T,
    second: Option<T>,
    more: Box<[Option<T>]>,
}

impl<T> Parts<T> {
    /// The parts of a row, in its order.
    pub fn new(token: T, others: impl IntoIterator<Item = Option<T>>) -> Self {
        let mut others = others.into_iter();
        Self {
            token,
            second: others.next().flatten(),
            more: others.collect(),
        }
    }

    /// The token's.
    pub const fn token(&self) -> &T {
        &self.token
    }

    /// One of them, by its index; 0 is the token's.
    pub fn get(&self, index: usize) -> Option<&T> {
        match index {
            0 => Some(&self.token),
            1 => self.second.as_ref(),
            _ => self.more.get(index - 2)?.as_ref(),
        }
    }

    /// Those that are there.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let others = self.second.iter().chain(self.more.iter().flatten());
        std::iter::once(&self.token).chain(others)
    }

    /// What a function makes of each that is there, with its index.
    ///
    /// # Errors
    ///
    /// The function's first.
    pub fn try_map<'p, U, E>(
        &'p self,
        mut function: impl FnMut(usize, &'p T) -> Result<U, E>,
    ) -> Result<Parts<U>, E> {
        let token = function(0, &self.token)?;
        let second = self.second.as_ref().map(|part| function(1, part));
        let second = second.transpose()?;
        let mut more = Vec::with_capacity(self.more.len());
        for (index, part) in self.more.iter().enumerate() {
            let made = part.as_ref().map(|part| function(index + 2, part));
            more.push(made.transpose()?);
        }
        Ok(Parts {
            token,
            second,
            more: more.into_boxed_slice(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_their_index() {
        let parts = Parts::new("token", [None, Some("team"), None, Some("profile")]);
        let found: Vec<_> = (0..6).map(|index| parts.get(index).copied()).collect();
        let expected = [
            Some("token"),
            None,
            Some("team"),
            None,
            Some("profile"),
            None,
        ];
        assert_eq!(found, expected);
        assert_eq!(parts.iter().count(), 3);
    }

    #[test]
    fn a_function_is_called_for_each_that_is_there() {
        let parts = Parts::new(10, [Some(11), None, Some(13)]);
        let made = parts.try_map(|index, part| Ok::<_, ()>(index + part));
        let made = made.expect("no error");
        assert_eq!(made.iter().copied().collect::<Vec<_>>(), [10, 12, 16]);
        assert!(
            parts
                .try_map(|_, part| if *part > 12 { Err(()) } else { Ok(()) })
                .is_err()
        );
    }
}
