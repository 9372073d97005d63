#!/bin/sh
# Makes the secrets of this example in the folder that is named:
#   secrets.sh DIR
set -eu
umask 077
[ $# = 1 ] || { echo "usage: secrets.sh DIR" >&2; exit 2; }
random() { head -c 32 /dev/urandom | base64 -w0; }

random > "$1/gossip.key"
# BIND's key and that of whoever publishes; "tsig-keygen bind" makes the same.
for name in bind operator; do
    printf 'key "%s" {\n\talgorithm hmac-sha256;\n\tsecret "%s";\n};\n' "$name" "$(random)" > "$1/$name.key"
done
