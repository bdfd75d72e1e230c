//! The account of a BMC: its sessions, and when it is locked. Pure: times are passed in.
//!
//! ```text
//!            wrong, the n-th in a row             the time of a lockout
//!   open ───────────────────────────────► locked ──────────────────────► open
//!     ▲  a right login forgets the wrong ones
//!     └──────────────────────────────────
//! ```

use std::time::Duration;

/// The user of every simulated BMC.
pub const USER: &str = "demo";
/// The password of the user, until somebody changes it.
pub const PASSWORD: &str = "demo-bmc-pass";

/// The numbers of characters that a password may have.
pub const PASSWORD_LENGTHS: std::ops::RangeInclusive<usize> = 8..=20;

/// The limits of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most sessions at one time.
    pub sessions: usize,
    /// The time after which an unused session ends.
    pub timeout: Duration,
    /// The number of wrong logins in a row that locks the account.
    pub wrong: u32,
    /// The time for which it stays locked.
    pub lockout: Duration,
}

impl Default for Limits {
    /// Those of common BMCs.
    fn default() -> Self {
        Self {
            sessions: 4,
            timeout: Duration::from_secs(1800),
            wrong: 5,
            lockout: Duration::from_secs(300),
        }
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its number, which is also its identifier.
    pub id: u64,
    pub token: String,
    used: Duration,
}

/// The account with its sessions.
#[derive(Debug)]
pub struct Account {
    limits: Limits,
    sessions: Vec<Session>,
    issued: u64,
    /// The secret part of its tokens.
    seed: u64,
    password: String,
    wrong: u32,
    locked_until: Option<Duration>,
    /// The number of times that it was locked.
    pub lockouts: u64,
    /// The number of wrong logins, in sessions and with requests.
    pub wrong_logins: u64,
}

/// The result of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    Session(Session),
    /// Wrong user or password.
    Wrong,
    /// The account is locked, whatever the password.
    Locked,
    /// All sessions are taken.
    Full,
}

/// The result of checking the user and password of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    Right,
    Wrong,
    Locked,
}

impl Account {
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            sessions: Vec::new(),
            issued: 0,
            seed,
            password: PASSWORD.to_owned(),
            wrong: 0,
            locked_until: None,
            lockouts: 0,
            wrong_logins: 0,
        }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// Opens a session, of which others may have left none.
    pub fn log_in(&mut self, user: &str, password: &str, taken: Taken, now: Duration) -> Login {
        self.expire(now);
        match self.check(user, password, now) {
            Checked::Wrong => return Login::Wrong,
            Checked::Locked => return Login::Locked,
            Checked::Right => {}
        }
        if taken == Taken::ByOthers || self.sessions.len() >= self.limits.sessions {
            return Login::Full;
        }
        self.issued += 1;
        let secret = crate::chance::draw(self.seed, "session", self.issued);
        let session = Session {
            id: self.issued,
            token: format!("{secret:016x}{:04x}", self.issued),
            used: now,
        };
        self.sessions.push(session.clone());
        Login::Session(session)
    }

    /// Checks a user and a password, and counts wrong ones.
    pub fn check(&mut self, user: &str, password: &str, now: Duration) -> Checked {
        let is_right = password == self.password;
        self.judge(user, is_right, now)
    }

    /// Judges a user who has given the right proof, or not, and counts wrong ones.
    pub fn judge(&mut self, user: &str, is_right: bool, now: Duration) -> Checked {
        match self.meet(user, now) {
            Checked::Right => {}
            other => return other,
        }
        if is_right {
            self.wrong = 0;
            return Checked::Right;
        }
        self.wrong_logins += 1;
        self.wrong += 1;
        if self.wrong >= self.limits.wrong {
            self.wrong = 0;
            self.lockouts += 1;
            self.locked_until = Some(now + self.limits.lockout);
        }
        Checked::Wrong
    }

    /// Looks a user up, who has not given any proof yet.
    pub fn meet(&mut self, user: &str, now: Duration) -> Checked {
        // A user that does not exist has no account that could be locked.
        if user != USER {
            self.wrong_logins += 1;
            return Checked::Wrong;
        }
        if self.locked_until.is_some_and(|until| now < until) {
            return Checked::Locked;
        }
        self.locked_until = None;
        Checked::Right
    }

    /// Returns true if a token is that of a session, which it keeps alive.
    pub fn is_logged_in(&mut self, token: &str, now: Duration) -> bool {
        self.expire(now);
        let found = self.sessions.iter_mut().find(|one| one.token == token);
        found.is_some_and(|session| {
            session.used = now;
            true
        })
    }

    /// The password of the user, by every protocol.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Changes the password, if it is long enough and not too long. The sessions of the earlier one
    /// end.
    pub fn set_password(&mut self, password: &str) -> bool {
        let is_right = PASSWORD_LENGTHS.contains(&password.len());
        if is_right {
            password.clone_into(&mut self.password);
            self.sessions.clear();
        }
        is_right
    }

    /// Ends a session. Returns false if there is none.
    pub fn log_out(&mut self, id: u64) -> bool {
        let before = self.sessions.len();
        self.sessions.retain(|session| session.id != id);
        self.sessions.len() < before
    }

    /// Ends all sessions, and forgets wrong logins, as a restart does.
    pub fn restart(&mut self) {
        self.sessions.clear();
        self.wrong = 0;
        self.locked_until = None;
    }

    fn expire(&mut self, now: Duration) {
        let timeout = self.limits.timeout;
        self.sessions
            .retain(|session| now.saturating_sub(session.used) < timeout);
    }
}

/// The takers of sessions that are not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    ByOthers,
    ByUs,
}
