fn main() -> std::process::ExitCode {
    meshimg::cli::main()
}
