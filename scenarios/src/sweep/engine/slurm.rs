//! A job array of Slurm: one array task per shard, on a file system that all nodes share.

use std::process::Command;

use super::{Engine, EngineOptions, Progressed, SHARDS};
use crate::command::quoted;
use crate::failure::Failure;
use crate::sweep::Job;

pub(super) const ENGINE: Engine = Engine {
    name: "slurm",
    summary: "a Slurm job array, one task per shard; the folder must be on a file system that all nodes share",
    options: &[SHARDS, super::EXTRA],
    source: "Slurm: sbatch --array, SLURM_ARRAY_TASK_ID",
    perform,
};

/// The script that `sbatch` is given.
fn script(program: &str, folder: &str, shards: u32) -> String {
    let last = shards - 1;
    let (program, log, folder) = (quoted(program), quoted(&format!("{folder}/slurm-%a.log")), quoted(folder));
    format!(
        "#!/bin/sh\n#SBATCH --job-name=windtunnel-sweep\n#SBATCH --array=0-{last}\n#SBATCH --output={log}\n\
         exec {program} sweep shard {folder}\n"
    )
}

fn perform(job: &Job<'_>, options: &EngineOptions) -> Result<Progressed, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("this program cannot be found again ({error})")))?;
    let folder = job.folder().display().to_string();
    let text = script(&program.display().to_string(), &folder, options.shards.get());
    let path = job.write("slurm.sh", &text)?;
    let output =
        Command::new("sbatch").arg("--wait").args(&options.extra).arg(&path).output().map_err(|error| {
            Failure::new(format!("sbatch cannot be started ({error}); run this where Slurm's commands are")).hint(
                format!("the script is {}; `windtunnel sweep gather {}` afterwards", path.display(), quoted(&folder)),
            )
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim();
        let said = if said.is_empty() { "one of its tasks failed" } else { said };
        return Err(Failure::new(format!("the job array did not succeed: {said}; mend it and use --resume"))
            .hint(format!("what the tasks said is in {folder}/slurm-*.log")));
    }
    Ok(Progressed::Done { idle_share: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_one_command_per_shard() {
        insta::assert_snapshot!(script("/opt/bin/windtunnel", "/shared/my runs/a.sweep", 4), @r"
        #!/bin/sh
        #SBATCH --job-name=windtunnel-sweep
        #SBATCH --array=0-3
        #SBATCH --output='/shared/my runs/a.sweep/slurm-%a.log'
        exec /opt/bin/windtunnel sweep shard '/shared/my runs/a.sweep'
        ");
    }
}
