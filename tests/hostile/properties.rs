//! What holds for every cluster, shown on clusters chosen at random.

use meshimg::spec::load;
use proptest::prelude::*;

use crate::inputs::{chosen, promises};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_cluster_is_sound(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let text = chosen(&bytes, 24);
        let (spec, _) = load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
        promises::judge(&spec, bytes.len() % 8 == 0);
    }
}
