#!/bin/sh
# Installs deployer for the user who runs it; root is not needed.
#   curl -sSL https://deployer.io/install.sh | sh
# Variables: DEPLOYER_VERSION (latest), DEPLOYER_PREFIX ($HOME/.local), DEPLOYER_BASE_URL (where releases are).
# Nothing is installed before its checksum was verified.
set -eu

fail() {
  printf 'deployer was not installed: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  %s\n' "$2" >&2
  exit 1
}

platform() {
  case "$(uname -s)/$(uname -m)" in
    Linux/x86_64 | Linux/amd64) echo x86_64-unknown-linux-musl ;;
    Linux/aarch64 | Linux/arm64) echo aarch64-unknown-linux-musl ;;
    Darwin/arm64 | Darwin/aarch64) echo aarch64-apple-darwin ;;
    Darwin/x86_64) echo x86_64-apple-darwin ;;
    *) return 1 ;;
  esac
}

# The checksums come from where the programs come from: only TLS says who that is.
check_address() {
  case $1 in
    https://*) ;;
    # Behind a user's name stands whose server it is.
    *@*) fail "the address $1 is not https" "set DEPLOYER_BASE_URL to an https address" ;;
    http://127.0.0.1[:/]* | http://localhost[:/]*) ;;
    *) fail "the address $1 is not https" "set DEPLOYER_BASE_URL to an https address" ;;
  esac
}

fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --proto-redir =https --retry 2 --output "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget is there" "install one of them and try again"
  fi
}

checksum() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1"
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1"
  else
    fail "neither sha256sum nor shasum is there, so the checksum cannot be verified"
  fi | cut -d' ' -f1
}

verify() {
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$2\$/\1/p" "$1/SHA256SUMS")
  [ -n "$wanted" ] || fail "there is no checksum of $2" "the release may not have this platform yet"
  found=$(checksum "$1/$2")
  [ "$found" = "$wanted" ] ||
    fail "the checksum of $2 is wrong" "expected $wanted, found $found: the download is damaged, or not what was released"
}

# Nothing is half installed for want of a right.
check_prefix() {
  for directory in "$prefix/bin" "$prefix/share"; do
    mkdir -p "$directory" 2>/dev/null && [ -w "$directory" ] ||
      fail "$directory cannot be written to" "set DEPLOYER_PREFIX to a directory that you may write to"
  done
}

# A program that runs is replaced, never written into.
put() {
  mkdir -p "$2"
  cp "$1" "$2/.${1##*/}.new"
  mv -f "$2/.${1##*/}.new" "$2/${1##*/}"
}

place() {
  for program in "$1"/bin/*; do put "$program" "$prefix/bin"; done
  (cd "$1/share" && find . -type f) | while IFS= read -r file; do
    put "$1/share/$file" "$prefix/share/$(dirname "$file")"
  done
}

say_path() {
  case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) echo "Add it to your PATH: export PATH=\"$prefix/bin:\$PATH\"" ;;
  esac
}

main() {
  base=${DEPLOYER_BASE_URL:-https://deployer.io/releases}
  version=${DEPLOYER_VERSION:-latest}
  prefix=${DEPLOYER_PREFIX:-${HOME:?HOME is not set}/.local}
  target=$(platform) || fail "there are no programs for $(uname -s) on $(uname -m)" "build them from source: see the README"
  check_address "$base"
  archive=deployer-$target.tar.gz

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  for file in SHA256SUMS "$archive"; do
    fetch "$base/$version/$file" "$work/$file" || fail "$base/$version/$file could not be downloaded" "check the network and the version"
  done
  verify "$work" "$archive"

  mkdir "$work/tree"
  tar -xzf "$work/$archive" -C "$work/tree"
  "$work/tree/bin/deployer" version -q >/dev/null || fail "the program does not run on this machine"
  check_prefix
  place "$work/tree"
  printf 'deployer %s is installed in %s\n' "$("$prefix/bin/deployer" version -q)" "$prefix/bin"
  say_path
}

main "$@"
