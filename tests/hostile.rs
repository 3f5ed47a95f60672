//! Input that wants to do harm, and any input at all: what every cluster is promised, the fuzzer's corpus, strings that mean something.

#[path = "hostile/broken.rs"]
mod broken;
#[path = "hostile/corpus.rs"]
mod corpus;
#[path = "hostile/growth.rs"]
mod growth;
#[path = "hostile/inputs.rs"]
mod inputs;
#[path = "hostile/properties.rs"]
mod properties;
#[path = "hostile/readers.rs"]
mod readers;
#[path = "hostile/strings.rs"]
mod strings;
