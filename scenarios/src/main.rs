//! The program `windtunnel`.

fn main() -> std::process::ExitCode {
    windtunnel::Tool::new().main()
}
