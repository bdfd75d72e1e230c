//! Sessions, and how they are opened: both sides prove that they know the password (IPMI 2.0, 13.15 to
//! 13.24).
//!
//! ```text
//!   Open Session ──► opening ── RAKP 1, RAKP 3, right ──► open ── Close Session, 60 s unused ──► gone
//!        │              └── wrong, 5 s ──► gone
//!        └ none is free: refused
//! ```

use std::time::Duration;

use super::secret::{BLOCK, Keys, Rakp, Suite};
use crate::bmc::account::{Account, Checked, Taken, USER};
use crate::chance::draw;

/// The time after which a session that nobody uses ends, and one that nobody goes on opening.
const UNUSED: Duration = Duration::from_secs(60);
const UNOPENED: Duration = Duration::from_secs(5);
/// The statuses of RMCP+ (IPMI 2.0, table 13-15).
const NO_SESSION_LEFT: u8 = 0x01;
const NO_SUCH_SESSION: u8 = 0x02;
const NO_SUCH_NAME: u8 = 0x0d;
const WRONG_PROOF: u8 = 0x0f;
const NO_SUCH_SUITE: u8 = 0x11;
const NO_SUCH_PRIVILEGE: u8 = 0x09;
/// The least of the identifiers that are given.
const FIRST: u32 = 0x0200_0000;

/// The rights of the user: those of an administrator.
pub const ADMINISTRATOR: u8 = 4;
pub const OPERATOR: u8 = 3;
pub const USER_RIGHTS: u8 = 2;

/// A session, open or being opened.
#[derive(Debug)]
pub struct Session {
    rakp: Rakp,
    /// The keys; none while it is being opened.
    keys: Option<Keys>,
    /// The rights that it has now.
    pub privilege: u8,
    used: Duration,
    /// The number of the last packet that was sent, and of the last that was received.
    sent: u32,
    received: u32,
    /// The last message, with its answer: one that is repeated is not carried out again.
    last: Option<(Vec<u8>, Vec<u8>)>,
}

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    all: Vec<Session>,
    issued: u32,
    guid: [u8; 16],
    seed: u64,
    /// Sessions that were opened, the most at one time, and those that were refused.
    pub opened: u64,
    pub max: u64,
    pub refused: u64,
}

impl Sessions {
    pub fn new(guid: [u8; 16], seed: u64) -> Self {
        Self {
            all: Vec::new(),
            issued: 0,
            guid,
            seed,
            opened: 0,
            max: 0,
            refused: 0,
        }
    }

    /// The number of sessions that are open.
    pub fn count(&self) -> usize {
        self.all.iter().filter(|one| one.keys.is_some()).count()
    }

    /// Returns an open session.
    pub fn find(&mut self, id: u32, now: Duration) -> Option<&mut Session> {
        self.expire(now);
        let mut all = self.all.iter_mut();
        all.find(|one| one.rakp.bmc == id && one.keys.is_some())
    }

    /// Ends a session. Returns false if there is none.
    pub fn close(&mut self, id: u32) -> bool {
        let before = self.all.len();
        self.all.retain(|session| session.rakp.bmc != id);
        self.all.len() < before
    }

    /// Ends all of them.
    pub fn clear(&mut self) {
        self.all.clear();
    }

    /// Answers a request to open a session, of which others may have left none.
    pub fn open(
        &mut self,
        data: &[u8],
        most: usize,
        taken: Taken,
        now: Duration,
    ) -> Option<Vec<u8>> {
        self.expire(now);
        let [tag, privilege, _, _, c0, c1, c2, c3, algorithms @ ..] = data else {
            return None;
        };
        let console = [*c0, *c1, *c2, *c3];
        let refused = |status: u8| {
            let mut answer = vec![*tag, status, 0, 0];
            answer.extend(console);
            Some(answer)
        };
        let chosen = [4, 12, 20].map(|at| algorithms.get(at).map(|byte| byte & 0x3f));
        let is_it = |suite: &Suite| suite.algorithms().map(Some) == chosen;
        let Some(suite) = Suite::ALL.into_iter().find(is_it) else {
            return refused(NO_SUCH_SUITE);
        };
        if taken == Taken::ByOthers || self.all.len() >= most {
            self.refused += 1;
            return refused(NO_SESSION_LEFT);
        }
        self.issued += 1;
        let bmc = FIRST + self.issued;
        let random = self.vector("random");
        self.all.push(Session {
            rakp: Rakp {
                suite,
                console: u32::from_le_bytes(console),
                bmc,
                console_random: [0; 16],
                bmc_random: random,
                guid: self.guid,
                role: 0,
                user: Vec::new(),
            },
            keys: None,
            privilege: 0,
            used: now,
            sent: 0,
            received: 0,
            last: None,
        });
        let privilege = if *privilege == 0 {
            ADMINISTRATOR
        } else {
            *privilege
        };
        let mut answer = vec![*tag, 0, privilege, 0];
        answer.extend(console);
        answer.extend(bmc.to_le_bytes());
        for (kind, algorithm) in (0..).zip(suite.algorithms()) {
            answer.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
        }
        Some(answer)
    }

    /// Answers RAKP message 1: who wants in, and the own proof of the password. One that `is_moody`
    /// knows nobody.
    pub fn introduce(
        &mut self,
        data: &[u8],
        is_moody: bool,
        account: &mut Account,
        now: Duration,
    ) -> Option<Vec<u8>> {
        let (head, rest) = data.split_first_chunk::<8>()?;
        let (random, rest) = rest.split_first_chunk::<16>()?;
        let [role, _, _, length, user @ ..] = rest else {
            return None;
        };
        let user = user.get(..usize::from(*length))?;
        let tag = head[0];
        let id = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let Some(session) = self.opening(id) else {
            return Some(vec![tag, NO_SUCH_SESSION, 0, 0, 0, 0, 0, 0]);
        };
        let console = session.rakp.console.to_le_bytes();
        let mut refusal = None;
        if role & 0x0f > ADMINISTRATOR {
            refusal = Some(NO_SUCH_PRIVILEGE);
        }
        let name = String::from_utf8_lossy(user);
        if is_moody || account.meet(&name, now) != Checked::Right {
            refusal = Some(NO_SUCH_NAME);
        }
        if let Some(status) = refusal {
            self.close(id);
            let mut answer = vec![tag, status, 0, 0];
            answer.extend(console);
            return Some(answer);
        }
        let rakp = &mut session.rakp;
        rakp.console_random = *random;
        rakp.role = *role;
        rakp.user = user.to_vec();
        let mut answer = vec![tag, 0, 0, 0];
        answer.extend(console);
        answer.extend(rakp.bmc_random);
        answer.extend(rakp.guid);
        answer.extend(rakp.own_proof(account.password().as_bytes()));
        Some(answer)
    }

    /// Answers RAKP message 3: the proof of the client.
    pub fn prove(&mut self, data: &[u8], account: &mut Account, now: Duration) -> Option<Vec<u8>> {
        let (head, proof) = data.split_first_chunk::<8>()?;
        let [tag, status, ..] = *head;
        let id = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let Some(session) = self.opening(id) else {
            return Some(vec![tag, NO_SUCH_SESSION, 0, 0, 0, 0, 0, 0]);
        };
        let rakp = &session.rakp;
        let is_right = status == 0 && rakp.proof_of_client(account.password().as_bytes()) == proof;
        let mut answer = vec![tag, 0, 0, 0];
        answer.extend(rakp.console.to_le_bytes());
        if account.judge(USER, is_right, now) != Checked::Right {
            self.close(id);
            answer[1] = WRONG_PROOF;
            // Who has said that something is wrong hears no more.
            return (status == 0).then_some(answer);
        }
        let keys = rakp.keys(account.password().as_bytes());
        answer.extend(rakp.last_proof(&keys));
        session.privilege = USER_RIGHTS.min(rakp.role & 0x0f);
        session.keys = Some(keys);
        session.used = now;
        self.opened += 1;
        self.max = self.max.max(self.count() as u64);
        Some(answer)
    }

    fn opening(&mut self, id: u32) -> Option<&mut Session> {
        let mut all = self.all.iter_mut();
        all.find(|one| one.rakp.bmc == id && one.keys.is_none())
    }

    /// Bytes that are used once.
    pub fn vector(&mut self, name: &str) -> [u8; BLOCK] {
        self.issued = self.issued.wrapping_add(1);
        let turn = u64::from(self.issued);
        let high = u128::from(draw(self.seed, name, turn * 2));
        let low = u128::from(draw(self.seed, name, turn * 2 + 1));
        (high << 64 | low).to_be_bytes()
    }

    fn expire(&mut self, now: Duration) {
        self.all.retain(|session| {
            let patience = match session.keys {
                Some(_) => UNUSED,
                None => UNOPENED,
            };
            now.saturating_sub(session.used) < patience
        });
    }
}

impl Session {
    /// The highest rights that it may have.
    pub fn highest(&self) -> u8 {
        match self.rakp.role & 0x0f {
            0 => ADMINISTRATOR,
            role => role.min(ADMINISTRATOR),
        }
    }

    pub fn keys(&self) -> Option<&Keys> {
        self.keys.as_ref()
    }

    /// Takes a packet of this number. Returns false if it is much too late.
    pub fn receive(&mut self, number: u32, now: Duration) -> bool {
        const WINDOW: u32 = 16;
        let is_in_time = number > self.received || self.received - number < WINDOW;
        if is_in_time {
            self.received = self.received.max(number);
            self.used = now;
        }
        is_in_time
    }

    /// Returns the answer that the same message had just now.
    pub fn repeated(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (asked, answer) = self.last.as_ref()?;
        (asked == message).then(|| answer.clone())
    }

    pub fn remember(&mut self, message: Vec<u8>, answer: Vec<u8>) {
        self.last = Some((message, answer));
    }

    /// Returns the identifier and the number of the next packet to the client.
    pub fn next(&mut self) -> (u32, u32) {
        self.sent = self.sent.wrapping_add(1).max(1);
        (self.rakp.console, self.sent)
    }
}
