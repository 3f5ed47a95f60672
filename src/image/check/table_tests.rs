use super::*;

/// What sfdisk 2.38 says of a small GPT disk.
const GPT: &str = r#"{"partitiontable": {"label":"gpt", "id":"1", "device":"/x/disk0", "unit":"sectors", "firstlba":34, "lastlba":131038,
  "sectorsize":512, "partitions": [
    {"node":"/x/disk0p2", "start":6144, "size":1000, "type":"0FC63DAF-8483-4772-8E79-3D69D8477DE4", "uuid":"2"},
    {"node":"/x/disk0p1", "start":2048, "size":2048, "type":"21686148-6449-6E6F-744E-656564454649", "uuid":"1"}]}}"#;

#[test]
fn places_are_in_bytes_and_in_order() {
    let table = parse(GPT.as_bytes(), Path::new("/x/disk0")).unwrap();
    assert_eq!(table.label, Label::Gpt);
    let numbers: Vec<(u32, u64, u64)> = table.partitions.iter().map(|p| (p.number, p.start, p.end())).collect();
    assert_eq!(numbers, [(1, 1 << 20, 2 << 20), (2, 3 << 20, (3 << 20) + 512_000)]);
    assert_eq!(table.partitions[0].kind, BIOS_BOOT);
    assert!(check(&table, 64 << 20, Some(2)).is_empty());
}

#[test]
fn a_container_of_partitions_is_none() {
    let mbr = r#"{"partitiontable": {"label":"dos", "partitions": [
        {"node":"a1", "start":2048, "size":2048, "type":"5"}, {"node":"a5", "start":4096, "size":2048, "type":"EF"}]}}"#;
    let table = parse(mbr.as_bytes(), Path::new("a")).unwrap();
    assert_eq!((table.partitions.len(), table.partitions[0].number), (1, 5));
    assert!(table.partitions[0].is_esp());
}

#[test]
fn what_is_no_table_is_refused() {
    let sizes = GPT.replace("6144", "18446744073709551615");
    let sun = GPT.replace("gpt", "sun");
    for text in ["", "{}", sizes.as_str(), sun.as_str()] {
        assert_eq!(parse(text.as_bytes(), Path::new("/x/disk0")), None, "{text}");
    }
    insta::assert_debug_snapshot!(arguments(Path::new("disk")), @r#"
    [
        "--json",
        "--",
        "disk",
    ]
    "#);
}
