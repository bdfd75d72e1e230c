//! A walk of a device in a file: the output of `snmpwalk`, or a recording of snmpsim. Pure.

mod snmprec;
mod snmpwalk;

use std::{borrow::Cow, collections::BTreeMap, fmt};

use async_snmp::{Oid, Value};
use utakata_worker_sdk::model::workbench::SkippedLine;

/// The remedy when the file is not a walk.
const CURE: &str = "snmpwalk -v2c -c public -On -Cc DEVICE .1 > FILE gives one";
/// The names of the first numbers, as Net-SNMP writes them without -On.
const ROOTS: [(&str, u32); 3] = [("iso", 1), ("ccitt", 0), ("joint-iso-ccitt", 2)];
/// Up to this many unrecognised lines are reported one by one.
const MAX_SKIPPED: usize = 20;

/// All objects of a device in a file.
#[derive(Debug, Default, PartialEq)]
pub struct Walk {
    /// The objects, by OID.
    pub objects: BTreeMap<Oid, Value>,
    /// The first lines that are not objects.
    pub skipped: Vec<SkippedLine>,
    /// The number of lines that are not objects.
    pub skipped_count: usize,
    /// The number of lines repeating an OID: the first one counts.
    pub repeated: usize,
    pub format: Format,
}

/// The format of a file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.1.3.6.1.2.1.1.3.0 = Timeticks: (4711) 0:00:47.11`
    #[default]
    Typed,
    /// `.1.3.6.1.2.1.1.3.0 0:0:00:47.11`: without types, which are guessed.
    Quick,
    /// `1.3.6.1.2.1.1.3.0 67 4711`
    Snmprec,
}

/// The reason why a file is not a walk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file has no line.
    #[error("it is empty: {CURE}")]
    Empty,
    /// It has lines, but none is an object.
    #[error("it is not a walk: line {line}: {problem}; {CURE}")]
    NotAWalk {
        /// The number of the first line, from 1.
        line: usize,
        problem: String,
    },
}

/// The content of a line.
enum WalkLine<'a> {
    Object(Oid, Read, Format),
    /// An OID without a value, as at the end of a walk.
    Nothing,
    /// Text that does not begin an object; it may continue the previous one.
    Other(Cow<'a, str>),
}

/// A value, and how the following lines may continue it.
struct Read {
    value: Value,
    open: Open,
}

/// The ways in which the lines after an object may continue it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Texts may not continue on the next line.
    No,
    /// As text, up to a quotation mark.
    Quoted,
    /// As text, up to the next object.
    Text,
    /// Bytes in hexadecimal may.
    Hex,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Typed => "snmpwalk -On",
            Self::Quick => "snmpwalk -Oqn",
            Self::Snmprec => "snmprec",
        })
    }
}

impl Walk {
    /// Reads a walk.
    ///
    /// # Errors
    /// No line of it is an object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = Text::of(bytes);
        let mut reader = Reader::new(text.is_latin);
        for (at, line) in text.text.lines().enumerate() {
            reader.line(at + 1, line.trim_end_matches('\r'));
        }
        reader.end()
    }

    /// Returns the value of an object.
    pub fn get(&self, oid: &Oid) -> Option<&Value> {
        self.objects.get(oid)
    }

    /// The objects below an OID, in order.
    pub fn under<'a>(&'a self, oid: &'a Oid) -> impl Iterator<Item = (&'a Oid, &'a Value)> {
        let from = self.objects.range(oid.clone()..);
        from.take_while(move |(found, _)| found.starts_with(oid))
    }

    /// Returns true if there is an object below an OID.
    pub fn has(&self, oid: &Oid) -> bool {
        self.under(oid).next().is_some()
    }
}

/// The text of a file. Text that is not UTF-8 is read as Latin-1, so that its bytes can be
/// recovered.
struct Text<'a> {
    text: Cow<'a, str>,
    is_latin: bool,
}

impl<'a> Text<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self {
                text: Cow::Borrowed(text.trim_start_matches('\u{feff}')),
                is_latin: false,
            },
            Err(_) => Self {
                text: Cow::Owned(bytes.iter().copied().map(char::from).collect()),
                is_latin: true,
            },
        }
    }
}

/// The walk as read so far.
struct Reader {
    walk: Walk,
    /// The object that the next lines may continue.
    last: Option<(Oid, Open)>,
    is_latin: bool,
    first: Option<(usize, String)>,
}

impl Reader {
    fn new(is_latin: bool) -> Self {
        Self {
            walk: Walk::default(),
            last: None,
            is_latin,
            first: None,
        }
    }

    fn line(&mut self, number: usize, line: &str) {
        // Inside quotation marks nothing is an object, whatever it looks like.
        if matches!(self.last, Some((_, Open::Quoted))) && !starts_object(line) {
            self.go_on(line);
            return;
        }
        if line.trim().is_empty() || line.starts_with('#') {
            return;
        }
        match self.read(line) {
            Ok(WalkLine::Object(oid, read, format)) => self.add(oid, read, format),
            Ok(WalkLine::Nothing) => self.last = None,
            Ok(WalkLine::Other(problem)) => {
                if !self.go_on(line) {
                    self.skip(number, line, &problem);
                }
            }
            Err(problem) => {
                self.last = None;
                self.skip(number, line, &problem);
            }
        }
    }

    fn read<'a>(&self, line: &'a str) -> Result<WalkLine<'a>, String> {
        match snmprec::read(line, self.is_latin)? {
            WalkLine::Other(_) => snmpwalk::read(line, self.is_latin),
            read => Ok(read),
        }
    }

    fn add(&mut self, oid: Oid, read: Read, format: Format) {
        if self.walk.objects.is_empty() {
            self.walk.format = format;
        }
        self.last = (read.open != Open::No).then(|| (oid.clone(), read.open));
        match self.walk.objects.entry(oid) {
            std::collections::btree_map::Entry::Vacant(slot) => drop(slot.insert(read.value)),
            std::collections::btree_map::Entry::Occupied(_) => {
                self.walk.repeated += 1;
                self.last = None;
            }
        }
    }

    /// Continues the previous object; returns whether that is possible.
    fn go_on(&mut self, line: &str) -> bool {
        let Some((oid, open)) = self.last.clone() else {
            return false;
        };
        let Some(Value::OctetString(bytes)) = self.walk.objects.get_mut(&oid) else {
            return false;
        };
        let mut all = bytes.to_vec();
        let open = match open {
            Open::No => return false,
            Open::Hex => match snmpwalk::hex(line) {
                Some(more) => {
                    all.extend(more);
                    Open::Hex
                }
                None => return false,
            },
            Open::Text => {
                all.push(b'\n');
                all.extend(encode(line, self.is_latin));
                Open::Text
            }
            Open::Quoted => {
                all.push(b'\n');
                let (text, is_closed) = snmpwalk::unquote(line);
                all.extend(encode(&text, self.is_latin));
                if is_closed { Open::No } else { Open::Quoted }
            }
        };
        *bytes = all.into();
        self.last = (open != Open::No).then_some((oid, open));
        true
    }

    fn skip(&mut self, number: usize, line: &str, problem: &str) {
        self.walk.skipped_count += 1;
        self.first.get_or_insert((number, problem.into()));
        if self.walk.skipped.len() < MAX_SKIPPED {
            self.walk.skipped.push(SkippedLine {
                line: number,
                text: line.chars().take(60).collect(),
                problem: problem.into(),
            });
        }
    }

    fn end(self) -> Result<Walk, Error> {
        if !self.walk.objects.is_empty() {
            return Ok(self.walk);
        }
        match self.first {
            Some((line, problem)) => Err(Error::NotAWalk { line, problem }),
            None => Err(Error::Empty),
        }
    }
}

/// Returns true if a line begins with an OID and a separator of one of the formats.
fn starts_object(line: &str) -> bool {
    let end = line.find([' ', '|']).unwrap_or(line.len());
    let (head, rest) = line.split_at(end);
    let is_separated = rest.starts_with(" = ") || rest.starts_with('|');
    // Without types there is only a blank; a text is unlikely to begin a line like this.
    let is_quick = head.starts_with(".1.3.6.1.") && rest.starts_with(' ');
    (is_separated || is_quick) && oid(head).is_some()
}

/// An OID as written in walks; `None` if it is not one.
fn oid(text: &str) -> Option<Oid> {
    let text = text.strip_prefix('.').unwrap_or(text);
    let named = ROOTS.iter().find_map(|(name, arc)| {
        let rest = text.strip_prefix(name)?.strip_prefix('.')?;
        Some(format!("{arc}.{rest}"))
    });
    let text = named.map_or(Cow::Borrowed(text), Cow::Owned);
    let begins = text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('.');
    begins.then(|| Oid::parse(&text).ok())?
}

/// The bytes of a text in the file.
fn encode(text: &str, is_latin: bool) -> Vec<u8> {
    match is_latin {
        // Each character was one byte.
        true => text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
            .collect(),
        false => text.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests;
