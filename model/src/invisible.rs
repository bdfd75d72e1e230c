//! Characters that people do not see: two texts that look alike must not differ by them.

/// Returns true if the character is not seen, or reorders those around it: direction marks,
/// embeddings and isolates, zero width, separators of lines, fillers, tags. Source: the general
/// categories Cf, Zl and Zp of Unicode, and the fillers of Hangul.
pub fn is_invisible(character: char) -> bool {
    match character {
        // The common case.
        ' '..='~' => false,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' => true,
        // Zero width, direction marks, line and paragraph separators, embeddings, isolates.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

/// Returns the first character of a text that is a control character or is not seen, as its code
/// point: `U+202E`.
pub fn hidden(text: &str) -> Option<String> {
    let is_hidden = |character: &char| character.is_control() || is_invisible(*character);
    let hidden = text.chars().find(is_hidden)?;
    Some(format!("U+{:04X}", u32::from(hidden)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f23_what_nobody_sees_is_named_by_its_code_point() {
        for (text, expect) in [
            ("A1", None),
            ("Rack ümläut 泡沫 °C", None),
            ("A1\u{202e}", Some("U+202E")),
            ("A\u{200b}1", Some("U+200B")),
            ("\u{feff}A1", Some("U+FEFF")),
            ("A1\u{e0041}", Some("U+E0041")),
            ("A1\n", Some("U+000A")),
        ] {
            assert_eq!(hidden(text).as_deref(), expect, "{text:?}");
        }
    }
}
