//! Compiles the contract without `protoc` and keeps its descriptor set, which reflection and JSON output are made of.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorSet;

/// Messages that carry secrets or whole environments: `src/redacted.rs` gives them a `Debug` that shows nothing.
const SECRET_BEARING: [&str; 13] = [
    ".deployer.v1.CallContext",
    ".deployer.v1.FullEnvironment",
    ".deployer.v1.InlineSignIn",
    ".deployer.v1.BootstrapRequest",
    ".deployer.v1.AdminLoginRequest",
    ".deployer.v1.LoginRequest",
    ".deployer.v1.TenantCreated",
    ".deployer.v1.TenantRotated",
    ".deployer.v1.TenantRestored",
    ".deployer.v1.RotatePasswordRequest",
    ".deployer.v1.PasswordRotated",
    ".deployer.v1.ProposeOtpRequest",
    ".deployer.v1.OtpProposal",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=deployer");
    let mut files: Vec<PathBuf> =
        fs::read_dir("deployer/v1")?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.sort();
    let set = protox::compile(&files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), without_comments(set.clone()).encode_to_vec())?;
    let mut prost = tonic_prost_build::Config::new();
    prost.enable_type_names();
    prost.skip_debug(SECRET_BEARING);
    tonic_prost_build::configure().compile_fds_with_config(set, prost)?;
    Ok(())
}

/// Comments are half of the set, and no program reads them.
fn without_comments(mut set: FileDescriptorSet) -> FileDescriptorSet {
    set.file.iter_mut().for_each(|file| file.source_code_info = None);
    set
}
