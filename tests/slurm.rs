//! A sweep on a real Slurm: a controller and four nodes on this machine, started by hand and ended with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Scratch;
use crate::sweep::{TINY, must_do, sweep, table};

/// The words of a real Slurm that the test starts.
const PROGRAMS: [&str; 5] = ["munged", "slurmctld", "slurmd", "sbatch", "sinfo"];

/// Where a program lies; daemons stand beside the paths that users search.
fn found(program: &str) -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&search).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Daemons that end with the value.
struct Daemons(Vec<Child>);

impl Daemons {
    fn start(&mut self, program: &str, arguments: &[&str], conf: &Path) {
        let mut command = Command::new(found(program).expect("it was found before"));
        command.args(arguments).env("SLURM_CONF", conf).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.0.push(child.unwrap_or_else(|error| panic!("{program} starts: {error}")));
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for child in self.0.iter_mut().rev() {
            // It may have ended by itself; then there is nothing to end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// A cluster of four nodes in a folder.
fn cluster(folder: &Path) -> (Daemons, PathBuf) {
    let conf = folder.join("slurm.conf");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("the machine has a name");
    let host = host.trim().split('.').next().unwrap_or("localhost").to_owned();
    let at = text(folder);
    let lines = format!(
        "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\n\
         AuthInfo=socket={at}/munge.socket\nStateSaveLocation={at}/state\nSlurmdSpoolDir={at}/%n\n\
         SlurmctldPidFile={at}/slurmctld.pid\nSlurmdPidFile={at}/slurmd-%n.pid\nSlurmctldLogFile={at}/slurmctld.log\n\
         SlurmdLogFile={at}/slurmd-%n.log\nSlurmctldPort=16817\nProctrackType=proctrack/linuxproc\n\
         TaskPlugin=task/none\nSlurmdParameters=config_overrides\nSelectType=select/cons_tres\nReturnToService=2\n\
         NodeName=n[1-4] NodeHostname=localhost NodeAddr=127.0.0.1 Port=17001-17004 CPUs=1\n\
         PartitionName=main Nodes=n[1-4] Default=YES State=UP\n"
    );
    std::fs::write(&conf, lines).expect("files can be written");
    for name in ["state", "n1", "n2", "n3", "n4"] {
        std::fs::create_dir(folder.join(name)).expect("folders can be made");
    }
    let key = folder.join("munge.key");
    // A key for this test alone.
    std::fs::write(&key, [7_u8; 1024]).expect("files can be written");
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o400);
    std::fs::set_permissions(&key, only_owner).expect("rights can be set");
    let mut daemons = Daemons(Vec::new());
    let [key_file, socket, pid, log, seed] = [
        ("key-file", "munge.key"),
        ("socket", "munge.socket"),
        ("pid-file", "munged.pid"),
        ("log-file", "munged.log"),
        ("seed-file", "munged.seed"),
    ]
    .map(|(flag, name)| format!("--{flag}={at}/{name}"));
    daemons.start("munged", &["--foreground", "--force", &key_file, &socket, &pid, &log, &seed], &conf);
    let begin = Instant::now();
    while !folder.join("munge.socket").exists() {
        assert!(begin.elapsed() < Duration::from_secs(20), "munged does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    daemons.start("slurmctld", &["-D", "-f", text(&conf)], &conf);
    for node in ["n1", "n2", "n3", "n4"] {
        daemons.start("slurmd", &["-D", "-N", node, "-f", text(&conf)], &conf);
    }
    loop {
        let mut sinfo = Command::new(found("sinfo").expect("it was found before"));
        let output = sinfo.args(["-h", "-o", "%T %D"]).env("SLURM_CONF", &conf).output().expect("sinfo starts");
        if String::from_utf8_lossy(&output.stdout).trim() == "idle 4" {
            return (daemons, conf);
        }
        let log = std::fs::read_to_string(folder.join("slurmctld.log")).unwrap_or_default();
        assert!(begin.elapsed() < Duration::from_secs(60), "the cluster does not come up: {log}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

const SWEEP: &str = "
name = \"dealt\"
scenario = \"tiny.toml\"
seeds = 5
[[axis]]
key = \"scheduler.placement\"
values = [\"best-fit\", \"worst-fit\"]
";

#[test]
fn a_job_array_gives_the_same_bytes_as_this_machine() {
    if let Some(missing) = PROGRAMS.iter().find(|program| found(program).is_none()) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "Slurm is missing under CI: no {missing}");
        println!("skipped: there is no {missing}; install slurm-wlm and munge");
        return;
    }
    // Munge wants a folder that nobody else may write on the way to its socket.
    let folder = Scratch::new();
    let scratch = Scratch::new();
    scratch.write("tiny.toml", TINY);
    scratch.write("sweep.toml", SWEEP);
    let here = scratch.path();
    must_do(&mut sweep(here, &["sweep.toml", "--out", "local"]));
    let (daemons, conf) = cluster(folder.path());
    must_do(
        sweep(here, &["sweep.toml", "--engine", "slurm", "--shards", "4", "--out", "slurm"]).env("SLURM_CONF", &conf),
    );
    drop(daemons);
    assert!(table(here, "local") == table(here, "slurm"), "Slurm's results differ");
    assert!((0..4).all(|shard| here.join(format!("slurm/slurm-{shard}.log")).exists()), "not every shard ran");
}
