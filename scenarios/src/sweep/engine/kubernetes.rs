//! An Indexed Job of Kubernetes: one completion per shard, on a volume that all of them mount.

use super::{Engine, EngineOptions, Progressed, SHARDS};
use crate::failure::Failure;
use crate::sweep::Job;
use crate::talk;
use windtunnel_scheduler::registry::OptionNote;

pub(super) const ENGINE: Engine = Engine {
    name: "kubernetes",
    summary: "the manifest of an Indexed Job, one completion per shard; apply it where the volume claim is",
    options: &[
        SHARDS,
        OptionNote { name: "--image", default: "windtunnel:latest", meaning: "the image that has this program" },
        OptionNote { name: "--claim", default: "windtunnel", meaning: "the volume claim that holds the folder" },
    ],
    source: "Kubernetes: batch/v1 Job with completionMode Indexed, JOB_COMPLETION_INDEX",
    perform,
};

/// Where the folder is mounted in every pod.
const MOUNT: &str = "/sweep";

/// A text as YAML takes it: JSON's quoting is YAML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A name as Kubernetes takes it: lower case, digits and `-`, at most 50 of them.
fn label(name: &str) -> String {
    let fine = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let label: String = fine.take(50).collect();
    label.trim_matches('-').to_owned()
}

fn manifest(name: &str, options: &EngineOptions) -> String {
    let (shards, image, claim) = (options.shards, quoted(&options.image), quoted(&options.claim));
    let name = label(name);
    format!(
        "apiVersion: batch/v1\n\
         kind: Job\n\
         metadata:\n\
         \x20 name: windtunnel-{name}\n\
         spec:\n\
         \x20 completionMode: Indexed\n\
         \x20 completions: {shards}\n\
         \x20 parallelism: {shards}\n\
         \x20 backoffLimit: {shards}\n\
         \x20 template:\n\
         \x20   spec:\n\
         \x20     restartPolicy: OnFailure\n\
         \x20     containers:\n\
         \x20       - name: shard\n\
         \x20         image: {image}\n\
         \x20         command: [\"windtunnel\", \"sweep\", \"shard\", \"{MOUNT}\"]\n\
         \x20         volumeMounts:\n\
         \x20           - name: sweep\n\
         \x20             mountPath: {MOUNT}\n\
         \x20     volumes:\n\
         \x20       - name: sweep\n\
         \x20         persistentVolumeClaim:\n\
         \x20           claimName: {claim}\n"
    )
}

fn perform(job: &Job<'_>, options: &EngineOptions) -> Result<Progressed, Failure> {
    let path = job.write("job.yaml", manifest(job.name(), options))?;
    let folder = job.folder().display();
    talk::say(&format!(
        "put {folder} on the volume of the claim `{}`, then: kubectl apply -f {}; when the job is complete, fetch the \
         folder and say: windtunnel sweep gather {folder}",
        options.claim,
        path.display()
    ));
    Ok(Progressed::HandedOver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_an_indexed_job() {
        let options = EngineOptions {
            shards: 4.try_into().unwrap(),
            extra: vec![],
            image: "registry.example/windtunnel:0.1".into(),
            claim: "scratch".into(),
        };
        insta::assert_snapshot!(manifest("Fleet size.v2", &options));
    }
}
