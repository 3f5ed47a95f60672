//! The report's page, read back as a browser reads it.

#[path = "page/hostile.rs"]
mod hostile;
#[path = "page/sample.rs"]
mod sample;
#[path = "page/structure.rs"]
mod structure;

/// A line for each element, the style sheet left out: a snapshot that can be read, and whose differences can be too.
fn readable(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    format!("{head}<style></style>{body}").replace("><", ">\n<")
}

#[test]
fn the_whole_page() {
    insta::assert_snapshot!(readable(&sample::small().html()));
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(sample::red().html(), sample::red().html());
}
