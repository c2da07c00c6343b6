#!/usr/bin/env bash
# `meson install` puts program, mount helper, man pages and completion where they belong.
. "$(dirname "$0")/lib.sh"
need_fusebay
need_program meson
build=$(dirname "$FUSEBAY")/..
[ -f "$build/build.ninja" ] || skip "needs the build folder of $FUSEBAY"

bounded meson install -C "$build" --no-rebuild --quiet --destdir "$dir/root" >install.log 2>&1 ||
  fail "meson install: $(tail -5 install.log)"
prefix=$(find root -path '*/bin/fusebay' -printf '%h\n')/..
for file in bin/fusebay sbin/mount.fuse.fusebay share/bash-completion/completions/fusebay \
  share/man/man1/fusebay.1 share/man/man1/fusebay-mount.1 share/man/man8/mount.fuse.fusebay.8; do
  [ -e "$prefix/$file" ] || [ -e "$prefix/$file.gz" ] || [ -L "$prefix/$file" ] ||
    fail "no $file in: $(find root -type f -o -type l)"
done
expect_contains "$("$prefix/bin/fusebay" --version)" "fusebay "
expect_eq "$(basename "$(readlink "$prefix/sbin/mount.fuse.fusebay")")" fusebay "the helper"
bash -n "$prefix/share/bash-completion/completions/fusebay"
# Nothing but what has been named so far, and more manual pages.
others=$(cd "$prefix" && find . ! -type d | grep -vE '/(man[18]|bin|sbin|completions)/' || true)
expect_eq "$others" "" "other installed files"
