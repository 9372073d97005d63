#!/bin/sh
# The secrets that all nodes share.
#   secrets.sh DIR             makes them, once, below DIR
#   secrets.sh --install DIR   as root on each node: copies them below /etc, readable
#                              by asterfed and by Asterisk, each its own, and by
#                              nobody else
set -eu
umask 077
usage() { echo "usage: secrets.sh DIR | secrets.sh --install DIR [ROOT]" >&2; exit 2; }

# put FILE FOLDER USER: root owns the copy, the user's group reads it.
put() {
    to=$root/etc/$2/$1
    mkdir -p "$(dirname "$to")"
    cp "$from/etc/$2/$1" "$to"
    chgrp "$3" "$to" "$(dirname "$to")"
    chmod 640 "$to"
    chmod g+rx "$(dirname "$to")"
}

if [ "${1-}" = --install ]; then
    [ $# = 2 ] || [ $# = 3 ] || usage
    from=$2 root=${3-}
    for user in asterfed asterisk; do
        group=$user
        getent group "$user" >/dev/null || {
            echo "secrets.sh: there is no group $user: its secrets stay readable by root only" >&2
            group=root
        }
        (cd "$from/etc/$user" && find . -type f) | while read -r file; do put "$file" "$user" "$group"; done
    done
    exit
fi
case ${1-} in -*) usage ;; esac
[ $# = 1 ] || usage
mkdir -p "$1/etc/asterfed" "$1/etc/asterisk" "$1/etc/asterisk/keys"
random() { head -c "$1" /dev/urandom | base64 -w0; }
word() { head -c 18 /dev/urandom | base64 -w0 | tr '+/' 'ab'; }

# Serf's gossip key, and the TSIG key with which nodes fetch each other's zones.
echo "$(random 32)" > "$1/etc/asterfed/gossip.key"
cat > "$1/etc/asterfed/transfer.key" <<KEY
key "transfer.fed.example." {
    algorithm hmac-sha256;
    secret "$(random 32)";
};
KEY

# The manager account, once for asterfed and once for Asterisk.
word > "$1/etc/asterfed/ami.secret"
printf 'secret = %s\n' "$(cat "$1/etc/asterfed/ami.secret")" > "$1/etc/asterisk/manager_secret.conf"

# The account "fed": a password for SIP, a key pair for IAX2. Asterisk's IAX2
# takes RSA keys of 1024 bits only.
printf 'password = %s\n' "$(word)" > "$1/etc/asterisk/pjsip_secret.conf"
pair() {
    openssl genrsa -traditional -out "$1.key" 1024 2>/dev/null || openssl genrsa -out "$1.key" 1024
    openssl rsa -in "$1.key" -pubout -out "$1.pub" 2>/dev/null
}
pair "$1/etc/asterisk/keys/fed"

# The account "fedtrunk", for calls that leave by another node's trunk: another
# password and another key pair, so that who knows those of "fed" reaches users
# only.
printf 'password = %s\n' "$(word)" > "$1/etc/asterisk/pjsip_trunk_secret.conf"
pair "$1/etc/asterisk/keys/fedtrunk"
