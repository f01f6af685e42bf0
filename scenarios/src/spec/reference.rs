//! The reference of all keys, from the same types that read them: as a JSON schema, or as a page of Markdown.

use std::fmt::Write as _;

use serde_json::Value;

use super::Scenario;

/// The JSON schema of a scenario.
#[must_use]
pub fn json() -> Value {
    schemars::schema_for!(Scenario).to_value()
}

/// The reference as Markdown: a table of keys per table of the scenario.
#[must_use]
pub fn markdown() -> String {
    let schema = json();
    let mut page = String::from("# Keys of a scenario\n");
    let mut pending = vec![(String::new(), schema.clone(), false)];
    let mut at = 0;
    while let Some((path, table, is_list)) = pending.get(at).cloned() {
        at += 1;
        section(&schema, &path, &table, is_list, &mut page, &mut pending);
    }
    page
}

fn section(
    schema: &Value,
    path: &str,
    table: &Value,
    is_list: bool,
    page: &mut String,
    pending: &mut Vec<(String, Value, bool)>,
) {
    let title = match (path, is_list) {
        ("", _) => String::from("the top"),
        (path, true) => format!("[[{path}]]"),
        (path, false) => format!("[{path}]"),
    };
    // Writing into a String cannot fail.
    let _ = write!(page, "\n## {title}\n\n| key | type | default | meaning |\n|---|---|---|---|\n");
    let Some(properties) = table.get("properties").and_then(Value::as_object) else { return };
    let required: Vec<&str> =
        table.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, property) in properties {
        let target = resolve(schema, property);
        let default = match property.get("default") {
            _ if required.contains(&key.as_str()) => String::from("required"),
            Some(Value::Null | Value::Object(_)) | None => String::new(),
            Some(default) => format!("`{default}`"),
        };
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let meaning = property.get("description").or_else(|| target.get("description"));
        let meaning = meaning.and_then(Value::as_str).unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(page, "| `{key}` | {} | {default} | {meaning} |", kind(schema, property));
        let item = target.get("items").map(|items| resolve(schema, items));
        if target.get("properties").is_some() && target.get("title").is_none() {
            pending.push((inner, target.clone(), false));
        } else if let Some(item) = item
            && item.get("properties").is_some()
        {
            pending.push((inner, item.clone(), true));
        }
    }
}

/// Follows a reference into the definitions, and an optional value to what it is if given.
fn resolve<'a>(schema: &'a Value, property: &'a Value) -> &'a Value {
    let mut here = property;
    loop {
        if let Some(reference) = here.get("$ref").and_then(Value::as_str) {
            let Some(target) = reference.strip_prefix('#').and_then(|pointer| schema.pointer(pointer)) else {
                return here;
            };
            here = target;
        } else if let Some([one, null]) = here.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
            && null.get("type").and_then(Value::as_str) == Some("null")
        {
            here = one;
        } else {
            return here;
        }
    }
}

/// The kind of a value in a few words.
fn kind(schema: &Value, property: &Value) -> String {
    let target = resolve(schema, property);
    if let Some(title) = target.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    let words = words(target);
    if !words.is_empty() {
        return words.join(" \\| ");
    }
    if let Some(options) = target.get("anyOf").and_then(Value::as_array) {
        return options.iter().map(|option| kind(schema, option)).collect::<Vec<_>>().join(" or ");
    }
    if target.get("properties").is_some() {
        return String::from("table");
    }
    match target.get("type") {
        Some(Value::String(one)) => plain(one, target, schema),
        Some(Value::Array(many)) => {
            let many: Vec<String> = many
                .iter()
                .filter_map(Value::as_str)
                .filter(|one| *one != "null")
                .map(|one| plain(one, target, schema))
                .collect();
            many.join(" or ")
        }
        _ => String::new(),
    }
}

fn plain(name: &str, target: &Value, schema: &Value) -> String {
    match name {
        "integer" => String::from("whole number"),
        "boolean" => String::from("true or false"),
        "string" => String::from("text"),
        "object" => String::from("table"),
        "array" => target.get("items").map_or_else(|| "list".into(), |item| format!("list of {}", kind(schema, item))),
        other => other.to_owned(),
    }
}

/// The words of an enumeration.
fn words(target: &Value) -> Vec<String> {
    let listed = target.get("enum").and_then(Value::as_array);
    let described = target.get("oneOf").and_then(Value::as_array);
    let from_list = listed.into_iter().flatten().filter_map(Value::as_str);
    let from_constants = described.into_iter().flatten().filter_map(|one| one.get("const").and_then(Value::as_str));
    from_list.chain(from_constants).map(|word| format!("`\"{word}\"`")).collect()
}
