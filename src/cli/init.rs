//! `meshimg init`.

use std::io::Write;
use std::path::PathBuf;

use super::{Context, output};
use crate::error::Error;
use crate::render::WriteError;
use crate::spec::{self, ClusterName};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write to this file, which must not be there yet, instead of standard output
    file: Option<PathBuf>,
    /// The cluster's name
    #[arg(long, value_name = "CLUSTER", default_value = "demo", value_parser = cluster_name)]
    name: ClusterName,
}

fn cluster_name(text: &str) -> Result<ClusterName, String> {
    text.parse().map_err(|error: spec::InvalidName| error.to_string())
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let text = spec::init_text(arguments.name.as_str());
    let Some(path) = &arguments.file else { return output::print(&text) };
    let failed = |source: std::io::Error| WriteError::Write {
        path: path.clone(),
        source,
    };
    if path.exists() {
        return Err(Error::Usage(format!(
            "{} is there already and stays as it is; choose another name",
            path.display()
        )));
    }
    // Whole or not at all: a temporary file beside it, then a rename that refuses to replace.
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(std::path::Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".meshimg-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).map_err(failed)?;
    file.persist_noclobber(path).map_err(|error| failed(error.error))?;
    context
        .ui
        .line(&format!("wrote {0}; put your hosts there, then: meshimg check {0}", path.display()));
    Ok(())
}
