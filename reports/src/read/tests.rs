use windtunnel_outcome::Recorder;

use super::*;
use crate::sample;
use crate::write::{Extras, RecordOptions, ResultWriter};

fn saved(folder: &Path) -> Outcome {
    let outcome = sample::outcome(60, 700);
    let options = RecordOptions { lanes: outcome.lanes.clone(), ..RecordOptions::default() };
    let mut writer = ResultWriter::create(folder, &options).unwrap();
    writer.finish(&outcome).unwrap();
    let extras = Extras { scenario_toml: sample::SCENARIO.into(), command: "windtunnel run sample".into() };
    let facts = || RunFacts { wall_s: 1.5, version: "0.1.0".into(), ..RunFacts::default() };
    writer.commit(&outcome, &extras, facts).unwrap();
    outcome
}

#[test]
fn a_result_reads_back_as_it_was() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("sample");
    let outcome = saved(&folder);
    let read = load(&folder).unwrap();
    assert_eq!(read.outcome.summary, outcome.summary);
    assert_eq!(read.outcome.series, outcome.series);
    assert_eq!(read.outcome.waits, outcome.waits);
    assert_eq!(read.outcome.slowest, outcome.slowest);
    assert_eq!(read.outcome.warnings, outcome.warnings);
    assert_eq!(read.outcome.end, outcome.end);
    assert_eq!(read.outcome.nodes.len(), outcome.nodes.len());
    for (read, node) in read.outcome.nodes.iter().zip(&outcome.nodes) {
        assert_eq!((&read.name, read.capacity, &read.domains), (&node.name, node.capacity, &node.domains));
        assert_eq!((read.up, read.down, read.starts), (node.up, node.down, node.starts));
        for lane in 0..LANES {
            // Written as floating point: exact to 2^-52.
            let (read, exact) = (read.allocated[lane] as f64, node.allocated[lane] as f64);
            assert!((read - exact).abs() <= exact * 4e-16, "{read} {exact}");
        }
    }
    let bits = |heat: &HeatTable| heat.cells.iter().map(|cell| cell.to_bits()).collect::<Vec<_>>();
    let (read_heat, heat) = (read.outcome.heat.unwrap(), outcome.heat.unwrap());
    assert_eq!((read_heat.columns, &read_heat.first_node), (heat.columns, &heat.first_node));
    assert!(bits(&read_heat) == bits(&heat));
    assert_eq!((read.command.as_str(), read.scenario_toml.as_str()), ("windtunnel run sample", sample::SCENARIO));
    assert_eq!((read.facts.wall_s, read.facts.version.as_str()), (1.5, "0.1.0"));
}

#[test]
fn a_page_that_is_rendered_again_is_the_same() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("sample");
    saved(&folder);
    let before = fs::read_to_string(folder.join("report.html")).unwrap();
    fs::remove_file(folder.join("report.html")).unwrap();
    let path = render_again(&folder).unwrap();
    assert!(fs::read_to_string(path).unwrap() == before);
}

#[test]
fn two_writes_of_one_outcome_are_equal_in_every_byte() {
    let above = tempfile::tempdir().unwrap();
    let folders = [above.path().join("one"), above.path().join("two")];
    folders.iter().for_each(|folder| drop(saved(folder)));
    let files =
        ["tasks", "nodes", "series", "page/heat", "page/waits", "page/slowest"].map(|name| format!("{name}.parquet"));
    for name in files.iter().map(String::as_str).chain(["summary.json", "scenario.toml", "report.html"]) {
        let [one, two] = folders.each_ref().map(|folder| fs::read(folder.join(name)).unwrap());
        assert!(one == two, "{name}");
    }
}

#[test]
fn what_is_missing_or_broken_is_named() {
    let above = tempfile::tempdir().unwrap();
    let error = load(above.path()).unwrap_err();
    assert!(error.message.contains("summary.json is not there"), "{error}");
    let folder = above.path().join("sample");
    saved(&folder);
    fs::write(folder.join("series.parquet"), b"PAR1 nothing of the kind PAR1").unwrap();
    let error = load(&folder).unwrap_err();
    assert!(error.message.contains("series.parquet"), "{error}");
    fs::write(folder.join("summary.json"), b"[]").unwrap();
    assert!(load(&folder).unwrap_err().message.contains("summary.json: it is not a JSON object"));
}
