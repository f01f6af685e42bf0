//! Constraints as one text: `gpu_model=A|B; zone!=x; has:ssd; not:spot`.
//!
//! A backslash takes the meaning from the character after it. Blanks around attributes and values are dropped.

use windtunnel_scheduler::constraint::{Condition, Constraint};

/// What a text of constraints looks like, for messages.
pub(crate) const EXPECTED: &str = "constraints such as `gpu_model=A|B; zone!=x; has:ssd; not:spot`";

/// A character and whether a backslash stood before it.
type Piece = (char, bool);

/// Reads a text; None if a part of it is no constraint.
pub(crate) fn parse(text: &[u8]) -> Option<Vec<Constraint>> {
    let text = String::from_utf8_lossy(text);
    let mut pieces: Vec<Piece> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => pieces.push((characters.next()?, true)),
            _ => pieces.push((character, false)),
        }
    }
    pieces.split(|&piece| piece == (';', false)).map(trim).filter(|part| !part.is_empty()).map(one).collect()
}

fn one(part: &[Piece]) -> Option<Constraint> {
    let Some(equals) = part.iter().position(|&piece| piece == ('=', false)) else {
        let word: String = part.iter().take(4).map(|(character, _)| *character).collect();
        let condition = match word.as_str() {
            "has:" => Condition::Exists,
            "not:" => Condition::Absent,
            _ => return None,
        };
        return constraint(part.get(4..)?, condition);
    };
    let (left, right) = (part.get(..equals)?, part.get(equals + 1..)?);
    let values = right.split(|&piece| piece == ('|', false)).map(word).collect();
    match left {
        [attribute @ .., ('!', false)] => constraint(attribute, Condition::NotIn(values)),
        _ => constraint(left, Condition::In(values)),
    }
}

fn constraint(attribute: &[Piece], condition: Condition) -> Option<Constraint> {
    let attribute = word(attribute);
    (!attribute.is_empty()).then_some(Constraint { attribute, condition })
}

fn trim(mut part: &[Piece]) -> &[Piece] {
    while let [(character, false), rest @ ..] = part
        && character.is_whitespace()
    {
        part = rest;
    }
    while let [rest @ .., (character, false)] = part
        && character.is_whitespace()
    {
        part = rest;
    }
    part
}

fn word(part: &[Piece]) -> String {
    trim(part).iter().map(|(character, _)| *character).collect()
}

/// Writes constraints as a text that [`parse`] reads; None if one has no attribute or an empty list of values, which
/// has no written form.
pub(crate) fn print(constraints: &[Constraint]) -> Option<String> {
    let mut text = String::new();
    for constraint in constraints {
        if constraint.attribute.is_empty() {
            return None;
        }
        if !text.is_empty() {
            text.push_str("; ");
        }
        match &constraint.condition {
            Condition::Exists => text.push_str("has:"),
            Condition::Absent => text.push_str("not:"),
            Condition::In(_) | Condition::NotIn(_) => {}
        }
        escape(&constraint.attribute, "\\;=!|", &mut text);
        let values = match &constraint.condition {
            Condition::In(values) => values,
            Condition::NotIn(values) => {
                text.push('!');
                values
            }
            Condition::Exists | Condition::Absent => continue,
        };
        text.push('=');
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                text.push('|');
            }
            escape(value, "\\;|", &mut text);
        }
        if values.is_empty() {
            return None;
        }
    }
    Some(text)
}

fn escape(word: &str, special: &str, text: &mut String) {
    let last = word.chars().count().saturating_sub(1);
    for (at, character) in word.chars().enumerate() {
        let edge = at == 0 || at == last;
        if special.contains(character) || (edge && character.is_whitespace()) {
            text.push('\\');
        }
        text.push(character);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(attribute: &str, condition: Condition) -> Constraint {
        Constraint { attribute: attribute.into(), condition }
    }

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_four_forms_are_read() {
        let read = parse(b" gpu_model = A | B ;zone!=x; has:ssd;not: spot ; ").expect("valid");
        let expected = vec![
            of("gpu_model", Condition::In(list(&["A", "B"]))),
            of("zone", Condition::NotIn(list(&["x"]))),
            of("ssd", Condition::Exists),
            of("spot", Condition::Absent),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_no_constraint_is_refused() {
        for bad in ["ssd", "=x", "!=x", "has:", "not:  ", "a=b;c", "a=\\"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse(b" ; ; "), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            parts in proptest::collection::vec(
                (".{1,6}", 0_u8..4, proptest::collection::vec("[ a;|=!\\\\é]{0,5}", 1..4)), 0..4)
        ) {
            let constraints: Vec<Constraint> = parts
                .into_iter()
                .map(|(attribute, form, values)| {
                    let condition = match form {
                        0 => Condition::In(values),
                        1 => Condition::NotIn(values),
                        2 => Condition::Exists,
                        _ => Condition::Absent,
                    };
                    Constraint { attribute, condition }
                })
                .collect();
            let text = print(&constraints).expect("printable");
            prop_assert_eq!(parse(text.as_bytes()), Some(constraints), "{}", text);
        }
    }
}
