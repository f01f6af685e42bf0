//! Constraints as one text: `gpu_model=A|B; zone!=x; has:ssd; not:spot; rack MAX_PER 2`.
//!
//! The last is attribute, operator and value as Marathon's users write them: see [`Demand::add_operator`]. A backslash
//! takes the meaning from the character after it. Blanks around attributes and values are dropped.

use windtunnel_scheduler::constraint::{Condition, Constraint};
use windtunnel_scheduler::layout::{Law, Layout, Rule};

use crate::model::Demand;

/// What a text of constraints looks like, for messages.
pub(crate) const EXPECTED: &str = "constraints such as `gpu_model=A|B; zone!=x; has:ssd; not:spot; rack MAX_PER 2`";

/// A character and whether a backslash stood before it.
type Piece = (char, bool);

/// Reads a text; None if a part of it is no constraint.
pub(crate) fn parse(text: &[u8]) -> Option<Demand> {
    let text = String::from_utf8_lossy(text);
    let mut pieces: Vec<Piece> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => pieces.push((characters.next()?, true)),
            _ => pieces.push((character, false)),
        }
    }
    let mut demand = Demand::default();
    for part in pieces.split(|&piece| piece == (';', false)).map(trim).filter(|part| !part.is_empty()) {
        match one(part) {
            Some(constraint) => demand.constraints.push(constraint),
            None => operator(part, &mut demand)?,
        }
    }
    Some(demand)
}

/// Attribute, operator and value, with blanks between them.
fn operator(part: &[Piece], demand: &mut Demand) -> Option<()> {
    if part.contains(&('=', false)) {
        return None;
    }
    let is_blank = |piece: &Piece| piece.0.is_whitespace() && !piece.1;
    let first = part.iter().position(is_blank)?;
    let rest = trim(&part[first..]);
    let second = rest.iter().position(is_blank).unwrap_or(rest.len());
    let value = word(&rest[second..]);
    let value = (!value.is_empty()).then_some(value.as_str());
    demand.add_operator(&word(&part[..first]), &word(&rest[..second]), value).ok()
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

/// Writes constraints as a text that [`parse`] reads; None if one has no written form: no attribute, an empty list of
/// values, a condition on numbers or taints, a preference.
pub(crate) fn print(constraints: &[Constraint], layout: Option<&Layout>) -> Option<String> {
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
            Condition::Like(value) => {
                print_operator(&constraint.attribute, "LIKE", value, &mut text)?;
                continue;
            }
            Condition::Unlike(value) => {
                print_operator(&constraint.attribute, "UNLIKE", value, &mut text)?;
                continue;
            }
            Condition::Is(value) => {
                print_operator(&constraint.attribute, "IS", value, &mut text)?;
                continue;
            }
            Condition::Within { .. } | Condition::Tolerates(_) | Condition::Welcomes(_) => return None,
        }
        escape(&constraint.attribute, "\\;=!|", &mut text);
        let values = match &constraint.condition {
            Condition::In(values) => values,
            Condition::NotIn(values) => {
                text.push('!');
                values
            }
            _ => continue,
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
    let plain = Layout::default();
    let layout = layout.unwrap_or(&plain);
    if !layout.preferences.is_empty() || !layout.within.is_empty() {
        return None;
    }
    for rule in &layout.rules {
        print_rule(rule, &mut text)?;
    }
    Some(text)
}

fn print_rule(rule: &Rule, text: &mut String) -> Option<()> {
    if !text.is_empty() {
        text.push_str("; ");
    }
    let (operator, number) = match rule.law {
        Law::Unique => ("UNIQUE", None),
        Law::Cluster => ("CLUSTER", None),
        Law::MaxPer(most) => ("MAX_PER", Some(most)),
        Law::GroupBy(number) => ("GROUP_BY", Some(number)),
        Law::GroupByOld(number) => ("GROUP_BY_OLD", Some(number)),
        Law::Skew { .. } => return None,
    };
    print_operator(&rule.attribute, operator, &number.map_or_else(String::new, |number| number.to_string()), text)
}

fn print_operator(attribute: &str, operator: &str, value: &str, text: &mut String) -> Option<()> {
    if attribute.is_empty() || attribute.contains(char::is_whitespace) {
        return None;
    }
    escape(attribute, "\\;=!|", text);
    text.push(' ');
    text.push_str(operator);
    if !value.is_empty() {
        text.push(' ');
        escape(value, "\\;=", text);
    }
    Some(())
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
        assert_eq!(read, Demand { constraints: expected, ..Demand::default() });
    }

    #[test]
    fn operators_are_read_and_written() {
        let text = "zone!=x; rack LIKE r[0-9]\\=\\;; cores IS 8; hostname UNIQUE; rack MAX_PER 2; zone GROUP_BY 3; \
                    zone GROUP_BY_OLD 3; row CLUSTER";
        let demand = parse(text.as_bytes()).expect("valid");
        let laws: Vec<Law> = demand.layout.rules.iter().map(|rule| rule.law).collect();
        assert_eq!(laws, [Law::Unique, Law::MaxPer(2), Law::GroupBy(3), Law::GroupByOld(3), Law::Cluster]);
        assert_eq!(demand.constraints[1], of("rack", Condition::Like("r[0-9]=;".into())));
        assert_eq!(print(&demand.constraints, Some(&demand.layout)).as_deref(), Some(text));
        let skew = Rule { attribute: "zone".into(), law: Law::Skew { most: 1, domains: 0 } };
        assert_eq!(print(&[], Some(&Layout { rules: vec![skew], ..Layout::default() })), None);
        assert_eq!(print(&[of("cores", Condition::Within { least: 0, most: 1 })], None), None);
    }

    #[test]
    fn what_is_no_constraint_is_refused() {
        for bad in ["ssd UNIQUE 1", "ssd NEXT_TO x", "a LIKE (", "ssd", "=x", "!=x", "has:", "not:  ", "a=b;c", "a=\\"]
        {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse(b" ; ; "), Some(Demand::default()));
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
            let text = print(&constraints, None).expect("printable");
            let demand = Demand { constraints, ..Demand::default() };
            prop_assert_eq!(parse(text.as_bytes()), Some(demand), "{}", text);
        }
    }
}
