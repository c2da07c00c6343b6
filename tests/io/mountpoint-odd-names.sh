#!/usr/bin/env bash
# Spaces, commas, colons, newlines, backslashes and the like are characters of a name, no syntax.
. "$(dirname "$0")/lib.sh"
need_fuse
need_fusebay
names=('with space' 'a,b=c,ro' 'nbd:host:10' $'new\nline' 'back\slash\040' "quote's\"" 'pct%s%d'
  '#hash' 'json:{"driver":"null-co"}' 'ünï' $'tab\there' '-f')

for name in "${names[@]}"; do
  random_file "./$name" 65536
  mountpoint_file "./m $name"
  serve "./$name" "./m $name"
  same_bytes "./$name" "./m $name"
  source=$(mount_lines "./m $name" | sed 's/.* - fuse.fusebay //; s/ .*//')
  expect_eq "$(unescape "$source")" "$dir/$name" "the mount's source"
  bounded "$FUSEBAY" umount "./m $name" || fail "umount of '$name'"
  expect_end
done

# After "--" a name may start with a dash.
mountpoint_file ./-m
fusebay mount -- -f -m
same_bytes ./-f ./-m
fusebay umount -- -m
