//! MIB modules as parsed from their text (SMIv1 and SMIv2: RFC 1155, 1212, 2578, 2579). Pure.
//!
//! Vendors' MIBs follow few of the rules. The parser recognises what it needs by form alone and
//! skips everything between.

mod lexer;

use std::collections::BTreeMap;

use lexer::Token;

#[derive(Debug, Clone, Default)]
pub struct Module {
    pub name: String,
    /// The imported modules, each with the names imported from it.
    pub imports: Vec<(String, Vec<String>)>,
    /// Names with their OIDs: the name of the parent (empty: none), and the remaining numbers.
    pub nodes: BTreeMap<String, Node>,
    /// The types by name.
    pub types: BTreeMap<String, Type>,
    /// The objects, in order.
    pub objects: Vec<ObjectType>,
}

/// The definition of an OID: `{ parent 1 3 }`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// The parent's name, if there is one.
    pub parent: Option<String>,
    /// The numbers after it.
    pub arcs: Vec<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Type {
    /// The base type: `INTEGER`, `OCTET STRING`, or the name of another type.
    pub base: String,
    /// The names of enumerated values.
    pub names: Vec<(i64, String)>,
    /// The DISPLAY-HINT.
    pub hint: String,
}

#[derive(Debug, Clone, Default)]
pub struct ObjectType {
    pub name: String,
    pub syntax: Type,
    /// True if SYNTAX is `SEQUENCE OF`, which makes it a table.
    pub is_table: bool,
    /// MAX-ACCESS, or ACCESS.
    pub access: String,
    pub units: String,
    pub description: String,
    /// True if it is the entry of a table, with INDEX or AUGMENTS.
    pub is_entry: bool,
    pub index: Vec<String>,
}

/// Reads all modules in a text, which may be none.
pub fn read(text: &str) -> Vec<Module> {
    let tokens = lexer::tokens(text);
    let mut reader = Reader { tokens, at: 0 };
    let mut modules = Vec::new();
    while let Some(module) = reader.module() {
        modules.push(module);
    }
    modules
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> Token<'a> {
        let token = self.tokens.get(self.at + ahead);
        token.copied().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek(0);
        self.at += 1;
        token
    }

    fn is(&self, ahead: usize, word: &str) -> bool {
        self.peek(ahead) == Token::Word(word)
    }

    /// The next module, from `NAME DEFINITIONS ::= BEGIN` to `END`.
    fn module(&mut self) -> Option<Module> {
        let mut module = Module::default();
        loop {
            match (self.next(), self.peek(0)) {
                (Token::End, _) => return None,
                (Token::Word(name), Token::Word("DEFINITIONS")) => {
                    module.name = name.into();
                    break;
                }
                // An OID may stand between: `NAME { iso 3 } DEFINITIONS`.
                (Token::Word(name), Token::Open) => {
                    let here = self.at;
                    self.braces();
                    if self.is(0, "DEFINITIONS") {
                        module.name = name.into();
                        break;
                    }
                    self.at = here;
                }
                _ => {}
            }
        }
        loop {
            match self.next() {
                Token::End | Token::Word("END") => return Some(module),
                Token::Word("IMPORTS") => self.imports(&mut module),
                Token::Word("EXPORTS") => self.skip_to(Token::Semicolon),
                Token::Word(name) => self.definition(name, &mut module),
                _ => {}
            }
        }
    }

    fn skip_to(&mut self, end: Token<'_>) {
        while self.peek(0) != Token::End && self.next() != end {}
    }

    fn imports(&mut self, module: &mut Module) {
        let mut names = Vec::new();
        loop {
            match self.next() {
                Token::Word("FROM") => {
                    if let Token::Word(from) = self.next() {
                        module
                            .imports
                            .push((from.into(), std::mem::take(&mut names)));
                    }
                }
                Token::Word(name) => names.push(name.to_owned()),
                Token::End | Token::Semicolon => return,
                _ => {}
            }
        }
    }

    /// Returns the definition that a leading name introduces.
    fn definition(&mut self, name: &str, module: &mut Module) {
        match self.peek(0) {
            Token::Word("MACRO") => {
                while !matches!(self.next(), Token::End | Token::Word("END")) {}
            }
            Token::Word("OBJECT") if self.is(1, "IDENTIFIER") => {
                self.at += 2;
                self.assigned(name, module);
            }
            Token::Word("OBJECT-TYPE") => {
                self.at += 1;
                let object = self.object(name);
                self.assigned(name, module);
                module.objects.push(object);
            }
            Token::Word(
                "MODULE-IDENTITY" | "OBJECT-IDENTITY" | "NOTIFICATION-TYPE" | "OBJECT-GROUP"
                | "NOTIFICATION-GROUP" | "MODULE-COMPLIANCE" | "AGENT-CAPABILITIES",
            ) => {
                self.at += 1;
                while !matches!(self.peek(0), Token::End | Token::Assign) {
                    self.at += 1;
                }
                self.assigned(name, module);
            }
            Token::Word("TRAP-TYPE") => {
                while !matches!(self.peek(0), Token::End | Token::Assign) {
                    self.at += 1;
                }
                self.at += 2;
            }
            Token::Assign => {
                self.at += 1;
                self.type_of(name, module);
            }
            _ => {}
        }
    }

    /// `::= { parent 1 3 }`.
    fn assigned(&mut self, name: &str, module: &mut Module) {
        if self.peek(0) != Token::Assign || self.peek(1) != Token::Open {
            return;
        }
        self.at += 1;
        let mut node = Node::default();
        for token in self.braces() {
            match token {
                Token::Number(number) => node.arcs.extend(u32::try_from(number)),
                // `iso org(3) dod(6)`: numbered names are recognised by their number.
                Token::Word(word) if node.parent.is_none() && node.arcs.is_empty() => {
                    node.parent = Some(word.into());
                }
                _ => {}
            }
        }
        module.nodes.insert(name.into(), node);
    }

    /// Returns the tokens between braces, excluding the braces. The opening one is next.
    fn braces(&mut self) -> Vec<Token<'a>> {
        let mut depth = 0;
        let mut inner = Vec::new();
        loop {
            match self.next() {
                Token::End => return inner,
                Token::Open => {
                    depth += 1;
                    if depth == 1 {
                        continue;
                    }
                    inner.push(Token::Open);
                }
                Token::Close => {
                    depth -= 1;
                    if depth <= 0 {
                        return inner;
                    }
                    inner.push(Token::Close);
                }
                token => inner.push(token),
            }
        }
    }

    fn object(&mut self, name: &str) -> ObjectType {
        let mut object = ObjectType {
            name: name.into(),
            ..ObjectType::default()
        };
        loop {
            match self.peek(0) {
                Token::End | Token::Assign => return object,
                Token::Word("SYNTAX") => {
                    self.at += 1;
                    object.is_table = self.is(0, "SEQUENCE") && self.is(1, "OF");
                    object.syntax = self.syntax();
                }
                Token::Word("MAX-ACCESS" | "ACCESS") => {
                    self.at += 1;
                    if let Token::Word(access) = self.next() {
                        object.access = access.into();
                    }
                }
                Token::Word("UNITS") => {
                    self.at += 1;
                    object.units = self.text();
                }
                Token::Word("DESCRIPTION") => {
                    self.at += 1;
                    object.description = self.text();
                }
                Token::Word("INDEX") => {
                    self.at += 1;
                    object.is_entry = true;
                    let inner = self.braces();
                    let names = inner.iter().filter_map(|token| match token {
                        Token::Word("IMPLIED") => None,
                        Token::Word(name) => Some((*name).to_owned()),
                        _ => None,
                    });
                    object.index = names.collect();
                }
                Token::Word("AUGMENTS") => {
                    self.at += 1;
                    object.is_entry = true;
                    self.braces();
                }
                // A default value may have braces with anything in them.
                Token::Open => drop(self.braces()),
                _ => self.at += 1,
            }
        }
    }

    fn text(&mut self) -> String {
        match self.peek(0) {
            Token::Text(text) => {
                self.at += 1;
                text.split_whitespace().collect::<Vec<&str>>().join(" ")
            }
            _ => String::new(),
        }
    }

    /// A type as in SYNTAX: `INTEGER { up(1) }`, `OCTET STRING (SIZE (4))`, `Gauge32`.
    fn syntax(&mut self) -> Type {
        let mut found = Type::default();
        // `[APPLICATION 1] IMPLICIT INTEGER`.
        while matches!(self.peek(0), Token::Other | Token::Number(_))
            || self.is(0, "APPLICATION")
            || self.is(0, "IMPLICIT")
        {
            self.at += 1;
        }
        if let Token::Word(word) = self.peek(0) {
            self.at += 1;
            found.base = word.into();
            let is_two = (word == "OCTET" && self.is(0, "STRING"))
                || (word == "OBJECT" && self.is(0, "IDENTIFIER"));
            if is_two {
                found.base.push_str(if word == "OCTET" {
                    " STRING"
                } else {
                    " IDENTIFIER"
                });
                self.at += 1;
            }
        }
        if self.peek(0) == Token::Open {
            found.names = names(&self.braces());
        }
        found
    }

    /// A type at the start of a definition, or a textual convention.
    fn type_of(&mut self, name: &str, module: &mut Module) {
        let mut hint = String::new();
        if self.is(0, "TEXTUAL-CONVENTION") {
            self.at += 1;
            loop {
                match self.peek(0) {
                    Token::End => return,
                    Token::Word("SYNTAX") => {
                        self.at += 1;
                        break;
                    }
                    Token::Word("DISPLAY-HINT") => {
                        self.at += 1;
                        hint = self.text();
                    }
                    _ => self.at += 1,
                }
            }
        }
        let syntax = self.syntax();
        if syntax.base == "SEQUENCE" || syntax.base == "CHOICE" {
            return;
        }
        module.types.insert(name.into(), Type { hint, ..syntax });
    }
}

/// Reads `up(1), down(2)`.
fn names(tokens: &[Token<'_>]) -> Vec<(i64, String)> {
    let pairs = tokens.windows(3).filter_map(|three| match three {
        [Token::Word(label), Token::Bracket, Token::Number(number)] => {
            Some((*number, (*label).to_owned()))
        }
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_of_the_first_version_is_read_as_one_of_the_second() {
        let text = r#"
            OLD-MIB { iso 3 } DEFINITIONS ::= BEGIN
            IMPORTS enterprises, Gauge FROM RFC1155-SMI
                OBJECT-TYPE FROM RFC-1212;
            OBJECT-TYPE MACRO ::= BEGIN TYPE NOTATION ::= "SYNTAX" END
            Level ::= INTEGER { low(1), -- a comment -- high(2) }
            old OBJECT IDENTIFIER ::= { enterprises example(32473) 1 }
            oldLevel OBJECT-TYPE
                SYNTAX Level
                ACCESS read-only
                STATUS mandatory
                DESCRIPTION "It has a ::= { fake 1 } in it,
                    and two lines."
                DEFVAL { { a, b } }
                ::= { old 2 }
            oldTable OBJECT-TYPE
                SYNTAX SEQUENCE OF OldEntry ACCESS not-accessible STATUS mandatory
                ::= { old 3 }
            oldEntry OBJECT-TYPE
                SYNTAX OldEntry ACCESS not-accessible STATUS mandatory
                INDEX { oldIndex, IMPLIED oldName } ::= { oldTable 1 }
            oldTrap TRAP-TYPE ENTERPRISE old VARIABLES { oldLevel } ::= 7
            oldText OBJECT-TYPE SYNTAX OCTET STRING (SIZE (0..8)) ACCESS read-only ::= { old 4 }
            END
            NEXT-MIB DEFINITIONS ::= BEGIN END
        "#;
        let modules = read(text);
        let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["OLD-MIB", "NEXT-MIB"]);
        let old = &modules[0];
        assert_eq!(old.imports[0].0, "RFC1155-SMI");
        assert_eq!(old.imports[0].1, ["enterprises", "Gauge"]);
        let level = &old.types["Level"];
        assert_eq!(level.names, [(1, "low".into()), (2, "high".into())]);
        let node = &old.nodes["old"];
        assert_eq!(
            (node.parent.as_deref(), node.arcs.as_slice()),
            (Some("enterprises"), &[32473, 1][..])
        );
        let names: Vec<&str> = old.objects.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["oldLevel", "oldTable", "oldEntry", "oldText"]);
        assert_eq!(old.nodes["oldLevel"].arcs, [2]);
        assert!(old.objects[1].is_table);
        assert_eq!(old.objects[2].index, ["oldIndex", "oldName"]);
        assert_eq!(old.objects[3].syntax.base, "OCTET STRING");
        assert_eq!(old.nodes["oldText"].arcs, [4]);
        assert!(read("no MIB at all").is_empty());
    }

    #[test]
    fn a_convention_has_its_hint_and_its_values() {
        let text = r#"A-MIB DEFINITIONS ::= BEGIN
            Tenths ::= TEXTUAL-CONVENTION
                DISPLAY-HINT "d-1" STATUS current DESCRIPTION "SYNTAX of tenths"
                SYNTAX Integer32 (-400..1250)
            x OBJECT-TYPE SYNTAX Tenths UNITS "degrees
                C" MAX-ACCESS read-write STATUS current DESCRIPTION "x" ::= { y 1 }
            END"#;
        let module = &read(text)[0];
        let tenths = &module.types["Tenths"];
        assert_eq!(
            (tenths.base.as_str(), tenths.hint.as_str()),
            ("Integer32", "d-1")
        );
        let x = &module.objects[0];
        assert_eq!(
            (x.units.as_str(), x.access.as_str()),
            ("degrees C", "read-write")
        );
    }
}
