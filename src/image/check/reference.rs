//! The list of codes in docs/images.md.

use super::finding::Code;

/// A table of every code: what it is called, how bad it is, when it is found.
pub fn reference_markdown() -> String {
    let mut text = String::from("| Code | Severity | Found when |\n|---|---|---|\n");
    for code in Code::ALL {
        text += &format!("| `{code}` | {} | {} |\n", code.severity().as_str(), code.meaning());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "<!-- codes: written by `MESHIMG_UPDATE=1 cargo test reference` -->\n";
    const END: &str = "<!-- end of codes -->\n";

    #[test]
    fn the_reference_of_codes_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (listed, after) = rest.split_once(END).unwrap();
        if std::env::var_os("MESHIMG_UPDATE").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", reference_markdown())).unwrap();
            return;
        }
        assert_eq!(
            listed,
            reference_markdown(),
            "docs/images.md: `MESHIMG_UPDATE=1 cargo test reference` writes it"
        );
    }

    #[test]
    fn codes_are_unique_and_of_an_area() {
        let mut texts: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(texts.iter().all(|text| text.split("::").count() == 2));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len());
    }
}
