//! How long a process of a fleet may rely on what it has heard of the writes of others.
//!
//! A message of a write raises the versions of this process alone; every process has a session of
//! its own with the bus that carries them. The lease is renewed only by proof that a write would have been
//! heard: a secret that was sent over the bus and came back in the same session, behind everything
//! that had been sent before it. What was true when it was sent may be answered from for the
//! length of the lease after. Without one, the database is asked.

use std::time::Duration;

#[cfg(loom)]
use loom::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
#[cfg(not(loom))]
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::versions::{SLOTS, Slots, Versions, Words, WriteSet};

/// Words in the memory of this process.
#[derive(Debug)]
pub struct Private(Box<[std::sync::atomic::AtomicU64]>);

impl Words for Private {
    fn load(&self, index: usize) -> u64 {
        self.0[index].load(std::sync::atomic::Ordering::SeqCst)
    }
    fn add(&self, index: usize, value: u64) {
        self.0[index].fetch_add(value, std::sync::atomic::Ordering::SeqCst);
    }
    fn increment(&self, index: usize) -> u64 {
        self.0[index]
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst)
            .wrapping_add(1)
    }
    fn raise(&self, index: usize, value: u64) {
        self.0[index].fetch_max(value, std::sync::atomic::Ordering::SeqCst);
    }
}

/// What this process has heard, and until when it may be relied on.
#[derive(Debug)]
pub struct Lease<W = Private> {
    versions: Versions<W>,
    length: Duration,
    /// In nanoseconds of the clock; 0 while there is none.
    until: AtomicU64,
    /// The session that may renew it: the last one that was opened.
    session: AtomicU64,
}

impl Lease {
    /// No lease yet; each will be of `length` from the moment that its proof was sent.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        let words =
            (0..Versions::<Private>::words(SLOTS)).map(|_| std::sync::atomic::AtomicU64::new(0));
        Self::over(Versions::new(Private(words.collect()), SLOTS), length)
    }
}

impl<W: Words> Lease<W> {
    /// The same over other words.
    pub fn over(versions: Versions<W>, length: Duration) -> Self {
        Self {
            versions,
            length,
            until: AtomicU64::new(0),
            session: AtomicU64::new(0),
        }
    }

    /// Whether it runs at `now`.
    pub fn runs(&self, now: Duration) -> bool {
        nanoseconds(now) < self.until.load(Ordering::SeqCst)
    }

    /// How long ago the proof was sent that it rests on, if it runs at `now`.
    pub fn age(&self, now: Duration) -> Option<Duration> {
        let until = Duration::from_nanos(self.until.load(Ordering::SeqCst));
        (now < until).then(|| (now + self.length).saturating_sub(until))
    }

    /// The version of a row that is about to be read.
    pub fn current(&self) -> u64 {
        self.versions.current()
    }

    /// Whether nothing has been heard of a row since it was read under `version`.
    pub fn are_current(&self, slots: Slots, version: u64) -> bool {
        self.versions.are_current(slots, version)
    }

    /// Ends it, and forbids the session that there is to renew it.
    pub fn revoke(&self) {
        self.session.fetch_add(1, Ordering::SeqCst);
        self.until.store(0, Ordering::SeqCst);
    }
}

/// One connection to the bus, from its opening to its end.
#[derive(Debug)]
pub struct BusSession<W = Private> {
    lease: Arc<Lease<W>>,
    number: u64,
    /// What was sent and has not come back, and when that was.
    outstanding: Option<(String, Duration)>,
    sent: Option<Duration>,
    proven: bool,
}

impl<W: Words> BusSession<W> {
    /// A session that has just been opened. What was heard in another counts no more.
    pub fn new(lease: Arc<Lease<W>>) -> Self {
        lease.revoke();
        let number = lease.session.load(Ordering::SeqCst);
        Self {
            lease,
            number,
            outstanding: None,
            sent: None,
            proven: false,
        }
    }

    /// Whether it is time to send another secret: four in the length of a lease, one at a time.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        self.outstanding.is_none() && self.due_in(now).is_zero()
    }

    /// `secret`, which nobody can guess, is sent at `now`.
    pub fn sent_secret(&mut self, secret: String, now: Duration) {
        self.sent = Some(now);
        self.outstanding = Some((secret, now));
    }

    /// How long the session may be left alone.
    #[must_use]
    pub fn due_in(&self, now: Duration) -> Duration {
        let due = match (&self.outstanding, self.sent) {
            (Some((_, sent)), _) => *sent + self.lease.length,
            (None, Some(sent)) => sent + self.lease.length / 4,
            (None, None) => now,
        };
        due.saturating_sub(now)
    }

    /// Whether a proof has been out for longer than the lease that it would give.
    #[must_use]
    pub fn is_dead(&self, now: Duration) -> bool {
        self.outstanding.is_some() && self.due_in(now).is_zero()
    }

    /// Takes what came back at `now`; renews the lease if it is what was sent.
    pub fn confirm(&mut self, secret: &str, now: Duration) -> bool {
        let Some((_, sent)) = self
            .outstanding
            .take_if(|(waited_for, _)| waited_for == secret)
        else {
            return false;
        };
        let lease = &self.lease;
        if !self.proven || !lease.runs(now) {
            // Before the lease runs again, so that nothing that was stored is answered under it.
            lease.versions.invalidate(&WriteSet::everything());
            self.proven = true;
        }
        if !self.is_current() {
            return false;
        }
        let until = nanoseconds(sent + lease.length);
        lease.until.store(until, Ordering::SeqCst);
        if !self.is_current() {
            // Ended in between: by the end of the process, or by another session.
            lease.until.store(0, Ordering::SeqCst);
            return false;
        }
        true
    }

    /// Whether no other session has been opened since, and nobody has revoked the lease.
    fn is_current(&self) -> bool {
        // By an addition, which reads the last value there is and not just one that there was.
        self.number == self.lease.session.fetch_add(0, Ordering::SeqCst)
    }

    /// Takes what somebody has written.
    pub fn receive(&self, write_set: &WriteSet) {
        self.lease.versions.invalidate(write_set);
    }

    /// The connection is gone.
    pub fn lost(&self) {
        if self.is_current() {
            self.lease.revoke();
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(2);
    const ROW: Slots = Slots { token: 1, user: 2 };

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(1_000_000 + milliseconds)
    }

    fn proven(at_: u64) -> (Arc<Lease>, BusSession) {
        let lease = Arc::new(Lease::new(LENGTH));
        let mut line = BusSession::new(Arc::clone(&lease));
        line.sent_secret("secret".to_owned(), at(at_));
        assert!(line.confirm("secret", at(at_)));
        (lease, line)
    }

    #[test]
    fn there_is_none_without_proof() {
        let lease = Arc::new(Lease::new(LENGTH));
        let mut line = BusSession::new(Arc::clone(&lease));
        assert!(line.is_due(at(0)) && !lease.runs(at(0)));
        line.sent_secret("secret".to_owned(), at(0));
        assert!(!lease.runs(at(0)) && lease.age(at(0)).is_none());
        assert!(!line.confirm("another", at(1)) && !lease.runs(at(1)));
        assert!(line.confirm("secret", at(100)));
        // Counted from when it was sent, not from when it came back.
        assert!(lease.runs(at(1999)) && !lease.runs(at(2000)));
        assert_eq!(lease.age(at(1500)), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn a_proof_counts_once() {
        let (lease, mut line) = proven(0);
        assert!(!line.confirm("secret", at(1000)));
        assert!(!lease.runs(at(2000)));
    }

    #[test]
    fn a_line_asks_four_times_in_a_lease_and_is_dead_after_one_without_an_answer() {
        let (_, mut line) = proven(0);
        assert!(!line.is_due(at(499)) && line.is_due(at(500)));
        line.sent_secret("next".to_owned(), at(500));
        assert!(!line.is_due(at(1500)) && !line.is_dead(at(2499)));
        assert_eq!(line.due_in(at(1500)), Duration::from_secs(1));
        assert!(line.is_dead(at(2500)));
    }

    #[test]
    fn news_ends_what_was_read_before_it() {
        let (lease, line) = proven(0);
        let version = lease.current();
        line.receive(&WriteSet {
            users: vec![3],
            ..WriteSet::default()
        });
        assert!(lease.are_current(ROW, version));
        line.receive(&WriteSet {
            users: vec![2],
            ..WriteSet::default()
        });
        assert!(!lease.are_current(ROW, version) && lease.are_current(ROW, lease.current()));
    }

    #[test]
    fn a_lease_that_had_run_out_starts_afresh() {
        let (lease, mut line) = proven(0);
        let version = lease.current();
        line.sent_secret("in time".to_owned(), at(1000));
        assert!(line.confirm("in time", at(1500)) && lease.are_current(ROW, version));
        line.sent_secret("late".to_owned(), at(2900));
        assert!(line.confirm("late", at(3001)));
        assert!(lease.runs(at(3001)) && !lease.are_current(ROW, version));
    }

    #[test]
    fn a_new_line_starts_afresh_though_the_lease_had_not_run_out() {
        let (lease, mut old) = proven(0);
        let version = lease.current();
        old.sent_secret("old".to_owned(), at(600));
        let mut new = BusSession::new(Arc::clone(&lease));
        assert!(!lease.runs(at(700)));
        assert!(!old.confirm("old", at(700)) && !lease.runs(at(700)));
        new.sent_secret("new".to_owned(), at(700));
        assert!(new.confirm("new", at(701)) && lease.runs(at(701)));
        assert!(!lease.are_current(ROW, version));
        old.lost();
        assert!(lease.runs(at(701)));
        new.lost();
        assert!(!lease.runs(at(701)));
    }
}
