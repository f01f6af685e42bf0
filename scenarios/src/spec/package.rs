//! `[[workload]] package`: a workload and its framework out of the library, or out of the folder `packages` beside the
//! scenario, with options filled in.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::set::place_all;
use crate::failure::{Failure, listed, nearest};
use crate::library;

/// The tables of a package.
struct Package<'a> {
    name: &'a str,
    tables: DeTable<'static>,
}

/// Fills up every workload that names a package: a key that the workload has stays as it is. The framework of the
/// package joins the frameworks unless one of its name is there. `file` is the scenario, `at` the place that is given
/// to all that is written.
///
/// # Errors
/// If there is no such package, or it has no such option, as one sentence that begins with the key.
pub(super) fn apply(root: &mut DeTable<'_>, file: &str, at: &Range<usize>) -> Result<(), Failure> {
    let mut frameworks: Vec<DeTable<'static>> = Vec::new();
    let Some(DeValue::Array(workloads)) = root.get_mut("workload").map(Spanned::get_mut) else { return Ok(()) };
    for (position, workload) in workloads.iter_mut().enumerate() {
        let DeValue::Table(written) = workload.get_mut() else { continue };
        let Some(name) = text_of(written, "package") else { continue };
        let key = format!("workload.{position}");
        let package = Package { name: &name, tables: find(&name, file, &key)? };
        frameworks.push(fill(written, package, &key, at)?);
    }
    for framework in frameworks {
        add_framework(root, framework, at);
    }
    Ok(())
}

fn text_of(table: &DeTable<'_>, key: &str) -> Option<String> {
    table.get(key)?.get_ref().as_str().map(str::to_owned)
}

/// The tables of the package called `name`: the user's own before those of the library.
fn find(name: &str, file: &str, key: &str) -> Result<DeTable<'static>, Failure> {
    let own = Path::new(file).parent().map(|folder| folder.join("packages").join(format!("{name}.toml")));
    let own = own.filter(|_| !name.contains(['/', '\\', '.'])).and_then(|path| std::fs::read_to_string(path).ok());
    let known = library::entries().find(|entry| entry.kind == "package" && entry.name == name);
    let text: &'static str = match (own, known) {
        // What is read of it lives as long as the scenario, which the whole program works on.
        (Some(text), _) => Box::leak(text.into_boxed_str()),
        (None, Some(entry)) => entry.text,
        (None, None) => {
            let names = || library::entries().filter(|entry| entry.kind == "package").map(|entry| entry.name);
            let fix = nearest(name, names())
                .map_or_else(|| format!("write {}", listed(names())), |near| format!("did you mean `{near}`?"));
            return Err(Failure::new(format!("`{key}.package`: there is no package `{name}`; {fix}")));
        }
    };
    let parsed = DeTable::parse(text);
    parsed.map(Spanned::into_inner).map_err(|error| {
        let sentence = error.message().trim_end().replace('\n', ", ");
        Failure::new(format!("`{key}.package`: the package {name} cannot be read ({sentence}); correct its file"))
    })
}

/// Fills a workload up and gives the framework that goes with it.
fn fill(
    written: &mut DeTable<'_>,
    mut package: Package<'_>,
    key: &str,
    at: &Range<usize>,
) -> Result<DeTable<'static>, Failure> {
    let mut options = take_table(&mut package.tables, "options");
    let known: Vec<String> = options.keys().map(|name| name.get_ref().to_string()).collect();
    if let Some(DeValue::Table(given)) = written.get("options").map(Spanned::get_ref) {
        for (name, value) in given {
            let name = name.get_ref().as_ref();
            if !known.iter().any(|known| known == name) {
                let names = || known.iter().map(String::as_str);
                let fix = nearest(name, names())
                    .map_or_else(|| format!("write {}", listed(names())), |near| format!("did you mean `{near}`?"));
                let package = package.name;
                let sentence = format!("`{key}.options`: the package {package} has no option `{name}`; {fix}");
                return Err(Failure::new(sentence));
            }
            put(&mut options, name, leaked(value.get_ref()), at);
        }
    }
    let instances = written.get("instances").map_or(DeValue::Integer(one()), |value| leaked(value.get_ref()));
    put(&mut options, "instances", instances, at);
    let mut framework = take_table(&mut package.tables, "framework");
    substitute_all(&mut framework, &options);
    let name = text_of(written, "name").unwrap_or_else(|| package.name.to_owned());
    let asks = text_of(written, "framework").unwrap_or_else(|| name.clone());
    for (own, text) in [("name", name), ("framework", asks.clone())] {
        if !written.contains_key(own) {
            put(written, own, DeValue::String(text.into()), at);
        }
    }
    let mut rest = take_table(&mut package.tables, "workload");
    substitute_all(&mut rest, &options);
    for (own, value) in rest {
        if !written.contains_key(own.get_ref().as_ref()) {
            put(written, own.get_ref(), value.into_inner(), at);
        }
    }
    put(&mut framework, "name", DeValue::String(asks.into()), at);
    Ok(framework)
}

fn one() -> toml::de::DeInteger<'static> {
    match DeValue::parse("1").map(Spanned::into_inner) {
        Ok(DeValue::Integer(one)) => one,
        _ => unreachable!("`1` is a whole number"),
    }
}

/// A scalar that belongs to nobody: options are few and small.
fn leaked(value: &DeValue<'_>) -> DeValue<'static> {
    let text = match value {
        DeValue::String(text) => return DeValue::String(text.to_string().into()),
        DeValue::Boolean(flag) => return DeValue::Boolean(*flag),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        _ => return DeValue::Boolean(false),
    };
    DeValue::parse(Box::leak(text.into_boxed_str())).map_or(DeValue::Boolean(false), Spanned::into_inner)
}

fn take_table(tables: &mut DeTable<'static>, name: &str) -> DeTable<'static> {
    match tables.remove(name).map(Spanned::into_inner) {
        Some(DeValue::Table(table)) => table,
        _ => DeTable::new(),
    }
}

fn put<'a>(table: &mut DeTable<'a>, key: &str, mut value: DeValue<'a>, at: &Range<usize>) {
    place_all(&mut value, at);
    table.insert(Spanned::new(at.clone(), key.to_owned().into()), Spanned::new(at.clone(), value));
}

fn substitute_all(table: &mut DeTable<'static>, options: &DeTable<'static>) {
    for (_, value) in table.iter_mut() {
        substitute(value.get_mut(), options);
    }
}

/// A text `$name` stands for the option of that name.
fn substitute(value: &mut DeValue<'static>, options: &DeTable<'static>) {
    match value {
        DeValue::String(text) => {
            if let Some(option) = text.strip_prefix('$').and_then(|name| options.get(name)) {
                *value = option.get_ref().clone();
            }
        }
        DeValue::Array(items) => items.iter_mut().for_each(|item| substitute(item.get_mut(), options)),
        DeValue::Table(table) => substitute_all(table, options),
        _ => {}
    }
}

fn add_framework(root: &mut DeTable<'_>, framework: DeTable<'static>, at: &Range<usize>) {
    let name = text_of(&framework, "name");
    if !root.contains_key("framework") {
        put(root, "framework", DeValue::Array(toml::de::DeArray::new()), at);
    }
    let Some(DeValue::Array(list)) = root.get_mut("framework").map(Spanned::get_mut) else { return };
    let same = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::Table(table) => text_of(table, "name") == name,
        _ => false,
    };
    if !list.iter().any(same) {
        let mut value = DeValue::Table(framework);
        place_all(&mut value, at);
        list.push(Spanned::new(at.clone(), value));
    }
}
