use super::*;
use crate::plan::plan;
use crate::plan::tests::classic;

#[test]
fn dump() {
    let plan = plan(&classic()).unwrap();
    for (path, artifact) in cloud_init(&plan, None).unwrap().0 {
        let path = std::path::PathBuf::from("/root/exp/out").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, artifact.bytes).unwrap();
    }
}
