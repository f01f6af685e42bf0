//! `summary.json`: the numbers of a run as nested objects.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value as Json};
use windtunnel_outcome::{Summary, Value};

/// Where the warnings of a run stand in the summary, numbered.
pub const WARNINGS: &str = "warnings";

/// The numbers and the warnings as one JSON object: keys sorted, floating point in the shortest form that reads back
/// the same, a line break at the end.
#[must_use]
pub fn to_json(summary: &Summary, warnings: &[String]) -> String {
    let digits = warnings.len().to_string().len();
    let numbered = |(number, warning): (usize, &String)| {
        (vec![WARNINGS.to_owned(), format!("{:0digits$}", number + 1)], Json::String(warning.clone()))
    };
    // Sorted here, since a map of the JSON library keeps the order of insertion in some builds.
    let numbers = summary.iter().map(|(path, value)| (path.to_vec(), json(value)));
    let sorted: BTreeMap<Vec<String>, Json> = numbers.chain(warnings.iter().enumerate().map(numbered)).collect();
    let mut root = Map::new();
    for (path, value) in sorted {
        insert(&mut root, &path, value);
    }
    let mut text = format!("{:#}", Json::Object(root));
    text.push('\n');
    text
}

/// Puts a value at its path. A number that is also the beginning of other paths stands under the empty key.
fn insert(object: &mut Map<String, Json>, path: &[String], value: Json) {
    match path {
        [] => {}
        [last] => match object.get_mut(last) {
            Some(Json::Object(nested)) => {
                nested.insert(String::new(), value);
            }
            _ => {
                object.insert(last.clone(), value);
            }
        },
        [first, rest @ ..] => {
            let nested = object.entry(first.clone()).or_insert_with(|| Json::Object(Map::new()));
            if !nested.is_object() {
                let leaf = std::mem::take(nested);
                *nested = Json::Object(Map::from_iter([(String::new(), leaf)]));
            }
            if let Json::Object(nested) = nested {
                insert(nested, rest, value);
            }
        }
    }
}

/// Whole numbers stay whole where JSON readers can hold them, and become floating point beyond.
fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => Json::String(text.clone()),
        Value::Real(real) => Number::from_f64(*real).map_or(Json::Null, Json::Number),
        Value::Whole(whole) => {
            if let Ok(whole) = u64::try_from(*whole) {
                whole.into()
            } else if let Ok(whole) = i64::try_from(*whole) {
                whole.into()
            } else {
                (*whole as f64).into()
            }
        }
    }
}

/// Reads back what [`to_json`] wrote: the numbers, and the warnings in their order.
///
/// # Errors
/// One sentence if `text` is no JSON object, or holds a list or a truth value.
pub fn from_json(text: &str) -> Result<(Summary, Vec<String>), String> {
    let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Json::Object(mut root) = json else { return Err("it is not a JSON object".to_owned()) };
    let mut warnings = Vec::new();
    if let Some(Json::Object(numbered)) = root.remove(WARNINGS) {
        let numbered: BTreeMap<String, Json> = numbered.into_iter().collect();
        warnings.extend(numbered.into_values().filter_map(|text| text.as_str().map(str::to_owned)));
    }
    let mut summary = Summary::default();
    collect(&mut summary, &mut Vec::new(), &root)?;
    Ok((summary, warnings))
}

fn collect(summary: &mut Summary, path: &mut Vec<String>, object: &Map<String, Json>) -> Result<(), String> {
    for (key, json) in object {
        path.push(key.clone());
        let value = match json {
            Json::Object(nested) => {
                collect(summary, path, nested)?;
                path.pop();
                continue;
            }
            Json::Null => Value::Null,
            Json::String(text) => Value::Text(text.clone()),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(whole), ..) => Value::Whole(whole.into()),
                (_, Some(whole), _) => Value::Whole(whole.into()),
                (.., real) => Value::from(real),
            },
            Json::Bool(_) | Json::Array(_) => return Err(format!("{} is no number and no text", path.join("."))),
        };
        let leaf = if key.is_empty() && path.len() > 1 { path.len() - 1 } else { path.len() };
        summary.set_path(path[..leaf].to_vec(), value);
        path.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Summary {
        let mut summary = Summary::default();
        summary.set("wait_s.p99", 0.1 + 0.2);
        summary.set("wait_s.mean", 3.0);
        summary.set("tasks.submitted", 7_u64);
        summary.set("makespan_s", Value::Null);
        summary.set("scenario", "a \"quoted\" name");
        summary.set("conservation.cpu.residual", Value::Whole(i128::from(i64::MIN)));
        summary.set("conservation.cpu.capacity", Value::Whole(1 << 80));
        summary.set_path(vec!["by_class".into(), "v1.2".into(), "tasks".into()], 3_u64);
        summary
    }

    #[test]
    fn keys_are_sorted_and_numbers_short() {
        let text = to_json(&sample(), &["first".to_owned()]);
        let expected = r#"{
  "by_class": {
    "v1.2": {
      "tasks": 3
    }
  },
  "conservation": {
    "cpu": {
      "capacity": 1.2089258196146292e+24,
      "residual": -9223372036854775808
    }
  },
  "makespan_s": null,
  "scenario": "a \"quoted\" name",
  "tasks": {
    "submitted": 7
  },
  "wait_s": {
    "mean": 3.0,
    "p99": 0.30000000000000004
  },
  "warnings": {
    "1": "first"
  }
}
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_written_reads_back() {
        let warnings: Vec<String> = (0..12).map(|number| format!("warning {number}")).collect();
        let text = to_json(&sample(), &warnings);
        let (summary, read) = from_json(&text).unwrap();
        assert_eq!(read, warnings, "ten and more keep their order");
        let mut expected = sample();
        expected.set("conservation.cpu.capacity", (1_u128 << 80) as f64);
        assert_eq!(summary, expected);
        assert_eq!(to_json(&summary, &read), text);
    }

    #[test]
    fn a_number_that_begins_other_names_is_not_lost() {
        let mut summary = Summary::default();
        summary.set("a", 1_u64);
        summary.set("a.b", 2_u64);
        let text = to_json(&summary, &[]);
        assert_eq!(from_json(&text).unwrap().0, summary);
    }

    #[test]
    fn what_is_no_summary_is_refused() {
        assert!(from_json("[1]").is_err());
        assert_eq!(from_json("{\"a\": {\"b\": [1]}}").unwrap_err(), "a.b is no number and no text");
    }
}
