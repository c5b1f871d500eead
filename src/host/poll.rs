//! Waiting for something by looking for it repeatedly.

use super::signals;
use crate::error::{Error, Result};
use std::time::{Duration, Instant};

/// The result of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T, W> {
    /// It is there: the wait ends with this value.
    Ready(T),
    /// It is not there yet. The value says what is missing, for the error when patience ends.
    Waiting(W),
}

impl<W> Seen<(), W> {
    /// `Ready` when it is there, otherwise `Waiting` with what is missing.
    pub fn ready_if(there: bool, missing: W) -> Seen<(), W> {
        match there {
            true => Seen::Ready(()),
            false => Seen::Waiting(missing),
        }
    }
}

/// How often to look, and for how long. A signal ends the wait, except after
/// [`Poll::uninterrupted`].
#[derive(Debug, Clone)]
pub struct Poll {
    began: Instant,
    patience: Duration,
    pause: Duration,
    growth: (u32, u32),
    longest: Duration,
    once: Option<Duration>,
    interruptible: bool,
}

impl Poll {
    /// Looks at once, and again after each pause. The first look that ends more than `patience`
    /// after now is the last.
    pub fn every(pause: Duration, patience: Duration) -> Poll {
        Poll {
            began: Instant::now(),
            patience,
            pause,
            growth: (1, 1),
            longest: pause,
            once: None,
            interruptible: true,
        }
    }

    /// Makes each pause longer than the one before by this fraction (`(5, 4)`: by a quarter), up to
    /// `longest`.
    pub fn growing(mut self, fraction: (u32, u32), longest: Duration) -> Poll {
        self.growth = fraction;
        self.longest = longest;
        self
    }

    /// Counts patience from this moment and not from the poll's making.
    pub fn since(mut self, began: Instant) -> Poll {
        self.began = began;
        self
    }

    /// Lets no signal end the wait: for short waits in the middle of work that must not be left
    /// half done.
    pub fn uninterrupted(mut self) -> Poll {
        self.interruptible = false;
        self
    }

    /// Time since the moment from which patience counts.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether patience has ended, so that the present look is the last.
    pub fn is_over(&self) -> bool {
        self.began.elapsed() > self.patience
    }

    /// For how long the poll looks, from its beginning.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Adds to the patience.
    pub fn extend(&mut self, longer: Duration) {
        self.patience += longer;
    }

    /// Makes the next pause this long, once. The pauses after it are as if it had not been.
    pub fn pause_once(&mut self, pause: Duration) {
        self.once = Some(pause);
    }

    /// Looks until it is there or patience ends; then returns the result of the last look. Each
    /// look can change the poll's pauses and patience.
    ///
    /// # Errors
    /// Any error of a look; [`crate::error::Kind::Interrupted`] on a signal.
    pub fn look<T, W>(
        &mut self,
        mut look: impl FnMut(&mut Poll) -> Result<Seen<T, W>>,
    ) -> Result<Seen<T, W>> {
        loop {
            match look(self)? {
                Seen::Waiting(_) if !self.is_over() => self.sleep()?,
                seen => return Ok(seen),
            }
        }
    }

    /// Looks until it is there; when patience ends first, `late` makes the error from what was
    /// missing.
    ///
    /// # Errors
    /// As [`Poll::look`], and the error that `late` makes.
    pub fn until<T, W>(
        mut self,
        look: impl FnMut(&mut Poll) -> Result<Seen<T, W>>,
        late: impl FnOnce(W) -> Error,
    ) -> Result<T> {
        match self.look(look)? {
            Seen::Ready(there) => Ok(there),
            Seen::Waiting(missing) => Err(late(missing)),
        }
    }

    fn sleep(&mut self) -> Result<()> {
        let pause = self.once.take().unwrap_or_else(|| {
            let (more, than) = self.growth;
            let next = (self.pause * more / than).min(self.longest);
            std::mem::replace(&mut self.pause, next)
        });
        if self.interruptible {
            return signals::sleep(pause);
        }
        std::thread::sleep(pause);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const MS: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(60);

    /// Ready at the look of this number, from 1 on; else how many there have been.
    fn at_look(number: u32) -> impl FnMut(&mut Poll) -> Result<Seen<&'static str, u32>> {
        let mut looks = 0;
        move |_| {
            looks += 1;
            Ok(match looks >= number {
                true => Seen::Ready("there"),
                false => Seen::Waiting(looks),
            })
        }
    }

    fn late(looks: u32) -> Error {
        Error::not_online(format!("missing after {looks} looks"))
    }

    #[test]
    fn what_is_there_already_costs_no_pause() {
        let began = Instant::now();
        let poll = Poll::every(LONG, LONG);
        assert_eq!(poll.until(at_look(1), late).unwrap(), "there");
        assert!(began.elapsed() < LONG / 2);
    }

    #[test]
    fn what_comes_later_is_waited_for_with_a_pause_before_each_look() {
        let began = Instant::now();
        let poll = Poll::every(20 * MS, LONG);
        assert_eq!(poll.until(at_look(4), late).unwrap(), "there");
        assert!(began.elapsed() >= 60 * MS);
    }

    #[test]
    fn a_deadline_tells_what_was_missing_at_the_last_look() {
        let poll = Poll::every(20 * MS, 50 * MS);
        let e = poll.until(at_look(1000), late).unwrap_err();
        // How many depends on this machine; that there was one is what counts.
        assert!(e.message().starts_with("missing after "), "{e}");
        assert_eq!(e.kind, Kind::NotOnline);
        // No patience at all is one look.
        let poll = Poll::every(20 * MS, Duration::ZERO);
        let e = poll.until(at_look(1000), late).unwrap_err();
        assert_eq!(e.message(), "missing after 1 looks");
        let seen = Poll::every(MS, Duration::ZERO).look(at_look(1000));
        assert_eq!(seen.unwrap(), Seen::Waiting(1));
    }

    #[test]
    fn a_look_that_fails_ends_it() {
        let poll = Poll::every(LONG, LONG);
        let failing = |_: &mut Poll| Err::<Seen<(), u32>, _>(Error::failed("no answer"));
        assert_eq!(
            poll.until(failing, late).unwrap_err().message(),
            "no answer"
        );
    }

    #[test]
    fn pauses_grow_up_to_the_longest_and_one_out_of_turn_changes_nothing() {
        let mut poll = Poll::every(MS, LONG).growing((3, 2), 2 * MS);
        let mut pauses = Vec::new();
        let mut looks = 0;
        poll.look(|poll| {
            looks += 1;
            pauses.push(poll.pause);
            if looks == 2 {
                poll.pause_once(MS / 4);
            }
            Ok(Seen::ready_if(looks == 5, ()))
        })
        .unwrap();
        let us = Duration::from_micros;
        assert_eq!(pauses, [us(1000), us(1500), us(1500), us(2000), us(2000)]);
    }

    #[test]
    fn a_look_can_lengthen_it_and_its_beginning_counts() {
        let began = Instant::now() - Duration::from_secs(5);
        let poll = Poll::every(MS, Duration::from_secs(4)).since(began);
        assert!(poll.elapsed() >= Duration::from_secs(5));
        assert!(poll.clone().until(at_look(2), late).is_err());
        let mut look = at_look(2);
        let seen = poll.clone().look(|poll| {
            poll.extend(LONG);
            look(poll)
        });
        assert_eq!(seen.unwrap(), Seen::Ready("there"));
        assert_eq!(poll.patience(), Duration::from_secs(4));
    }

    /// In a process of its own, since a signal is for all of a process' tests.
    #[test]
    fn a_signal_ends_a_wait_but_not_one_that_is_uninterrupted() {
        const ALONE: &str = "LXC_AUTOGEN_TEST_ALONE";
        const NAME: &str =
            "host::poll::tests::a_signal_ends_a_wait_but_not_one_that_is_uninterrupted";
        if std::env::var_os(ALONE).is_none() {
            let us = std::env::current_exe().unwrap();
            let said = crate::host::command::Cmd::new(us.to_string_lossy())
                .args(["--exact", NAME])
                .env(ALONE, "1")
                .ok(&crate::host::Host::new(false))
                .unwrap();
            assert!(said.contains("1 passed"), "{said}");
            return;
        }
        signals::listen().unwrap();
        std::thread::spawn(|| {
            std::thread::sleep(50 * MS);
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGTERM).unwrap();
        });
        let began = Instant::now();
        let e = Poll::every(LONG, LONG).until(at_look(2), late);
        assert_eq!(e.unwrap_err().kind, Kind::Interrupted);
        assert!(began.elapsed() < LONG / 2);
        let poll = Poll::every(MS, LONG).uninterrupted();
        assert_eq!(poll.until(at_look(2), late).unwrap(), "there");
    }
}
