use meshimg::image::{BaseRequest, Cache, Flavor, base};
use meshimg::spec::Os;
fn main() {
    meshimg::exec::interrupt::install().unwrap();
    let words: Vec<String> = std::env::args().collect();
    let has = |word: &str| words.iter().any(|other| other == word);
    let os = if has("debian-12") { Os::Debian12 } else { Os::Debian13 };
    let flavor = if has("stock") { Flavor::Stock } else { Flavor::Full };
    let ui = meshimg::ui::Ui::new(meshimg::ui::Verbosity::Verbose, true);
    let request = BaseRequest { os, archive: None, flavor };
    match base(&request, &Cache::from_environment().unwrap(), &ui) {
        Ok(image) => println!(
            "{}\n{}\n{}\n{}",
            image.disk.display(),
            image.kernel.display(),
            image.initrd.display(),
            image.command_line
        ),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1)
        }
    }
}
