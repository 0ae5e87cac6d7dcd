# A template: `packaging/package` fills in the version and the checksums of what it made.
class Deployer < Formula
  desc "One deployment system for many isolated teams, without a server to run"
  homepage "https://deployer.io"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "@BASE@/@VERSION@/deployer-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256-aarch64-apple-darwin@"
    end
    on_intel do
      url "@BASE@/@VERSION@/deployer-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256-x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "@BASE@/@VERSION@/deployer-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256-aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "@BASE@/@VERSION@/deployer-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256-x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "bin/deployer", "bin/deployerd"
    man1.install Dir["share/man/man1/*"]
    bash_completion.install "share/bash-completion/completions/deployer"
    zsh_completion.install "share/zsh/site-functions/_deployer"
    fish_completion.install "share/fish/vendor_completions.d/deployer.fish"
  end

  service do
    run [opt_bin/"deployerd", "--foreground"]
    keep_alive successful_exit: false
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/deployer version -q")
    ENV["DEPLOYER_STATE_DIR"] = testpath/"state"
    ENV["DEPLOYER_KEYRING"] = "memory"
    ENV["DEPLOYER_ADMIN_PASSWORD"] = "correct horse battery staple"
    system bin/"deployer", "admin", "bootstrap", "--no-daemon", "--backend", "local:#{testpath}/deployer.db"
  end
end
